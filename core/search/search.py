"""Parsing a search and finding matches: by ID, reference, name, amount, last four digits or e-mail."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

from core.errors import Refused
from core.payments import payments
from core.payments.context import PaymentContext
from core.staff import roles
from core.staff.roles import Actor, Right, Role, right

MOST_OF_A_KIND = 8
LONGEST = 320
# Each kind with the page and the query parameter that open it, in the order in which kinds are listed.
KINDS = {
    "customer": ("customers", "customer", "Customer"),
    "patient": ("customers", "patient", "Patient"),
    "payment": ("payments", "payment", "Payment"),
    "subscription": ("subscriptions", "subscription", "Subscription"),
    "consultation": ("assignments", "consultation", "Consultation"),
    "dispute": ("disputes", "dispute", "Dispute"),
    "refund": ("payments", "payment", "Refund"),
    "provider": ("providers", "provider", "Provider"),
    "event": ("events", "event", "Event"),
    "payout": ("reconciliation", "payout", "Payout"),
}
_LAST4 = re.compile(r"(?:[•*x]{1,12}\s?)?(\d{4})", re.ASCII)
_DASHBOARD = re.compile(r"https?://dashboard\.stripe\.com/\S*?([A-Za-z0-9]+_[A-Za-z0-9_]+)(?:[/?#]\S*)?$")


class Hit(TypedDict):
    """One thing that was found; `opens` is the id its page is opened with, `about` a name or a reference."""

    kind: str
    id: str
    opens: str
    at: str | None
    status: str | None
    about: str | None
    amount_minor: int | None
    currency: str | None


@dataclass(frozen=True)
class Sought:
    """What was typed: an e-mail address, or an id or name that may also be an amount or the last four of a card.

    With `together` a payment must have both the amount and the last four digits.
    """

    text: str | None = None
    email: str | None = None
    amounts: dict[str, int] | None = None
    last4: str | None = None
    together: bool = False


def understood(typed: str) -> Sought:
    """`cus_1`, `ana@example.com`, `$49.00`, `4242`, `49 4242`, a name, or an address of Stripe's dashboard.

    Raises `Refused` where nothing was typed.
    """
    shown = (sign if sign.isprintable() else " " for sign in typed[:LONGEST])
    text = " ".join("".join(shown).split())
    if not text:
        raise Refused("nothing_sought", "Enter an ID, an e-mail address, an amount or the last four digits of a card.")
    if "@" in text:
        return Sought(email=text)
    if pasted := _DASHBOARD.fullmatch(text):
        return Sought(text=pasted[1])
    first, _, second = text.rpartition(" ")
    if first and (last4 := _LAST4.fullmatch(second)) and (amounts := _amounts(first)):
        return Sought(amounts=amounts, last4=last4[1], together=True)
    last4 = _LAST4.fullmatch(text)
    return Sought(text=text, amounts=_amounts(text), last4=last4[1] if last4 else None)


def find(context: PaymentContext, actor: Actor, typed: str) -> list[Hit]:
    """What was found of the kinds that the actor's role may open, at most `MOST_OF_A_KIND` of each.

    Stripe is asked for an e-mail address, which is not stored; the lookup is audited. Raises `Refused` and
    `Unavailable`.
    """
    roles.require(actor, payments.PAGE, Right.SEE)
    sought = understood(typed)
    if sought.email:
        found = payments.customers_of_email(context, actor, sought.email)[:MOST_OF_A_KIND]
        return [_customer(each) for each in found]
    hits: list[Hit] = context.db.call(
        "search",
        text=sought.text,
        amounts=sought.amounts,
        last4=sought.last4,
        together=sought.together,
        kinds=kinds_for(actor.role),
        limit=MOST_OF_A_KIND,
    )
    return hits


def kinds_for(role: Role) -> list[str]:
    """The kinds whose page this role may open."""
    return [kind for kind, (page, _, _) in KINDS.items() if right(role, page) >= Right.SEE]


def may_be_more(hits: Sequence[Hit]) -> bool:
    """Whether of some kind only the newest are listed."""
    kinds = [each["kind"] for each in hits]
    return any(kinds.count(kind) >= MOST_OF_A_KIND for kind in set(kinds))


def _amounts(text: str) -> dict[str, int] | None:
    try:
        return payments.amounts_of(text) or None
    except Refused:
        return None


def _customer(found: payments.Customer) -> Hit:
    return {
        "kind": "customer",
        "id": found.id,
        "opens": found.id,
        "at": None,
        "status": None,
        "about": "1 payment" if found.payments == 1 else f"{found.payments:,} payments",
        "amount_minor": None,
        "currency": None,
    }
