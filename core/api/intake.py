"""The intake form's webhooks: a submission that gets its provider, and a consultation that is over."""

import asyncio
from typing import Any

from pydantic import ValidationError
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from core.api.problems import problem, problem_of
from core.errors import PayopsError, Refused, Unavailable
from core.periods import wall_clock
from core.providers import assignment, intake
from core.services import Services

BAD_REQUEST = frozenset({"bad_signature", "stale_timestamp", "malformed_body"})
STATUSES = {"submission_differs": 409, "already_ended": 409, "no_such_consultation": 404}


async def form_submission(request: Request) -> Response:
    """The submission's consultation: assigned, or waiting with the reason."""
    services: Services = request.app.state.services
    try:
        given = await _verified(request, services)
        submission = intake.Submission.model_validate(given)
        now = services.clock()
        answer = await asyncio.to_thread(intake.submit, services.db, submission, given, now=now)
    except (PayopsError, ValidationError) as error:
        return _problem(request, error)
    # What was freed while this was being recorded may be for it.
    waiting = answer["status"] == "waiting"
    return JSONResponse(answer, background=BackgroundTask(_drain, services) if waiting else None)


async def consultation_status(request: Request) -> Response:
    """The consultation is over and its provider has room; the same again changes nothing."""
    services: Services = request.app.state.services
    try:
        change = intake.StatusChange.model_validate(await _verified(request, services))
        answer = await asyncio.to_thread(
            assignment.end, services.db, intake.INTAKE, change.consultationId, change.status, services.clock()
        )
    except (PayopsError, ValidationError) as error:
        return _problem(request, error)
    return JSONResponse(answer)


async def _verified(request: Request, services: Services) -> dict[str, Any]:
    """The body, once it is known to be the form's; signatures go by wall time, whatever the sandbox's clock says."""
    body = await request.body()
    if not services.intake_secrets:
        raise Unavailable("not_configured", "INTAKE_WEBHOOK_SECRETS is not set.", retry_after_seconds=60)
    return intake.verify(body, request.headers, services.intake_secrets, now=wall_clock())


def _drain(services: Services) -> None:
    try:
        assignment.drain(services.db, services.clock())
    except PayopsError:
        return  # the background work drains as well, and says so when it cannot


def _problem(request: Request, error: PayopsError | ValidationError) -> Response:
    if isinstance(error, ValidationError):
        found = error.errors(include_url=False, include_input=False, include_context=False)
        errors = [{"path": ".".join(map(str, one["loc"])), "message": one["msg"]} for one in found]
        return problem(request, 422, "invalid_body", "The body does not fit; see errors.", errors=errors)
    if isinstance(error, Refused) and error.code in intake.FIELDS:
        errors = [{"path": intake.FIELDS[error.code], "message": error.detail}]
        return problem(request, 422, error.code, error.detail, errors=errors)
    if isinstance(error, Refused):
        status = 400 if error.code in BAD_REQUEST else STATUSES.get(error.code, 422)
        return problem_of(request, error, refused_status=status)
    if isinstance(error, Unavailable):
        return problem_of(request, error)
    return problem_of(request, Unavailable("not_recorded", "This could not be recorded. Send it again."))
