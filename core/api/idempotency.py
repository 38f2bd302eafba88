"""Idempotency keys: the same key with the same body gets the same answer and has one effect."""

import hashlib
import json
from collections.abc import Callable
from typing import Any, Literal, NotRequired, TypedDict

import structlog
from pydantic import BaseModel
from starlette.requests import Request as HttpRequest

from core.api.problems import status_of
from core.errors import PayopsError, Refused, Unavailable
from core.identifiers import private_problem
from core.payments.context import PaymentContext
from core.payments.operations.callers import Caller
from core.payments.operations.requests import Request
from core.periods import wall_clock

log = structlog.get_logger(__name__)

SECRET_FIELDS = ("clientSecret", "nextAction", "recoveryUrl")  # never stored with an answer
Answer = dict[str, Any]  # an operation's answer or a refusal, as JSON


class KeptRequest(TypedDict):
    """The stored state of the request with a key; `status` and `answer` are set once it was answered."""

    state: Literal["new", "again", "in_progress", "answered", "other_body"]
    status: NotRequired[int]
    answer: NotRequired[Answer]


Work = Callable[[PaymentContext, Request], BaseModel]
Refill = Callable[[PaymentContext, Answer], BaseModel]


def checked_key(key: str) -> str:
    if not 0 < len(key) <= 255 or not key.isascii() or not key.isprintable():
        raise Refused("bad_idempotency_key", "An Idempotency-Key must have 1 to 255 printable ASCII characters.")
    if problem := private_problem(key):
        raise Refused("private_identifier", problem, facts={"path": "Idempotency-Key"})
    return key


def fingerprint(http: HttpRequest, asked: BaseModel) -> str:
    body = json.dumps(asked.model_dump(mode="json"), sort_keys=True)
    return hashlib.sha256(f"{http.url.path}\n{body}".encode()).hexdigest()


def answer_once(
    context: PaymentContext, caller: Caller, key: str, fingerprint: str, work: Work, refill: Refill | None
) -> Answer:
    kept: KeptRequest = context.db.call(
        "begin_api_request", caller=caller.name, key=key, fingerprint=fingerprint, now=wall_clock()
    )
    if kept["state"] == "answered":
        return _again(context, kept, refill)
    _require_ours(kept["state"])
    own = hashlib.sha256(f"{caller.name}\n{key}".encode()).hexdigest()[:40]
    request = Request(caller, f"payops-{own}", kept["state"] == "again")
    status: int | None = None
    answer: Answer | None = None
    try:
        plain = answer_of(lambda: work(context, request))
        status, answer = 200, {name: value for name, value in plain.items() if name not in SECRET_FIELDS}
        return plain
    except Refused as error:
        status, answer = (status_of(error), {"code": error.code, "detail": error.detail, "facts": _kept(error)})
        raise
    finally:
        _keep(context, caller, key, status, answer)


def _keep(context: PaymentContext, caller: Caller, key: str, status: int | None, answer: Answer | None) -> None:
    """Store the answer for repeated requests; without one, the next request with the key may try again.

    If it cannot be stored, the caller still gets it, and a repeated request finds the result at Stripe.
    """
    try:
        context.db.call(
            "answer_api_request", caller=caller.name, key=key, now=wall_clock(), status=status, answer=answer
        )
    except PayopsError as error:
        log.warning("an answer of the payment API could not be stored", code=error.code)


def _again(context: PaymentContext, kept: KeptRequest, refill: Refill | None) -> Answer:
    answer = kept["answer"]
    if kept["status"] != 200:
        raise Refused(answer["code"], answer["detail"], facts=answer["facts"])
    return answer_of(lambda: refill(context, answer)) if refill else answer


def _kept(error: Refused) -> Answer:
    return {name: error.facts[name] for name in ("body", "path") if name in error.facts}


def _require_ours(state: str) -> None:
    if state == "other_body":
        raise Refused("idempotency_key_reused", "This Idempotency-Key was used with another body.")
    if state == "in_progress":
        raise Refused("in_progress", "The request with this Idempotency-Key is still in progress.")


def answer_of(work: Callable[[], BaseModel]) -> Answer:
    """The operation's answer. If Stripe refuses our own key, the caller gets `Unavailable`: they cannot fix it."""
    try:
        return work().model_dump(mode="json")
    except Refused as error:
        if error.code != "stripe_key_refused":
            raise
        sentence = "Payments are not set up here at the moment."
        raise Unavailable("not_configured", sentence, retry_after_seconds=60) from error
