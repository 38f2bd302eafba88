"""A request that failed because of a bug: it is logged, becomes an incident, and the answer shows no internals."""

import asyncio
from datetime import datetime

import structlog
from starlette.requests import Request
from starlette.responses import Response

from core.api.problems import answer_to, problem
from core.errors import Unavailable
from core.monitoring.incidents import Incident, IncidentLog
from core.services import Services

STRIPE_WEBHOOK = "/api/webhooks/stripe"
INTAKE_WEBHOOKS = ("/api/webhooks/form-submission", "/api/webhooks/consultation-status")
log = structlog.get_logger(__name__)


async def answer_to_defect(request: Request, error: Exception, services: Services) -> Response:
    """Report the error. A webhook is answered with 503, so that its sender repeats it; any other request with 500."""
    path = getattr(request.scope.get("route"), "path", request.url.path)
    request_id = request.scope["payops.request_id"]
    log.error("a request failed", route=path, request_id=request_id, exc_info=error)
    incident = _incident(path, type(error).__name__, request_id, services.clock())
    # If the database is unreachable the incident goes to a file instead, so this never fails.
    await asyncio.to_thread(IncidentLog(services.db, services.settings.data_dir).report, incident)
    if path == STRIPE_WEBHOOK or path in INTAKE_WEBHOOKS:
        return answer_to(request, Unavailable("not_recorded", "This could not be recorded. Send it again."))
    return problem(request, 500, "internal_error", f"Something went wrong on our side. It is recorded as {request_id}.")


def _incident(path: str, kind: str, request_id: str, now: datetime) -> Incident:
    what, fingerprint, title = "api_failed", f"{path} {kind}", f"A request to {path} failed."
    if path == STRIPE_WEBHOOK:
        what, fingerprint, title = "webhook_failed", kind, "An event could not be recorded. Stripe sends it again."
    elif path in INTAKE_WEBHOOKS:
        what, title = "intake_failed", f"A message to {path} could not be recorded. The intake form sends it again."
    return Incident(what, fingerprint, title, now, sample={"route": path, "error": kind}, request_id=request_id)
