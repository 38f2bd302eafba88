"""What each figure means, which way is better, and what is said where there is nothing to count."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Better(StrEnum):
    MORE = "more"
    LESS = "less"
    NEITHER = "neither"


@dataclass(frozen=True)
class Definition:
    """`meaning` is for the person who asks what is counted; `page`, as set by `view`, is the address where its rows are.

    A figure `as_of_now` is the same whatever the period, so there is nothing to compare it with.
    """

    name: str
    title: str
    better: Better
    meaning: str
    page: str
    nothing: str = "no payments"
    counted: str = "payments"
    as_of_now: bool = False
    view: Mapping[str, str] = field(default_factory=dict)


FAILED_PAYMENTS = "failed_payments"
SUCCESS_TARGET = 0.95

OF_THE_OVERVIEW = (
    Definition(
        "payment_success_rate",
        "Payments that succeeded",
        Better.MORE,
        "Payments that succeeded, divided by payments somebody tried to make, by the day of the first attempt. One that "
        "was declined twice and then went through is one success. Payments still in processing are on neither side.",
        "payments",
    ),
    Definition(
        FAILED_PAYMENTS,
        "Payments that failed",
        Better.LESS,
        "Payments that were tried and have not succeeded yet, by the day of the first attempt, and what they would have "
        "brought. One that succeeds later is no longer among them.",
        "payments",
        view={"status": "failed"},
    ),
    Definition(
        "authorization_rate",
        "Approved by issuers",
        Better.MORE,
        "Attempts that succeeded, divided by attempts that reached the card network. What was blocked before, or failed "
        "its authentication, is left out.",
        "payments",
        nothing="no attempts",
        counted="attempts",
    ),
    Definition(
        "processing_time_payment",
        "Time to pay",
        Better.LESS,
        "From the payment being set up to its success, where the customer pays by card in person: half are faster than "
        "the first figure, 95 in 100 faster than the second. It includes the time the customer takes.",
        "payments",
    ),
    Definition(
        "processing_time_own",
        "Our share of a payment",
        Better.LESS,
        "How long we take over a call of the payment API, without Stripe's part in it. The target is under 2 seconds.",
        "payments",
        nothing="no calls",
        counted="calls",
    ),
    Definition(
        "net",
        "Net of fees and refunds",
        Better.MORE,
        "What charges, refunds, disputes and fees moved on the Stripe balance, added up; payouts are left out.",
        "revenue",
    ),
    Definition(
        "mrr",
        "Monthly recurring revenue",
        Better.MORE,
        "What the subscriptions running at the end of the period bring in a month: yearly prices divided by 12, weekly "
        "ones times 52 and divided by 12, after recurring discounts; trials, tax and metered use are left out.",
        "subscriptions",
    ),
    Definition(
        "active_subscribers",
        "Active subscribers",
        Better.MORE,
        "Customers with a paid subscription at the end of the period, those whose payment is overdue included and those "
        "on trial left out.",
        "subscriptions",
    ),
    Definition(
        "subscriber_churn_rate",
        "Lost in 30 days",
        Better.LESS,
        "Customers whose last subscription ended in the 30 days up to the end of the period, divided by those there were "
        "30 days before together with those who came since. This is Stripe's formula.",
        "subscriptions",
        nothing="no subscribers",
        counted="subscribers",
    ),
    Definition(
        "scheduled_to_cancel",
        "About to leave",
        Better.LESS,
        "Subscriptions set to end that still run, and what they bring in a month. They are not counted as lost yet. "
        "This is as of now, whatever the period.",
        "subscriptions",
        as_of_now=True,
    ),
    Definition(
        "recovery_rate",
        "Failed invoices recovered",
        Better.MORE,
        "Of the money of subscription invoices whose payment failed in the period, by the day of the first failure, the part "
        "that was paid later by any means. What is still open counts as not paid yet.",
        "recovery",
        nothing="no failed invoices",
    ),
    Definition(
        "dispute_activity",
        "Disputes per payment",
        Better.LESS,
        "Disputes opened in the period, divided by payments captured in it, by count. Card networks look at this one.",
        "disputes",
    ),
    Definition(
        "drop_off_rate",
        "Payments given up",
        Better.LESS,
        "Payments set up and not tried within 24 hours, divided by all that were set up. Those of the last 24 hours are "
        "left out.",
        "payments",
        nothing="no payments set up",
        counted="payments set up",
        view={"status": "not tried"},
    ),
    Definition(
        "webhook_delay",
        "Delay of Stripe's events",
        Better.LESS,
        "From the moment something happened at Stripe, which is told in whole seconds, to the moment we recorded its "
        "event: half come faster than the first figure, 95 in 100 faster than the second.",
        "events",
        nothing="no events",
        counted="events",
    ),
    Definition(
        "assignment_success_rate",
        "Patients assigned to a provider",
        Better.MORE,
        "Consultations that got a provider at once, divided by all that came in.",
        "assignments",
        nothing="no consultations",
        counted="consultations",
    ),
)
OF_DISPUTES = (
    next(each for each in OF_THE_OVERVIEW if each.name == "dispute_activity"),
    Definition(
        "dispute_rate",
        "Payments disputed later",
        Better.LESS,
        "Payments of the period that were disputed up to now, divided by the payments captured in it. Customers may dispute for "
        "120 days and longer, so for younger payments this is not final and only grows.",
        "disputes",
    ),
    Definition(
        "chargeback_rate",
        "Chargebacks per payment",
        Better.LESS,
        "Disputes opened in the period that took money, so without inquiries that went no further, divided by payments "
        "captured in it.",
        "disputes",
    ),
    Definition(
        "dispute_win_rate",
        "Disputes won",
        Better.MORE,
        "Of the disputes opened in the period that are decided by now, the part that was won.",
        "disputes",
        nothing="none decided",
        counted="decided",
    ),
)
