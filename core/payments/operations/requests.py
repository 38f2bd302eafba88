"""One request to the payment API: its caller, its key, and what an earlier attempt created at Stripe."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from core.db import Database
from core.payments.actions import REQUEST_MARK
from core.payments.context import PaymentContext
from core.payments.operations.callers import Caller
from core.stripe_gateway import Json

FOUND_WITHIN = timedelta(days=3)
KEYS_KEPT = timedelta(days=7)


@dataclass(frozen=True)
class Request:
    """The caller, and the idempotency key for Stripe; `repeated` if it may have been done before."""

    caller: Caller
    key: str
    repeated: bool = False


def marked(request: Request, order_id: str, patient_id: str) -> dict[str, str]:
    """The metadata of what the request creates at Stripe."""
    return {"orderId": order_id, "patientId": patient_id, REQUEST_MARK: request.key}


def found_before(context: PaymentContext, request: Request, path: str, customer_id: str) -> Json | None:
    """What an earlier attempt at the same request created at Stripe, if its answer never came."""
    if not request.repeated:
        return None
    since = int((context.clock() - FOUND_WITHIN).timestamp())
    made = context.stripe.each(path, customer=customer_id, created={"gte": since})
    return next((one for one in made if (one.get("metadata") or {}).get(REQUEST_MARK) == request.key), None)


def forget_old(db: Database, now: datetime) -> int:
    """Delete the stored answers of old requests; what they did stays recorded. Returns how many."""
    return int(db.call("forget_api_requests", before=now - KEYS_KEPT))


def moment(epoch_seconds: int | None) -> str | None:
    """Stripe's seconds as an ISO time in UTC."""
    return None if epoch_seconds is None else datetime.fromtimestamp(epoch_seconds, UTC).isoformat()
