"""The figures of recovery and their summary: what failed, what was collected later, and what is still open."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypedDict

from core.db import Database
from core.figures.definition import Better, Definition
from core.figures.definitions import METRICS
from core.figures.wording import Figure, Reading, percent, read
from core.money import Money, total
from core.payments.recovery.recovery_cases import Case
from core.payments.recovery.retry_advice import Step
from core.periods import Period

RATE = METRICS["recovery_rate"]
LATER_STEPS = "will be retried later"  # the steps that the figure of this name counts together, in an address
GROUPS = {LATER_STEPS: (Step.WAIT, Step.SCHEDULED, Step.STRIPE)}
NOW = Definition(
    "recovery_now",
    "Can be retried now",
    Better.LESS,
    "Failed payments that can be retried now without the customer: a retry can help, its time has come, and "
    "the card is "
    "saved. Those that Stripe retries automatically are left out.",
    "recovery",
    as_of_now=True,
    view={"next": "retry now"},
    exact=True,
)
LATER = Definition(
    "recovery_later",
    "Will be retried later",
    Better.NEITHER,
    "Failed payments that Stripe retries automatically, that are scheduled here, or whose retry is not due yet.",
    "recovery",
    as_of_now=True,
    view={"next": LATER_STEPS},
    exact=True,
)
CUSTOMER = Definition(
    "recovery_customer",
    "Need the customer",
    Better.LESS,
    "Failed payments whose card must not be charged again or is not saved. The customer has to pay with a "
    "payment link, or "
    "another saved card.",
    "recovery",
    as_of_now=True,
    view={"next": "needs the customer"},
    exact=True,
)


class Counted(TypedDict):
    """What became of the subscription invoices that failed in a period: how many, and their amounts in minor units."""

    failed: int
    failed_minor: int
    recovered: int
    recovered_minor: int
    open: int
    open_minor: int


class CountedBeside(Counted):
    """The same beside the period before it."""

    previous: Counted


@dataclass(frozen=True)
class RecoveryFigures:
    """The subscription invoices that failed in a period, and how many were paid later, in one currency."""

    period: Period
    currency: str
    found: CountedBeside

    @property
    def reading(self) -> Reading:
        """The rate in words; open invoices count as not paid."""
        reading = read(RATE, _rate(self.found), _rate(self.found["previous"]), self.currency)
        assert reading is not None
        return reading

    @property
    def still_open(self) -> str:
        """`22 invoices totalling $2,299.30 are still open`; empty where none are."""
        count, amount = self.found["open"], Money(self.found["open_minor"], self.currency)
        if count == 0:
            return ""
        return f"{_counted(count, 'invoice')} totalling {amount} {'is' if count == 1 else 'are'} still open"

    @property
    def decided(self) -> str:
        """`66.2% of closed invoices recovered`; empty where all or none are open."""
        decided = self.found["failed_minor"] - self.found["open_minor"]
        if not self.found["open_minor"] or not decided:
            return ""
        return f"{percent(self.found['recovered_minor'] / decided, 1)} of closed invoices recovered"


def load(db: Database, period: Period, *, currency: str) -> RecoveryFigures:
    previous = period.previous()
    found: CountedBeside = db.call(
        "recovery_figures",
        since=period.since,
        until=period.until,
        previous_since=previous.since,
        previous_until=previous.until,
        currency=currency,
    )
    return RecoveryFigures(period, currency, found)


def worth(cases: Sequence[Case], currency: str, *steps: Step) -> tuple[int, Money]:
    """How many of the cases have one of these next steps, and their total; all cases if no step is given."""
    found = [each for each in cases if not steps or each.advice.step in steps]
    return len(found), total((each.failed.amount for each in found), currency)


def readings(figures: RecoveryFigures, cases: Sequence[Case]) -> list[Reading]:
    """The cards of the page: what is to be collected in the figures' currency, and the recovery rate."""
    waiting = ((NOW, (Step.RETRY,)), (LATER, GROUPS[LATER_STEPS]), (CUSTOMER, (Step.CUSTOMER,)))
    found = [(each, *worth(cases, figures.currency, *steps)) for each, steps in waiting]
    cards = [Reading(each, str(amount), _counted(count, "payment"), None) for each, count, amount in found]
    rate = figures.reading
    apart = "; ".join(part for part in (rate.rests_on, figures.still_open, figures.decided) if part)
    return [*cards, replace(rate, rests_on=apart)]


def steps_of(chosen: str) -> tuple[Step, ...]:
    """The steps that a choice of the filter means; none for all of them."""
    return GROUPS.get(chosen) or tuple(step for step in Step if step == chosen)


def sentence(cases: Sequence[Case], currency: str) -> str:
    """`114 failed payments totalling $10,575.10; 12 totalling $900.00 can be retried now, 30 need the customer`."""
    count, amount = worth(cases, currency)
    if not count:
        return "No failed payments to collect"
    said = f"{_counted(count, 'failed payment')} totalling {amount}"
    due, due_amount = worth(cases, currency, Step.RETRY)
    customers, _ = worth(cases, currency, Step.CUSTOMER)
    said += f"; {due:,} totalling {due_amount} can be retried now" if due else "; none can be retried now"
    return said + (f", {customers:,} {'needs' if customers == 1 else 'need'} the customer" if customers else "")


def _rate(found: Counted) -> Figure:
    recovered, failed = found["recovered_minor"], found["failed_minor"]
    return {"value": recovered / failed if failed else None, "numerator": recovered, "denominator": failed}


def _counted(count: int, what: str) -> str:
    return f"1 {what}" if count == 1 else f"{count:,} {what}s"
