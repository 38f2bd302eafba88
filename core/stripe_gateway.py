"""Every call to Stripe: with time-outs and bounded retries, translated errors, and a record of how it went."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import stripe

from core.errors import PayopsError, Refused, Unavailable

API_VERSION = "2026-10-28.endive"
CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS = 3.0, 20.0
MAX_RETRIES = 2
PAGE_SIZE = 100
Json = dict[str, Any]


@dataclass(frozen=True)
class StripeCall:
    """How one call went: `error` is the class of Stripe's error, None where it answered as asked."""

    operation: str
    duration_ms: float
    request_id: str | None
    error: str | None


class StripeGateway:
    """Stripe, or whatever speaks its API at `api_base`; safe to share between threads."""

    def __init__(self, secret_key: str, *, api_base: str | None = None, record: Callable[[StripeCall], None]):
        self._record = record
        self._client = stripe.StripeClient(
            secret_key,
            stripe_version=API_VERSION,
            base_addresses={"api": api_base, "files": api_base} if api_base else None,
            max_network_retries=MAX_RETRIES,
            http_client=stripe.RequestsClient(timeout=(CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS)),
        )

    def retrieve(self, path: str, **params: Any) -> Json:
        """One object as Stripe's JSON, `path` such as `charges/ch_1`; raises `Refused` or `Unavailable`."""
        return self._call("get", path, params)

    def page(self, path: str, **params: Any) -> tuple[list[Json], bool]:
        """One page of a list, newest first, and whether there is more after it."""
        answer = self._call("get", path, {"limit": PAGE_SIZE} | params)
        return answer["data"], bool(answer["has_more"])

    def each(self, path: str, **params: Any) -> Iterator[Json]:
        """Every object of a list, page by page."""
        after: Json = {}
        while True:
            objects, more = self.page(path, **params, **after)
            yield from objects
            if not more or not objects:
                return
            after = {"starting_after": objects[-1]["id"]}

    def _call(self, method: str, path: str, params: Json) -> Json:
        operation = f"{method} {_without_ids(path)}"
        started = time.monotonic()
        try:
            answer = self._client.raw_request(method, f"/v1/{path}", **params)
        except stripe.StripeError as error:
            self._note(operation, started, error.request_id, type(error).__name__)
            raise translated(error) from error
        self._note(operation, started, answer.request_id, None)
        body: Json = answer.data
        return body

    def _note(self, operation: str, started: float, request_id: str | None, error: str | None) -> None:
        self._record(StripeCall(operation, (time.monotonic() - started) * 1000, request_id, error))


def translated(error: stripe.StripeError) -> PayopsError:
    """Ours for one of Stripe's: out of reach, failing or too busy is `Unavailable`, all else `Refused`."""
    passing = isinstance(error, stripe.APIConnectionError | stripe.RateLimitError)
    if passing or (error.http_status or 0) >= 500:
        return Unavailable(
            "stripe_unavailable", "Stripe did not answer. Nothing is lost; try again in a moment."
        )
    facts = {"stripe_code": error.code, "request_id": error.request_id}
    if isinstance(error, stripe.AuthenticationError | stripe.PermissionError):
        return Refused("stripe_key_refused", "Stripe refused our key. Tell an admin.", facts=facts)
    detail = error.error.message if error.error and error.error.message else "Stripe refused this request."
    return Refused(
        "stripe_refused", detail, facts=facts | {"decline_code": getattr(error.error, "decline_code", None)}
    )


def _without_ids(path: str) -> str:
    """`charges/ch_1` as `charges/*`: what was asked, not about whom."""
    return "/".join("*" if any(sign.isdigit() for sign in part) else part for part in path.split("/"))
