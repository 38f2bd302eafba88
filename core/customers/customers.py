"""Customers: one of them with everything that belongs to them, their saved cards, and the newest ones."""

from dataclasses import dataclass

from core.customers.rows import Life, ListedCustomer
from core.db import Database
from core.figures.wording import counted
from core.money import Money
from core.payments.context import PaymentContext
from core.payments.payment_methods import card_name
from core.staff import roles
from core.staff.roles import Actor, Right

PAGE = "customers"
MOST_CARDS = 20


@dataclass(frozen=True)
class SavedCard:
    """A card that Stripe keeps for the customer."""

    id: str
    name: str
    expires: str
    is_default: bool


def life(db: Database, actor: Actor, *, customer_id: str | None = None, patient_id: str | None = None) -> Life | None:
    """Everything known about one person, by customer or patient; None if there is nobody."""
    roles.require(actor, PAGE, Right.SEE)
    found: Life | None = db.call("customer_life", customer_id=customer_id, patient_id=patient_id)
    return found


def newest(db: Database, actor: Actor, limit: int = 50) -> list[ListedCustomer]:
    """The most recently created customers."""
    roles.require(actor, PAGE, Right.SEE)
    found: list[ListedCustomer] = db.call("newest_customers", limit=limit)
    return found


def saved_cards(context: PaymentContext, actor: Actor, found: Life) -> list[SavedCard]:
    """The cards that Stripe has saved for this person now. Raises `Unavailable` if Stripe does not answer."""
    roles.require(actor, PAGE, Right.SEE)
    cards = []
    for customer in found["customers"]:
        if customer["deleted"]:
            continue
        settings = context.stripe.retrieve(f"customers/{customer['id']}").get("invoice_settings") or {}
        for method in context.stripe.each(f"customers/{customer['id']}/payment_methods", type="card"):
            card = method["card"]
            cards.append(
                SavedCard(
                    method["id"],
                    card_name(card["brand"], card["last4"]),
                    f"{card['exp_month']:02d}/{card['exp_year']}",
                    method["id"] == settings.get("default_payment_method"),
                )
            )
            if len(cards) == MOST_CARDS:
                return cards
    return cards


def sentence(found: Life) -> str:
    """`12 payments, $588.00 collected; 1 failed; 1 subscription; 1 open dispute.`"""
    count, failed = (sum(each[name] for each in found["sums"]) for name in ("payments", "failed"))
    came = [str(Money(each["received_minor"], each["currency"])) for each in found["sums"] if each["received_minor"]]
    running = sum(each["ended_at"] is None for each in found["subscriptions"])
    disputed = sum(each["status"].endswith("needs_response") for each in found["disputes"])
    parts = [counted(count, "payment") + (f", {' and '.join(came)} collected" if came else "")]
    parts += [f"{failed:,} failed"] if failed else []
    parts += [counted(running, "running subscription")] if running else []
    parts += [f"{counted(disputed, 'dispute')} waiting for evidence"] if disputed else []
    return "; ".join(parts) + "."
