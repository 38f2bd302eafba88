"""The failed payments to collect, each with its next step."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict

from core.payments.context import PaymentContext
from core.payments.recovery.retry_advice import Failed, FailedRow, RetryAdvice, Step, retry_advice


@dataclass(frozen=True)
class Case:
    """A failed payment and its next step."""

    failed: Failed
    advice: RetryAdvice

    @property
    def id(self) -> str:
        return self.failed.payment_intent_id

    def matches(self, text: str) -> bool:
        """Whether one of its IDs or references contains this text; an empty text matches all."""
        wanted, failed = text.strip().lower(), self.failed
        names = (
            self.id,
            failed.invoice_id,
            failed.subscription_id,
            failed.customer_id,
            failed.patient_id,
            failed.order_id,
            failed.card_last4,
        )
        return any(wanted in name.lower() for name in names if name)


class FoundFailed(TypedDict):
    """The failed payments as the database gives them: at most 1,000 of `total`."""

    total: int
    items: list[FailedRow]


@dataclass(frozen=True)
class Cases:
    """The failed payments to collect, the largest first: at most the requested number of `total`."""

    cases: list[Case]
    total: int


def waiting(context: PaymentContext, *, limit: int = 1000) -> Cases:
    """The failed payments and past-due invoices that have not been paid since, `limit` of them (at most 100,000)."""
    now = context.clock()
    found: FoundFailed = context.db.call("list_recovery", now=now, limit=limit)
    return Cases([_case(row, now) for row in found["items"]], found["total"])


def case(context: PaymentContext, payment_intent_id: str) -> Case:
    """Raises `Refused` (`not_failed`) if this payment no longer needs to be collected."""
    now = context.clock()
    return _case(context.db.call("recovery_case", payment_intent_id=payment_intent_id, now=now), now)


def can_be_retried(cases: Sequence[Case]) -> list[Case]:
    """The cases that can be retried now, without the customer and with the same card."""
    return [each for each in cases if each.advice.due]


def counts(cases: Sequence[Case]) -> dict[Step, int]:
    """How many cases have each next step."""
    return {step: sum(each.advice.step is step for each in cases) for step in Step}


def _case(row: FailedRow, now: datetime) -> Case:
    failed = Failed.of(row)
    return Case(failed, retry_advice(failed, now))
