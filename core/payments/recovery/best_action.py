"""What a person best does next about a failed payment, and why: the console's main button."""

from dataclasses import dataclass
from enum import StrEnum

from core.payments.recovery.recovery_cases import Case
from core.payments.recovery.retry_advice import Step


class Do(StrEnum):
    """What a person can do; `WAIT` is to do nothing now."""

    RETRY = "Retry payment"
    SCHEDULE = "Schedule retry"
    LINK = "Payment link"
    REVIEW = "Review payment"
    RESUME = "Resume retries"
    WAIT = "Nothing to do now"


@dataclass(frozen=True)
class BestAction:
    """The best next step, with the reason in a sentence."""

    do: Do
    why: str


def best_action(case: Case) -> BestAction:
    """One answer for each step, so that button and advice never say different things."""
    failed, step = case.failed, case.advice.step
    if step is Step.IN_FLIGHT:
        return BestAction(Do.WAIT, "A charge is in progress. Its result appears here.")
    if step is Step.SCHEDULED:
        return BestAction(Do.WAIT, "A retry is scheduled. Until then the customer can still pay with a payment link.")
    if step is Step.STRIPE:
        return BestAction(
            Do.WAIT, "Stripe retries this invoice by itself; one more retry now would only add a decline."
        )
    if step is Step.STOPPED:
        return BestAction(Do.RESUME, "Retries are stopped. Resume them to collect this payment.")
    if step is Step.REVIEW:
        return BestAction(Do.REVIEW, case.advice.decline.staff_advice)
    if step is Step.WAIT:
        return BestAction(Do.SCHEDULE, "A retry is more likely to succeed later than now.")
    if step is Step.RETRY:
        return BestAction(Do.RETRY, "The card is saved, this decline can pass, and enough time has gone by.")
    return BestAction(Do.LINK, _needs_customer(case, saved=failed.card_saved))


def _needs_customer(case: Case, *, saved: bool | None) -> str:
    if case.advice.limit_reached:
        return "The limit of attempts is reached, so only the customer can pay now."
    if not case.advice.same_card:
        return "The declined card must not be charged again, so the customer pays with another one."
    if not saved:
        return "No saved card can be charged, so the customer pays with a link."
    return "Another retry would not help, so the customer pays with a link."
