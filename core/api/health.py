"""Whether the process is up, whether it can serve, and the figures for those who watch."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from core.db import Database, timezone
from core.db.deploy import fingerprint
from core.errors import PayopsError
from core.monitoring import prometheus
from core.periods import wall_clock
from core.services import Services

_threads = ThreadPoolExecutor(2, thread_name_prefix="health")
RETRY_AFTER_SECONDS = "5"
AWAY = frozenset({"APIConnectionError", "APIError", "RateLimitError"})  # any other class is an answer of Stripe's


async def livez(request: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def readyz(request: Request) -> Response:
    """200 when the database answers, carries this version's schema and counts days
    in our time zone; each check with its state and latency.

    It has threads and a connection of its own, so that it answers while all others are in use. Stripe is reported as it
    was last found: a probe does not wait for it.
    """
    services: Services = request.app.state.services
    run = partial(asyncio.get_running_loop().run_in_executor, _threads)
    db: Database = request.app.state.health_db
    database = await run(_database_check, db)
    ready = database["state"] == "ok"
    checks = [database]
    if ready:
        checks.append(await run(_write_check, db))
        checks.append(await run(_timezone_check, db, services))
        ready = all(check["state"] == "ok" for check in checks)
        checks.append(await run(_stripe_check, db, services))
    if ready:
        return JSONResponse({"status": "ok", "checks": checks})
    return JSONResponse({"status": "unready", "checks": checks}, 503, {"Retry-After": RETRY_AFTER_SECONDS})


async def metrics(request: Request) -> Response:
    """The figures for Prometheus."""
    services: Services = request.app.state.services
    text = await asyncio.to_thread(lambda: prometheus.exposition(services.db, services.clock()))
    return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")


def _database_check(db: Database) -> dict[str, Any]:
    started = time.monotonic()
    try:
        deployed = db.call("schema_fingerprint")["fingerprint"]
        state, detail = ("ok", None) if deployed == fingerprint() else ("failed", "Run `payops migrate`.")
    except PayopsError as error:
        state, detail = "failed", error.detail
    latency_ms = round((time.monotonic() - started) * 1000, 1)
    return {"name": "database", "state": state, "latency_ms": latency_ms, "detail": detail}


def _write_check(db: Database) -> dict[str, Any]:
    """A full disk or a read-only server still answers reads, and takes no event."""
    started = time.monotonic()
    try:
        db.call("check_writes", now=wall_clock())
        state, detail = "ok", None
    except PayopsError as error:
        state, detail = "failed", f"The database takes no writes. {error.detail}"
    latency_ms = round((time.monotonic() - started) * 1000, 1)
    return {"name": "database writes", "state": state, "latency_ms": latency_ms, "detail": detail}


def _timezone_check(db: Database, services: Services) -> dict[str, Any]:
    """Days end at one midnight for this process, for the database, and for the time zone data of both."""
    started = time.monotonic()
    try:
        timezone.require(db, services.settings.business_timezone, wall_clock())
        state, detail = "ok", None
    except PayopsError as error:
        state, detail = "failed", error.detail
    latency_ms = round((time.monotonic() - started) * 1000, 1)
    return {"name": "time zone", "state": state, "latency_ms": latency_ms, "detail": detail}


def _stripe_check(db: Database, services: Services) -> dict[str, Any]:
    try:
        last = db.call("last_stripe_call", now=services.clock())
    except PayopsError:
        last = None
    if last is None:
        return {"name": "stripe", "state": "unknown", "latency_ms": None, "detail": "Not asked lately."}
    away = last["error"] in AWAY
    return {
        "name": "stripe",
        "state": "failed" if away else "ok",
        "latency_ms": round(last["duration_ms"], 1),
        "detail": "Stripe does not answer." if away else None,
    }
