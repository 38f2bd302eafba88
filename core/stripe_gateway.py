"""Every call to Stripe: with time-outs and bounded retries, translated errors, and a record of how it went."""

import copy
import io
import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, cast

import stripe
import structlog

from core import telemetry
from core.errors import PayopsError, Refused, Unavailable

if TYPE_CHECKING:  # the parameters of writes that are composed elsewhere
    from stripe.params import DisputeUpdateParams as DisputeUpdateParams
    from stripe.params import DisputeUpdateParamsEvidence as DisputeUpdateParamsEvidence
    from stripe.params import InvoiceCreatePreviewParams as InvoiceCreatePreviewParams
    from stripe.params import InvoicePayParams as InvoicePayParams
    from stripe.params import InvoiceSendInvoiceParams as InvoiceSendInvoiceParams
    from stripe.params import InvoiceUpdateParams as InvoiceUpdateParams
    from stripe.params import PaymentIntentConfirmParams as PaymentIntentConfirmParams
    from stripe.params import PaymentIntentCreateParams as PaymentIntentCreateParams
    from stripe.params import RefundCreateParams as RefundCreateParams
    from stripe.params import SubscriptionCancelParams as SubscriptionCancelParams
    from stripe.params import SubscriptionCreateParams as SubscriptionCreateParams
    from stripe.params import SubscriptionUpdateParams as SubscriptionUpdateParams
    from stripe.params.checkout import SessionCreateParams as SessionCreateParams
    from stripe.params.checkout import SessionUpdateParams as SessionUpdateParams

log = structlog.get_logger(__name__)
API_VERSION = "2026-10-28.endive"
CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS = 3.0, 20.0
MAX_RETRIES = 2
PAGE_SIZE = 100
# Ids stand in paths, and one that came with an event is whatever its sender wrote.
_PATH = re.compile(r"(?:(?!\.+(?:/|$))[\w.-]+(?:/|$))+(?<!/)", re.ASCII)
NAMESPACES = frozenset({"billing", "checkout", "radar", "reporting", "tax", "test_helpers"})
ANY_ID = "*"
INSTEAD_OF_AN_ID = frozenset({"create_preview", "search"})
IN_FLIGHT = 409  # the same key is being worked on by another request
Json = dict[str, Any]


@dataclass(frozen=True)
class StripeCall:
    """How one call went: `error` is the class of Stripe's error, None where it answered as asked.

    `subject` is the payment it was about, else the object it named; None for a list.
    """

    operation: str
    duration_ms: float
    request_id: str | None
    error: str | None
    subject: str | None = None


class StripeBusy(Unavailable):
    """Stripe got too many requests; after `retry_after_seconds` the same one may be sent again."""


class StripeGateway:
    """Stripe, or whatever speaks its API at `api_base`; safe to share between threads."""

    def __init__(
        self,
        secret_key: str,
        *,
        api_base: str | None = None,
        record: Callable[[StripeCall], None],
        max_retries: int = MAX_RETRIES,
        screen: Callable[[Json], None] | None = None,
    ):
        """`screen` sees the parameters of each write before they are sent, and raises `Refused` for private text."""
        self._record = record
        self._screen = screen
        self._client = stripe.StripeClient(
            secret_key,
            stripe_version=API_VERSION,
            base_addresses={"api": api_base, "files": api_base} if api_base else None,
            max_network_retries=max_retries,
            http_client=stripe.RequestsClient(timeout=(CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS)),
        )

    def recording_with(self, record: Callable[[StripeCall], None]) -> "StripeGateway":
        """The same gateway, whose calls `record` hears of instead; see `record`."""
        other = copy.copy(self)
        other._record = record
        return other

    def record(self, calls: Iterable[StripeCall]) -> None:
        """Record calls that another recorder kept back until there was time."""
        for call in calls:
            self._record(call)

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

    def write(self, path: str, *, key: str, method: str = "post", **params: Any) -> Json:
        """Make or change something, at most once for `key` within 24 hours; answers the object as it now is.

        Raises `Refused` (`card_declined` for a decline, `private_text` for what Stripe must not be told), or
        `Unavailable`, after which it may have been done or not.
        """
        self.refuse_private(params)
        return self._call(method, path, params | {"idempotency_key": key})

    def refuse_private(self, params: Json) -> None:
        """Raises `Refused` (`private_text`) where these parameters hold what Stripe must not be told."""
        if self._screen is not None:
            self._screen(params)

    def upload(self, name: str, content: bytes, *, purpose: str, key: str) -> Json:
        """A file at Stripe; answers its object, whose `id` other objects refer to."""
        started = time.monotonic()
        file = io.BytesIO(content)
        file.name = name
        try:
            made = self._client.v1.files.create({"purpose": cast(Any, purpose), "file": file}, {"idempotency_key": key})
        except stripe.StripeError as error:
            self._note("post files", started, error.request_id, type(error).__name__)
            raise translated(error) from error
        self._note("post files", started, None, None, made.id)
        return dict(made.to_dict())

    def clock_difference(self) -> timedelta | None:
        """How far this machine's clock is ahead of Stripe's, to a second; None where the answer has no time."""
        try:
            answer = self._client.raw_request("get", "/v1/balance")
        except stripe.StripeError as error:
            raise translated(error) from error
        given = answer.headers.get("Date")
        return datetime.now(UTC) - parsedate_to_datetime(given) if given else None

    def _call(self, method: str, path: str, params: Json) -> Json:
        if not _PATH.fullmatch(path):
            raise Refused("stripe_refused", "Stripe has no object of such an id.", facts={"http_status": 404})
        operation = f"{method} {route_of(path)}"
        started = time.monotonic()
        try:
            with telemetry.span(f"stripe {operation}"):
                answer = self._client.raw_request(method, f"/v1/{path}", **params)
        except stripe.StripeError as error:
            known = _subject(path, params, _facts(error))
            self._note(operation, started, error.request_id, type(error).__name__, known)
            raise translated(error) from error
        body: Json = answer.data
        self._note(operation, started, answer.request_id, None, _subject(path, params, body))
        return body

    def _note(
        self, operation: str, started: float, request_id: str | None, error: str | None, subject: str | None = None
    ) -> None:
        took_ms = (time.monotonic() - started) * 1000
        # Stripe's id of the request beside ours, which structlog adds: Stripe takes none of ours.
        log.info("stripe call", operation=operation, took_ms=round(took_ms), stripe_request_id=request_id, error=error)
        self._record(StripeCall(operation, took_ms, request_id, error, subject))


def translated(error: stripe.StripeError) -> PayopsError:
    """Ours for one of Stripe's: out of reach, failing or too busy is `Unavailable`, all else `Refused`."""
    failing = error.http_status == IN_FLIGHT or (error.http_status or 0) >= 500
    if failing or isinstance(error, stripe.APIConnectionError | stripe.RateLimitError):
        busy = isinstance(error, stripe.RateLimitError)
        return (StripeBusy if busy else Unavailable)(
            "stripe_unavailable",
            "Stripe did not answer. Nothing is lost; try again in a moment.",
            retry_after_seconds=_asked_to_wait(error) if busy else 5,
        )
    facts = _facts(error)
    if isinstance(error, stripe.AuthenticationError | stripe.PermissionError):
        return Refused("stripe_key_refused", "Stripe refused our key. Tell an admin.", facts=facts)
    detail = error.error.message if error.error and error.error.message else "Stripe refused this request."
    return Refused("card_declined" if isinstance(error, stripe.CardError) else "stripe_refused", detail, facts=facts)


def _asked_to_wait(error: stripe.StripeError) -> int:
    """The seconds in Stripe's `Retry-After`, or one where it says none."""
    given = {name.lower(): value for name, value in (error.headers or {}).items()}.get("retry-after", "")
    return max(int(given), 1) if given.isdecimal() and len(given) < 5 else 1


def _facts(error: stripe.StripeError) -> Json:
    """What of Stripe's error decides what may be done next; ids only, nothing of the customer or the card."""
    said = error.json_body.get("error", {}) if isinstance(error.json_body, dict) else {}
    intent = said.get("payment_intent") or {}
    names = ("decline_code", "advice_code", "param", "charge")
    return {
        "stripe_code": error.code,
        "request_id": error.request_id,
        "http_status": error.http_status,
        "payment_intent": intent.get("id"),
        "method": (said.get("payment_method") or {}).get("type"),
        **{name: said.get(name) for name in names},
    }


def _subject(path: str, params: Json, answer: Json) -> str | None:
    """What a call was about: the payment where one is known, else the object that the path or the answer names."""
    named = [part for part, word in zip(path.split("/"), route_of(path).split("/"), strict=True) if word == ANY_ID]
    given = [answer.get("payment_intent"), params.get("payment_intent"), *named, answer.get("id")]
    known = [one["id"] if isinstance(one, dict) else str(one) for one in given if one]
    return next((one for one in known if one.startswith("pi_")), known[0] if known else None)


def route_of(path: str) -> str:
    """The route's template: `customers/*/payment_methods` for one customer's. No id of any shape stays in it.

    Stripe's addresses are a namespace or none, then a collection, an id, a part or action of it, an id, and so on.
    """
    parts = path.split("/")
    first = 1 if parts[0] in NAMESPACES else 0
    return "/".join(
        ANY_ID if at >= first and (at - first) % 2 and part not in INSTEAD_OF_AN_ID else part
        for at, part in enumerate(parts)
    )
