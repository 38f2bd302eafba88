"""Whether the process is up, and whether it can serve."""

import asyncio
import time
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from core.db.deploy import fingerprint
from core.errors import PayopsError
from core.services import Services


async def livez(request: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def readyz(request: Request) -> Response:
    """200 when the database answers and carries this version's schema; each check with its state and latency."""
    check = await asyncio.to_thread(_database_check, request.app.state.services)
    ready = check["state"] == "ok"
    return JSONResponse({"status": "ok" if ready else "unready", "checks": [check]}, 200 if ready else 503)


def _database_check(services: Services) -> dict[str, Any]:
    started = time.monotonic()
    try:
        deployed = services.db.call("schema_fingerprint")["fingerprint"]
        state, detail = ("ok", None) if deployed == fingerprint() else ("failed", "Run `payops migrate`.")
    except PayopsError as error:
        state, detail = "failed", error.detail
    latency_ms = round((time.monotonic() - started) * 1000, 1)
    return {"name": "database", "state": state, "latency_ms": latency_ms, "detail": detail}
