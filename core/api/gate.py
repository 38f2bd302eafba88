"""What a call of the payment API passes: who calls, how often, and whether the same was asked before."""

import hashlib
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response

from core.api.problems import problem, problem_of
from core.api.tokens import Tokens
from core.errors import PayopsError, Refused, Unavailable
from core.payments.callers import Caller
from core.payments.desk import Desk
from core.payments.requests import Request
from core.periods import wall_clock

STATUS = {
    "card_declined": 402, "not_found": 404, "idempotency_key_reused": 409, "in_progress": 409, "bad_idempotency_key": 400,
}  # fmt: skip
SECRET_FIELDS = ("clientSecret", "nextAction", "recoveryUrl")
Work = Callable[[Request], BaseModel]
Refill = Callable[[dict[str, Any]], BaseModel]


@dataclass(frozen=True)
class Gate:
    """The payment API's parts, opened once a process."""

    desk: Desk
    tokens: Tokens
    limit_per_minute: int
    return_origins: tuple[str, ...]

    def enter(self, http: HttpRequest) -> Caller:
        """Who calls; raises `Unauthorised`, or `Unavailable` (`too_many_requests`)."""
        caller = self.tokens.caller(http.headers.get("authorization"))
        turn = self.desk.db.call(
            "take_api_turn", caller=caller.name, limit=self.limit_per_minute, now=wall_clock()
        )
        if not turn["allowed"]:
            raise Unavailable(
                "too_many_requests",
                f"More than {self.limit_per_minute} requests in a minute.",
                retry_after_seconds=turn["retry_after_seconds"],
            )
        return caller

    def read(self, http: HttpRequest, work: Callable[[Caller], BaseModel]) -> Response:
        """Answer a question that changes nothing."""
        try:
            return JSONResponse(_plain(work(self.enter(http))))
        except PayopsError as error:
            return refusal(http, error)

    def once(self, http: HttpRequest, asked: BaseModel, work: Work, refill: Refill | None = None) -> Response:
        """Answer a request; with an `Idempotency-Key` the same one again gets the same answer and one effect.

        Nothing secret is kept: `refill` asks Stripe again for what a kept answer left out.
        """
        try:
            caller = self.enter(http)
            key = http.headers.get("idempotency-key")
            if key is None:
                return JSONResponse(_plain(work(Request(caller, f"payops-{uuid.uuid4().hex}"))))
            return self._once(http, caller, _checked(key), asked, work, refill)
        except PayopsError as error:
            return refusal(http, error)

    def _once(
        self, http: HttpRequest, caller: Caller, key: str, asked: BaseModel, work: Work, refill: Refill | None
    ) -> Response:
        body = json.dumps(asked.model_dump(mode="json"), sort_keys=True)
        fingerprint = hashlib.sha256(f"{http.url.path}\n{body}".encode()).hexdigest()
        kept = self.desk.db.call(
            "begin_api_request", caller=caller.name, key=key, fingerprint=fingerprint, now=wall_clock()
        )
        if kept["state"] == "answered":
            return self._again(http, kept, refill)
        _require_ours(kept["state"])
        own = hashlib.sha256(f"{caller.name}\n{key}".encode()).hexdigest()[:40]
        return self._answered(
            http, caller, key, lambda: work(Request(caller, f"payops-{own}", kept["state"] == "again"))
        )

    def _answered(
        self, http: HttpRequest, caller: Caller, key: str, work: Callable[[], BaseModel]
    ) -> Response:
        """The work's answer, kept for whoever asks again; where it may be tried again, nothing is kept."""
        status: int | None = None
        answer: dict[str, Any] | None = None
        try:
            plain = _plain(work())
            status, answer = 200, {name: value for name, value in plain.items() if name not in SECRET_FIELDS}
            return JSONResponse(plain)
        except Refused as error:
            status, answer = (
                _status(error),
                {"code": error.code, "detail": error.detail, "facts": _kept(error)},
            )
            raise
        finally:
            self.desk.db.call(
                "answer_api_request",
                caller=caller.name,
                key=key,
                now=wall_clock(),
                status=status,
                answer=answer,
            )

    def _again(self, http: HttpRequest, kept: dict[str, Any], refill: Refill | None) -> Response:
        answer = kept["answer"]
        if kept["status"] != 200:
            raise Refused(answer["code"], answer["detail"], facts=answer["facts"])
        return JSONResponse(_plain(refill(answer)) if refill else answer)


def refusal(http: HttpRequest, error: PayopsError) -> Response:
    """The problem this error is; the status is the code's, else 422."""
    if error.code == "too_many_requests" and isinstance(error, Unavailable):
        answer = problem(http, 429, error.code, error.detail)
        answer.headers["Retry-After"] = str(error.retry_after_seconds)
        return answer
    if not isinstance(error, Refused):
        answer = problem_of(http, error)
        if answer.status_code == 401:
            answer.headers["WWW-Authenticate"] = "Bearer"
        return answer
    more: dict[str, Any] = dict(error.facts.get("body") or {})
    more.pop("code", None)
    if path := error.facts.get("path"):
        more["errors"] = [{"path": path, "message": error.detail}]
    return problem(http, _status(error), error.code, error.detail, **more)


def _status(error: Refused) -> int:
    return STATUS.get(error.code, 422)


def _kept(error: Refused) -> dict[str, Any]:
    return {name: error.facts[name] for name in ("body", "path") if name in error.facts}


def _plain(answer: BaseModel) -> dict[str, Any]:
    return answer.model_dump(mode="json")


def _checked(key: str) -> str:
    if not 0 < len(key) <= 255 or not key.isascii() or not key.isprintable():
        raise Refused("bad_idempotency_key", "An Idempotency-Key has 1 to 255 printable ASCII characters.")
    return key


def _require_ours(state: str) -> None:
    if state == "other_body":
        raise Refused("idempotency_key_reused", "This Idempotency-Key was used with another body.")
    if state == "in_progress":
        raise Refused("in_progress", "The request with this Idempotency-Key is still being worked on.")
