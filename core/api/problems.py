"""Maps each error to the API's answer: `application/problem+json` (RFC 9457) with a stable code."""

from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from core.errors import PayopsError, Refused, Unauthorised, Unavailable

# `Refused` is 422, `Unavailable` 503 and `Unauthorised` 401, unless the code is listed here.
STATUSES = {
    "bad_signature": 400,
    "stale_timestamp": 400,
    "malformed_body": 400,
    "bad_idempotency_key": 400,
    "card_declined": 402,
    "not_found": 404,
    "no_such_consultation": 404,
    "method_not_allowed": 405,
    "body_too_slow": 408,
    "idempotency_key_reused": 409,
    "in_progress": 409,
    "submission_differs": 409,
    "already_ended": 409,
    "body_too_large": 413,
    "wrong_host": 421,
    "too_many_requests": 429,
}
WRONG_HOST = "Nothing is served under this host."
# The codes for statuses that the framework sets itself, such as for an unknown path.
CODES = {
    400: "malformed_body",
    404: "not_found",
    405: "method_not_allowed",
    408: "body_too_slow",
    413: "body_too_large",
}


def status_of(error: PayopsError) -> int:
    """The HTTP status of an error."""
    kind = 503 if isinstance(error, Unavailable) else 401 if isinstance(error, Unauthorised) else 422
    return STATUSES.get(error.code, kind)


def is_answer(error: Exception) -> bool:
    """Whether this error is meant for the caller; any other error is a bug."""
    return isinstance(error, Refused | Unavailable | Unauthorised | HTTPException)


def answer_to(request: Request, error: Exception) -> JSONResponse:
    """The answer to an error that is meant for the caller (`is_answer`).

    `facts` of a refusal may name the `path` of the field at fault, all `errors`, or further fields of the `body`.
    """
    if isinstance(error, HTTPException):
        code = CODES.get(error.status_code, "refused")
        answer = problem(request, error.status_code, code, error.detail.rstrip(".") + ".")
        answer.headers.update(error.headers or {})
        if error.status_code in (408, 413):  # the rest of the body stays unread, so the connection is closed
            answer.headers["Connection"] = "close"
        return answer
    assert isinstance(error, PayopsError)
    more = dict(error.facts.get("body") or {})
    more.pop("code", None)
    if "errors" in error.facts:
        more["errors"] = error.facts["errors"]
    elif path := error.facts.get("path"):
        more["errors"] = [{"path": path, "message": error.detail}]
    answer = problem(request, status_of(error), error.code, error.detail, **more)
    if isinstance(error, Unavailable):
        answer.headers["Retry-After"] = str(error.retry_after_seconds)
    if isinstance(error, Unauthorised):
        answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


def problem(request: Request, status: int, code: str, detail: str, **more: Any) -> JSONResponse:
    """An answer that says what happened in one sentence and shows no internals."""
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
