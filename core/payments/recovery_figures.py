"""How much of what failed came back, what is still open, and what waits to be collected, in figures and in a sentence."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from core.db import Database
from core.figures.definition import Better, Definition
from core.figures.definitions import METRICS
from core.figures.wording import Reading, read
from core.money import Money, total
from core.payments.recovery import Case
from core.payments.retry_advice import Step
from core.periods import Period

RATE = METRICS["recovery_rate"]
NOW = Definition(
    "recovery_now",
    "Can be tried now",
    Better.LESS,
    "Failed payments whose decline may pass, whose time has come and whose card is saved, so that they can be tried again at "
    "this moment without the customer. Those that Stripe tries by itself are left out.",
    "recovery?next=retry+now",
    as_of_now=True,
)
LATER = Definition(
    "recovery_later",
    "Will be tried later",
    Better.NEITHER,
    "Failed payments that Stripe tries again by itself, that are scheduled here, or whose time to be tried has not come.",
    "recovery",
    as_of_now=True,
)
CUSTOMER = Definition(
    "recovery_customer",
    "Need the customer",
    Better.LESS,
    "Failed payments whose card will not be taken again or is not saved: the customer has to pay by a link, or with another "
    "card that is saved.",
    "recovery?next=the+customer+has+to+act",
    as_of_now=True,
)


@dataclass(frozen=True)
class RecoveryFigures:
    """What became of the subscription invoices that failed in a period, in one currency."""

    period: Period
    currency: str
    found: dict[str, Any]

    @property
    def reading(self) -> Reading:
        """The rate, in words; what is still open counts as not paid yet."""
        reading = read(RATE, _rate(self.found), _rate(self.found["previous"]), self.currency)
        assert reading is not None
        return reading

    @property
    def still_open(self) -> str:
        """`22 invoices over $2,299.30 are still open`; empty where none is."""
        count, amount = self.found["open"], Money(self.found["open_minor"], self.currency)
        if count == 0:
            return ""
        return f"{_counted(count, 'invoice')} over {amount} {'is' if count == 1 else 'are'} still open"

    @property
    def decided(self) -> str:
        """The rate of what is decided, `66.2 % of what is decided`; empty where all or nothing is open."""
        decided = self.found["failed_minor"] - self.found["open_minor"]
        if not self.found["open_minor"] or not decided:
            return ""
        return f"{self.found['recovered_minor'] / decided * 100:.1f}\N{NO-BREAK SPACE}% of what is decided"


def load(db: Database, period: Period, *, currency: str) -> RecoveryFigures:
    previous = period.previous()
    found = db.call(
        "recovery_figures",
        since=period.since,
        until=period.until,
        previous_since=previous.since,
        previous_until=previous.until,
        currency=currency,
    )
    return RecoveryFigures(period, currency, found)


def worth(cases: Sequence[Case], currency: str, *steps: Step) -> tuple[int, Money]:
    """How many of the cases have one of these next steps, and what they come to; all of them where none is named."""
    found = [each for each in cases if not steps or each.advice.step in steps]
    return len(found), total((each.failed.amount for each in found), currency)


def readings(figures: RecoveryFigures, cases: Sequence[Case]) -> list[Reading]:
    """The cards of the page: what waits to be collected in the figures' currency, and how much of what failed came back."""
    waiting = ((NOW, (Step.RETRY,)), (LATER, (Step.WAIT, Step.SCHEDULED, Step.STRIPE)), (CUSTOMER, (Step.CUSTOMER,)))
    found = [(each, *worth(cases, figures.currency, *steps)) for each, steps in waiting]
    cards = [Reading(each, str(amount), _counted(count, "payment"), None) for each, count, amount in found]
    rate = figures.reading
    apart = "; ".join(part for part in (rate.rests_on, figures.still_open, figures.decided) if part)
    return [*cards, replace(rate, rests_on=apart)]


def sentence(cases: Sequence[Case], currency: str) -> str:
    """What waits to be collected and what can be done about it now."""
    count, amount = worth(cases, currency)
    if not count:
        return "No failed payment waits to be collected"
    said = f"{_counted(count, 'failed payment')} over {amount} {'waits' if count == 1 else 'wait'} to be collected"
    due, due_amount = worth(cases, currency, Step.RETRY)
    customers, _ = worth(cases, currency, Step.CUSTOMER)
    said += f"; {due:,} over {due_amount} can be tried now" if due else "; none can be tried now"
    return said + (f", {customers:,} {'needs' if customers == 1 else 'need'} the customer" if customers else "")


def _rate(found: dict[str, Any]) -> dict[str, Any]:
    recovered, failed = found["recovered_minor"], found["failed_minor"]
    return {"value": recovered / failed if failed else None, "numerator": recovered, "denominator": failed}


def _counted(count: int, what: str) -> str:
    return f"1 {what}" if count == 1 else f"{count:,} {what}s"
