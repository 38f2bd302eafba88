"""What to say about a failed payment: to the customer and to staff. Patients are not told what could help a thief."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

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


@dataclass(frozen=True)
class Decline:
    """What Stripe says about a failure: error code, decline code, the network's advice and the method's type."""

    stripe_code: str | None
    decline_code: str | None
    advice_code: str | None
    method: str | None

    @classmethod
    def of_intent(cls, error: Json, charge: Json | None) -> "Decline":
        """From an intent's `last_payment_error` and its latest charge.

        Where Stripe blocked the charge, only the charge's outcome says why.
        """
        of_error = charge if charge and charge["id"] == error.get("charge") else None
        outcome: Json = (of_error or {}).get("outcome") or {}
        reason = outcome.get("reason") if outcome.get("type") == "blocked" else None
        method = error.get("payment_method") or {}
        return cls(
            stripe_code=error.get("code"),
            decline_code=reason or error.get("decline_code"),
            advice_code=error.get("advice_code") or outcome.get("advice_code"),
            method=method.get("type") if isinstance(method, dict) else None,
        )

    @classmethod
    def of_refusal(cls, facts: Mapping[str, Any]) -> "Decline":
        return cls(facts.get("stripe_code"), facts.get("decline_code"), facts.get("advice_code"), facts.get("method"))


def latest_charge(intent: Json) -> Json | None:
    """The intent's latest charge, where it was expanded."""
    charge = intent.get("latest_charge")
    return charge if isinstance(charge, dict) else None


def explained(found: Decline, *, for_patient: bool) -> Failure:
    """What the decline table says; patients get only the message for customers."""
    told = advice(found.decline_code or found.stripe_code, advice_code=found.advice_code, method=found.method)
    return Failure(
        code=HIDDEN_CODE if for_patient else found.stripe_code or HIDDEN_CODE,
        declineCode=HIDDEN_CODE if for_patient else found.decline_code,
        category=HIDDEN_CATEGORY if for_patient else str(told.category),
        customerMessage=told.customer_message,
        staffAdvice=None if for_patient else told.staff_advice,
        retryable=told.retryable,
        retryAfter=told.retry_after_hours * 3600 if told.retry_after_hours is not None else None,
    )


def declined(error: Refused, *, for_patient: bool) -> Refused:
    """A decline with the fields for the caller in `body` of its facts; any other refusal unchanged."""
    if error.code != "card_declined":
        return error
    failure = explained(Decline.of_refusal(error.facts), for_patient=for_patient)
    body = failure.fields() | {"code": "card_declined", "paymentIntentId": error.facts.get("payment_intent")}
    return Refused("card_declined", failure.customerMessage, facts={"body": body})


def of_card(error: Refused, *, for_patient: bool) -> Refused:
    """The refusal of a payment method: declined, unknown, or another customer's.

    A patient gets the same answer for an unknown payment method and for somebody else's.
    """
    if error.code != "stripe_refused":
        return declined(error, for_patient=for_patient)
    code, sentence = ("not_found", "There is no such payment method.") if for_patient else (error.code, error.detail)
    return Refused(code, sentence, facts={"path": "paymentMethodId"})
