"""What to do next about a failed payment, and when: from its decline, its attempts and the networks' limits."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, TypedDict

from core.money import Money
from core.payments.declines import Advice, Category, advice, every_code
from core.payments.payment_methods import BANK_DEBITS, card_name, paid_with

# The console warns at the first number of attempts and stops its own retries at the second, before any network does.
WARN_AT, STOP_AT = 10, 15
# Visa fines more than 20 attempts of one payment in 30 days, and any after a category 1 decline (Visa Core Rules,
# April 2026, reattempts). Mastercard fines more than 10 declines of one card in 24 hours, and more than 35 at one
# amount in 30 days (Transaction Processing Excellence, excessive attempts).
VISA_ATTEMPTS_30_DAYS = 20
MASTERCARD_DECLINES_24_HOURS = 10
MASTERCARD_DECLINES_OF_AMOUNT = 35
SPACED_ATTEMPTS = 3  # the first attempt, and one or two retries
# Stripe blocked these before the network, and only the customer's data or another card helps.
FOR_CUSTOMER = frozenset(
    "previously_declined_do_not_retry requested_block_on_incorrect_cvc requested_block_on_incorrect_zip".split()
)
FOR_REVIEW = frozenset(
    {Category.BLOCKED, Category.REVIEW, Category.CHECK_FIRST, Category.CONFIGURATION, Category.UNKNOWN}
)
ADVICE_CODES = (None, "confirm_card_data", "do_not_try_again", "try_again_later")


class Step(StrEnum):
    """The next step for a failed payment."""

    RETRY = "retry now"
    WAIT = "wait, then retry"
    SCHEDULED = "scheduled"
    IN_FLIGHT = "in progress"
    STRIPE = "Stripe retries automatically"
    CUSTOMER = "needs the customer"
    REVIEW = "review"
    STOPPED = "stopped"


class LinkSent(TypedDict):
    """A way to pay that the customer was given: `how` is link or sent, for an invoice that Stripe sent."""

    at: str
    by: str
    how: str


class Rule(TypedDict):
    """How long to wait before a retry, and how many attempts make sense."""

    hours: int
    most_attempts: int


class FailedRow(TypedDict):
    """A failed payment as the database gives it; its fields are those of `Failed`, with times as ISO texts."""

    payment_intent_id: str
    created: str
    amount_minor: int
    currency: str
    customer_id: str | None
    patient_id: str | None
    order_id: str | None
    error_code: str | None
    decline_code: str | None
    advice_code: str | None
    method_type: str | None
    card_brand: str | None
    card_last4: str | None
    card_saved: bool | None
    attempts: int
    card_declines_24_hours: int
    card_declines_of_amount: int
    last_attempt_at: str
    invoice_id: str | None
    subscription_id: str | None
    monthly_minor: int | None
    stripe_retries_at: str | None
    state: str
    scheduled_at: str | None
    reason: str | None
    changed_by: str | None
    retries_here: int
    in_flight: bool
    links_sent: list[LinkSent]


@dataclass(frozen=True)
class Failed:
    """A payment that failed, or whose invoice is past due, and that is still to be collected.

    `card_saved` says whether the declined card can be charged without the customer; None until Stripe was asked.
    `monthly_minor` is the monthly price of its subscription while that is active; None without one. `attempts` counts
    those of the last 30 days that reached the card network. `stripe_retries_at` is Stripe's next automatic retry.
    `links_sent` are the ways to pay that the customer was given.
    """

    payment_intent_id: str
    created: datetime
    amount_minor: int
    currency: str
    customer_id: str | None
    patient_id: str | None
    order_id: str | None
    error_code: str | None
    decline_code: str | None
    advice_code: str | None
    card_brand: str | None
    card_last4: str | None
    card_saved: bool | None
    attempts: int
    card_declines_24_hours: int
    card_declines_of_amount: int
    last_attempt_at: datetime
    invoice_id: str | None
    subscription_id: str | None
    monthly_minor: int | None
    stripe_retries_at: datetime | None
    state: str
    scheduled_at: datetime | None
    reason: str | None
    changed_by: str | None
    retries_here: int
    in_flight: bool
    links_sent: list[LinkSent]
    method_type: str | None = None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "Failed":
        moments = {"created", "last_attempt_at", "stripe_retries_at", "scheduled_at"}
        values: dict[str, Any] = {
            each.name: datetime.fromisoformat(row[each.name])
            if each.name in moments and row[each.name]
            else row[each.name]
            for each in fields(cls)
        }
        return cls(**values)

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)

    @property
    def monthly(self) -> Money | None:
        return None if self.monthly_minor is None else Money(self.monthly_minor, self.currency)

    @property
    def card(self) -> str:
        """`Visa •••• 4242` or `Bank account`; empty where nothing was charged."""
        if self.method_type is None:
            return card_name(self.card_brand, self.card_last4)
        return paid_with(
            {"card_brand": self.card_brand, "card_last4": self.card_last4, "method_type": self.method_type}
        )


@dataclass(frozen=True)
class RetryAdvice:
    """The next step.

    `same_card`: the declined card may be charged again at all. `advised_from`: from when a retry makes sense, None if
    it never does. `limit_reached`: only an admin can retry it, above our limit of attempts. `meter` and `warning` say
    how near the limits are.
    """

    decline: Advice
    step: Step
    same_card: bool
    advised_from: datetime | None
    limit_reached: bool
    meter: str
    warning: str

    @property
    def due(self) -> bool:
        return self.step is Step.RETRY


def retry_advice(failed: Failed, now: datetime) -> RetryAdvice:
    code = failed.decline_code or failed.error_code
    decline = advice(code, advice_code=failed.advice_code, method=failed.method_type)
    same_card = not decline.hard
    rule = _rule(decline)
    advised_from = None
    if rule and failed.card_saved and failed.attempts < rule["most_attempts"]:
        advised_from = failed.last_attempt_at + timedelta(hours=rule["hours"])
    limit_reached = failed.attempts >= STOP_AT or _card_is_blocked(failed)
    return RetryAdvice(
        decline=decline,
        step=_step(failed, decline, None if limit_reached else advised_from, now),
        same_card=same_card,
        advised_from=advised_from,
        limit_reached=limit_reached,
        meter=_meter(failed),
        warning=_warning(failed, limit_reached),
    )


def rules() -> Mapping[str, Rule | int | list[str] | None]:
    """The same rules for the database: "<code> <advice code>" to the hours to wait and the most attempts.

    None if a retry with the same card cannot help. An unknown code is under "unknown <advice code>". For payment
    methods in `bank_debits` only insufficient_funds is retried.
    """
    table = {
        f"{code} {advice_code or ''}": _rule(advice(code, advice_code=advice_code))
        for code in [*every_code(), "unknown"]
        for advice_code in ADVICE_CODES
    }
    return table | {"most_card_declines": MASTERCARD_DECLINES_24_HOURS, "bank_debits": sorted(BANK_DEBITS)}


def _rule(decline: Advice) -> Rule | None:
    if decline.retry_after_hours is None:
        return None
    most = SPACED_ATTEMPTS if decline.category is Category.RETRY_SPACED else STOP_AT
    return {"hours": decline.retry_after_hours, "most_attempts": most}


def _card_is_blocked(failed: Failed) -> bool:
    return failed.card_brand == "mastercard" and failed.card_declines_24_hours >= MASTERCARD_DECLINES_24_HOURS


def _step(failed: Failed, decline: Advice, advised_from: datetime | None, now: datetime) -> Step:
    if failed.in_flight:
        return Step.IN_FLIGHT
    if failed.state != "open":
        return Step(failed.state)
    if decline.category in FOR_REVIEW and decline.code not in FOR_CUSTOMER:
        return Step.REVIEW
    if failed.stripe_retries_at is not None and not decline.hard:
        return Step.STRIPE
    if advised_from is None:
        return Step.CUSTOMER
    return Step.RETRY if advised_from <= now else Step.WAIT


def _meter(failed: Failed) -> str:
    if failed.card_brand == "mastercard":
        return (
            f"{_attempts(failed.attempts)} in 30 days; this card was declined {_times(failed.card_declines_24_hours)} "
            f"in 24 hours, where Mastercard allows {MASTERCARD_DECLINES_24_HOURS}, and "
            f"{_times(failed.card_declines_of_amount)} at this amount in 30 days, where it allows "
            f"{MASTERCARD_DECLINES_OF_AMOUNT}"
        )
    if failed.card_brand == "visa":
        allowed = f"{VISA_ATTEMPTS_30_DAYS} attempts that Visa allows in 30 days"
        return f"{failed.attempts} of the {allowed}; we stop at {STOP_AT}"
    return f"{_attempts(failed.attempts)} in 30 days; we stop at {STOP_AT}"


def _warning(failed: Failed, limit_reached: bool) -> str:
    if limit_reached:
        return "The limit of attempts is reached, and card networks fine more. Another retry needs an admin's reason."
    if failed.attempts >= WARN_AT:
        return f"{_attempts(failed.attempts)} in 30 days. We stop at {STOP_AT}, because card networks fine more."
    if failed.card_brand == "mastercard" and failed.card_declines_of_amount >= MASTERCARD_DECLINES_OF_AMOUNT - 5:
        declined = _times(failed.card_declines_of_amount)
        fined = f"Mastercard fines more than {MASTERCARD_DECLINES_OF_AMOUNT}."
        return f"Declined {declined} at this amount in 30 days. {fined}"
    return ""


def _attempts(count: int) -> str:
    return "1 attempt" if count == 1 else f"{count:,} attempts"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"
