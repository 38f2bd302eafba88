"""A change of plan before it is made: what Stripe would charge now and on the next invoice."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from secrets import token_urlsafe
from typing import TYPE_CHECKING, Any

from core.billing.plans import Catalogue, Plan
from core.billing.subscription_life import Life
from core.errors import Refused
from core.money import Money
from core.payments.context import PaymentContext
from core.stripe_gateway import Json

if TYPE_CHECKING:
    from core.stripe_gateway import InvoiceCreatePreviewParams, SubscriptionUpdateParams

MOST = 10_000
SAME_PLAN = "The subscription already has this plan and quantity."
QUANTITY_ALLOWED = f"Enter a quantity from 1 to {MOST:,}."


class Settles(StrEnum):
    """When the difference for the rest of the period is settled."""

    NOW = "always_invoice"
    NEXT_INVOICE = "create_prorations"
    NEVER = "none"


@dataclass(frozen=True)
class PlanChange:
    """The item that changes, to which price and quantity, how it is settled, and from which second it counts.

    `new_period`: the new price has another interval, so that a new period starts and is charged at once.
    """

    item_id: str
    price_id: str
    quantity: int
    settles: Settles
    counts_from: datetime
    new_period: bool = False

    @property
    def charges_now(self) -> bool:
        return self.settles is Settles.NOW or self.new_period


@dataclass(frozen=True)
class Line:
    """A line of the previewed invoice; `proration` for a credit or charge of part of a period."""

    description: str
    amount: Money
    proration: bool


@dataclass(frozen=True)
class Preview:
    """What Stripe says the change does: due now, the lines it is made of, and the next invoice with its day.

    `credit` is what the prorations come to where they take something off a later invoice.
    """

    change: PlanChange
    due_now: Money
    lines: list[Line]
    next_invoice: Money | None
    next_on: datetime | None


def planned(
    life: Life, catalogue: Catalogue, *, price_id: str, quantity: int, settles: Settles, now: datetime
) -> PlanChange:
    """The change of the subscription's first item; a trial is not prorated."""
    item = life.subscription["items"][0]
    plan = catalogue.plans.get(price_id)
    another = plan is not None and (plan.interval, plan.interval_count) != (item["interval"], item["interval_count"])
    trial = life.status == "trialing"
    return PlanChange(
        item_id=item["id"],
        price_id=price_id,
        quantity=quantity,
        settles=Settles.NEVER if trial else settles,
        counts_from=now.replace(microsecond=0),
        new_period=another and not trial,
    )


def problem(life: Life, plan: Plan | None, quantity: int | None) -> str:
    """Why this change cannot be made; empty if it can."""
    item = life.subscription["items"][0]
    if plan is None:
        return "Choose a plan."
    if quantity is None or not 1 <= quantity <= MOST:
        return QUANTITY_ALLOWED
    if (plan.price_id, quantity) == (item["price_id"], item["quantity"]):
        return SAME_PLAN
    if plan.currency != life.currency:
        return f"A subscription in {life.currency.upper()} cannot change to a price in {plan.currency.upper()}."
    return ""


def require_possible(life: Life, change: PlanChange) -> None:
    item = life.subscription["items"][0]
    if item["id"] != change.item_id:
        raise Refused("changed_meanwhile", "This subscription was changed meanwhile. Look at it again.")
    if (change.price_id, change.quantity) == (item["price_id"], item["quantity"]):
        raise Refused("no_change", SAME_PLAN)
    if not 1 <= change.quantity <= MOST:
        raise Refused("bad_quantity", QUANTITY_ALLOWED)


def preview(context: PaymentContext, life: Life, change: PlanChange) -> Preview:
    """Ask Stripe; nothing is changed. Raises `Refused` with Stripe's words, or `Unavailable`."""
    shown = _previewed(context, life, change, change.settles)
    later = shown
    if change.charges_now:
        # What follows this invoice: the same change, nothing of it prorated any more.
        later = None if change.new_period else _previewed(context, life, change, Settles.NEVER)
    due = shown["amount_due"] if shown and change.charges_now else 0
    return Preview(
        change=change,
        due_now=Money(due, life.currency),
        lines=[_line(each, life.currency) for each in shown["lines"]["data"]] if shown else [],
        next_invoice=Money(later["amount_due"], life.currency) if later else None,
        next_on=life.period_ends_at if later else None,
    )


def params_of(life: Life, change: PlanChange) -> "SubscriptionUpdateParams":
    """What Stripe is asked: the terms of the preview to the second, and no change where a payment now is declined."""
    asked: SubscriptionUpdateParams = {
        "items": [{"id": change.item_id, "price": change.price_id, "quantity": change.quantity}],
        "proration_behavior": change.settles.value,
    }
    if change.settles is not Settles.NEVER:
        asked["proration_date"] = int(change.counts_from.timestamp())
    if change.charges_now:
        asked |= {"payment_behavior": "error_if_incomplete", "off_session": True}
    return asked


def in_words(found: Preview) -> list[str]:
    """The consequences, in sentences."""
    told = []
    if found.due_now.minor > 0:
        told.append(f"{found.due_now} is charged now to the customer's card. If it is declined, nothing changes.")
    elif found.change.charges_now:
        told.append("Nothing is due now; a credit is kept for the next invoice.")
    else:
        told.append("Nothing is charged now.")
    if found.next_invoice is not None and found.next_on is not None:
        told.append(f"The next invoice, on {found.next_on:%-d %b %Y}, is {found.next_invoice}.")
    elif not found.change.new_period:
        told.append("No further invoice follows, since the subscription is set to end.")
    if found.change.new_period:
        told.append("The new plan has another interval, so a new period starts today.")
    return told


def _previewed(context: PaymentContext, life: Life, change: PlanChange, settles: Settles) -> Json | None:
    """The invoice that would follow; None if the subscription is set to end and no invoice follows."""
    details: dict[str, Any] = {
        "items": [{"id": change.item_id, "price": change.price_id, "quantity": change.quantity}],
        "proration_behavior": settles.value,
    }
    if settles is not Settles.NEVER:
        details["proration_date"] = int(change.counts_from.timestamp())
    asked: InvoiceCreatePreviewParams = {"subscription": life.id, "subscription_details": details}  # type: ignore[typeddict-item]
    try:
        return context.stripe.write("invoices/create_preview", key=f"preview-{token_urlsafe(12)}", **asked)
    except Refused as error:
        if error.facts.get("stripe_code") != "invoice_upcoming_none":
            raise
        return None


def _line(line: Json, currency: str) -> Line:
    details = (line.get("parent") or {}).get("subscription_item_details") or {}
    return Line(str(line.get("description") or ""), Money(line["amount"], currency), bool(details.get("proration")))
