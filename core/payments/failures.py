"""A failed payment in words: for the customer, for staff, and never more for a patient than they may know."""

from dataclasses import asdict, dataclass

from core.errors import Refused
from core.payments.declines import advice
from core.stripe_gateway import Json

HIDDEN_CODE, HIDDEN_CATEGORY = "card_declined", "declined"


@dataclass(frozen=True)
class Failure:
    """Why a payment failed and what may be done; `retryAfter` in seconds."""

    code: str
    declineCode: str | None
    category: str
    customerMessage: str
    staffAdvice: str | None
    retryable: bool
    retryAfter: int | None

    def fields(self) -> Json:
        return asdict(self)


def explained(
    stripe_code: str | None, decline_code: str | None, advice_code: str | None, *, for_patient: bool
) -> Failure:
    """What the decline table says; a patient is not told what could warn a thief."""
    found = advice(decline_code or stripe_code, advice_code=advice_code)
    return Failure(
        code=HIDDEN_CODE if for_patient else stripe_code or HIDDEN_CODE,
        declineCode=HIDDEN_CODE if for_patient else decline_code,
        category=HIDDEN_CATEGORY if for_patient else str(found.category),
        customerMessage=found.customer_message,
        staffAdvice=None if for_patient else found.staff_advice,
        retryable=found.retryable,
        retryAfter=found.retry_after_hours * 3600 if found.retry_after_hours is not None else None,
    )


def declined(error: Refused, *, for_patient: bool) -> Refused:
    """A decline with what the caller may read of it under `body` of its facts; any other refusal as it is."""
    if error.code != "card_declined":
        return error
    facts = error.facts
    failure = explained(
        facts.get("stripe_code"), facts.get("decline_code"), facts.get("advice_code"), for_patient=for_patient
    )
    body = failure.fields() | {"code": "card_declined", "paymentIntentId": facts.get("payment_intent")}
    return Refused("card_declined", failure.customerMessage, facts={"body": body})


def of_card(error: Refused, *, for_patient: bool) -> Refused:
    """What Stripe says of the card that a caller named: declined, or nobody's, or, for a patient, not theirs either."""
    if error.code != "stripe_refused":
        return declined(error, for_patient=for_patient)
    code, sentence = ("not_found", "There is no such payment method.") if for_patient else (error.code, error.detail)
    return Refused(code, sentence, facts={"path": "paymentMethodId"})
