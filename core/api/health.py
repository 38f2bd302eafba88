"""Whether the process is up, whether it can serve, and the figures for those who watch."""

import asyncio
import time
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from core.db import timezone
from core.db.deploy import fingerprint
from core.errors import PayopsError
from core.monitoring import prometheus
from core.periods import wall_clock
from core.services import Services

AWAY = frozenset({"APIConnectionError", "APIError", "RateLimitError"})  # any other class is an answer of Stripe's


async def livez(request: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def readyz(request: Request) -> Response:
    """200 when the database answers, carries this version's schema and counts days in our time zone; each check with its state and latency.

    Stripe is told of as it was last found: a probe does not wait for it.
    """
    services = request.app.state.services
    database = await asyncio.to_thread(_database_check, services)
    ready = database["state"] == "ok"
    checks = [database]
    if ready:
        checks.append(await asyncio.to_thread(_write_check, services))
        checks.append(await asyncio.to_thread(_timezone_check, services))
        ready = all(check["state"] == "ok" for check in checks)
        checks.append(await asyncio.to_thread(_stripe_check, services))
    return JSONResponse({"status": "ok" if ready else "unready", "checks": checks}, 200 if ready else 503)


async def metrics(request: Request) -> Response:
    """The figures for Prometheus."""
    services: Services = request.app.state.services
    text = await asyncio.to_thread(lambda: prometheus.exposition(services.db, services.clock()))
    return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")


def _database_check(services: Services) -> dict[str, Any]:
    started = time.monotonic()
    try:
        deployed = services.db.call("schema_fingerprint")["fingerprint"]
        state, detail = ("ok", None) if deployed == fingerprint() else ("failed", "Run `payops migrate`.")
    except PayopsError as error:
        state, detail = "failed", error.detail
    latency_ms = round((time.monotonic() - started) * 1000, 1)
    return {"name": "database", "state": state, "latency_ms": latency_ms, "detail": detail}


def _write_check(services: Services) -> dict[str, Any]:
    """A full disk or a read-only server still answers reads, and takes no event."""
    started = time.monotonic()
    try:
        services.db.call("check_writes", now=wall_clock())
        state, detail = "ok", None
    except PayopsError as error:
        state, detail = "failed", f"The database takes no writes. {error.detail}"
    latency_ms = round((time.monotonic() - started) * 1000, 1)
    return {"name": "database writes", "state": state, "latency_ms": latency_ms, "detail": detail}


def _timezone_check(services: Services) -> dict[str, Any]:
    """Days end at one midnight for this process, for the database, and for the time zone data of both."""
    started = time.monotonic()
    try:
        timezone.require(services.db, services.settings.business_timezone, wall_clock())
        state, detail = "ok", None
    except PayopsError as error:
        state, detail = "failed", error.detail
    latency_ms = round((time.monotonic() - started) * 1000, 1)
    return {"name": "time zone", "state": state, "latency_ms": latency_ms, "detail": detail}


def _stripe_check(services: Services) -> dict[str, Any]:
    try:
        last = services.db.call("last_stripe_call", now=services.clock())
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
