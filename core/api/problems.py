"""Errors as `application/problem+json` (RFC 9457), with a stable code and the request's id."""

from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

from core.errors import PayopsError, Unauthorised, Unavailable


def problem(request: Request, status: int, code: str, detail: str, **more: Any) -> JSONResponse:
    """An answer that says what happened in one sentence, and nothing of how we are built."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        "request_id": request.scope.get("payops.request_id"),
        **more,
    }
    return JSONResponse(body, status, media_type="application/problem+json")


def problem_of(request: Request, error: PayopsError, *, refused_status: int = 422) -> JSONResponse:
    """The answer for an error of ours; a refusal's status is the route's to say."""
    if isinstance(error, Unavailable):
        answer = problem(request, 503, error.code, error.detail)
        answer.headers["Retry-After"] = str(error.retry_after_seconds)
        return answer
    status = 401 if isinstance(error, Unauthorised) else refused_status
    return problem(request, status, error.code, error.detail)
