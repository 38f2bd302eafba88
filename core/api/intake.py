"""The intake form's webhooks: a new submission, and the end of a consultation."""

import asyncio
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from core.errors import PayopsError, Refused, Unavailable
from core.periods import wall_clock
from core.providers import assignment, intake
from core.services import Services

Model = TypeVar("Model", bound=BaseModel)


async def form_submission(request: Request) -> Response:
    """Record a submission; returns its consultation, assigned or waiting with the reason."""
    services: Services = request.app.state.services
    given = await _verified(request, services)
    submission = _fitting(intake.Submission, given)
    try:
        answer = await asyncio.to_thread(intake.submit, services.db, submission, given, now=services.clock())
    except Refused as error:
        if path := intake.FIELDS.get(error.code):
            error.facts["path"] = path
        raise
    # A provider may have become free meanwhile for this consultation.
    waiting = answer["status"] == "waiting"
    return JSONResponse(answer, background=BackgroundTask(_drain, services) if waiting else None)


async def consultation_status(request: Request) -> Response:
    """End the consultation, which frees its provider's slot; repeating the message changes nothing."""
    services: Services = request.app.state.services
    change = _fitting(intake.StatusChange, await _verified(request, services))
    answer = await asyncio.to_thread(
        assignment.end, services.db, intake.INTAKE, change.consultationId, change.status, services.clock()
    )
    return JSONResponse(answer)


async def _verified(request: Request, services: Services) -> dict[str, Any]:
    """The body, if its signature is valid; signatures use the real time, not the sandbox's clock."""
    body = await request.body()
    if not services.intake_secrets:
        raise Unavailable("not_configured", "INTAKE_WEBHOOK_SECRETS is not set.", retry_after_seconds=60)
    return intake.verify(body, request.headers, services.intake_secrets, now=wall_clock())


def _drain(services: Services) -> None:
    try:
        assignment.drain(services.db, services.clock())
    except PayopsError:
        return  # the worker tries again, and reports it if that fails


def _fitting(model: type[Model], given: dict[str, Any]) -> Model:
    """The message validated as `model`; raises `Refused` with the path of each invalid field."""
    try:
        return model.model_validate(given)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        errors = [{"path": ".".join(map(str, one["loc"])), "message": one["msg"]} for one in found]
        raise Refused("invalid_body", "Some fields of the body are invalid.", facts={"errors": errors}) from None
