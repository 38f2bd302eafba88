"""Health checks: whether the process is alive, whether it is ready, and the metrics for Prometheus."""

import asyncio
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypedDict

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
AWAY = frozenset({"APIConnectionError", "APIError", "RateLimitError"})  # with any other error Stripe has answered


class Check(TypedDict):
    """One check of `/readyz`; `state` is ok, failed or unknown."""

    name: str
    state: str
    latency_ms: float | None
    detail: str | None


class LastCall(TypedDict):
    """The last call to Stripe; `error` is the class of Stripe's error."""

    duration_ms: float
    error: str | None


async def livez(request: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def readyz(request: Request) -> Response:
    """200 if the database answers, has this version's schema and uses our time zone; each check with its latency.

    It has its own threads and connection, so that it answers while all others are in use. Stripe's state is that of the
    last call: a health check does not wait for Stripe.
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


def _database_check(db: Database) -> Check:
    started = time.monotonic()
    try:
        state, detail = _schema_state(db.call("schema_fingerprint"))
    except PayopsError as error:
        state, detail = "failed", error.detail
    latency_ms = round((time.monotonic() - started) * 1000, 1)
    return {"name": "database", "state": state, "latency_ms": latency_ms, "detail": detail}


def _schema_state(deployed: Mapping[str, Any]) -> tuple[str, str | None]:
    """The schema check's state and problem. A later version's schema is accepted, as in an upgrade or a roll-back."""
    if deployed["fingerprint"] == fingerprint():
        return "ok", None
    if fingerprint() in deployed.get("earlier", ()):
        return "ok", "The schema is of a later version, with which this one works."
    return "failed", "Run `payops migrate`."


def _write_check(db: Database) -> Check:
    """Whether the database accepts writes: with a full disk or a read-only server only reads work."""
    started = time.monotonic()
    try:
        db.call("check_writes", now=wall_clock())
        state, detail = "ok", None
    except PayopsError as error:
        state, detail = "failed", f"The database accepts no writes. {error.detail}"
    latency_ms = round((time.monotonic() - started) * 1000, 1)
    return {"name": "database writes", "state": state, "latency_ms": latency_ms, "detail": detail}


def _timezone_check(db: Database, services: Services) -> Check:
    """Whether this process and the database agree on the business time zone and its rules."""
    started = time.monotonic()
    try:
        timezone.require(db, services.settings.business_timezone, wall_clock())
        state, detail = "ok", None
    except PayopsError as error:
        state, detail = "failed", error.detail
    latency_ms = round((time.monotonic() - started) * 1000, 1)
    return {"name": "time zone", "state": state, "latency_ms": latency_ms, "detail": detail}


def _stripe_check(db: Database, services: Services) -> Check:
    try:
        last: LastCall | None = db.call("last_stripe_call", now=services.clock())
    except PayopsError:
        last = None
    if last is None:
        return {"name": "stripe", "state": "unknown", "latency_ms": None, "detail": "No call recently."}
    away = last["error"] in AWAY
    return {
        "name": "stripe",
        "state": "failed" if away else "ok",
        "latency_ms": round(last["duration_ms"], 1),
        "detail": "Stripe does not answer." if away else None,
    }
