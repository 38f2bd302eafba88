"""What a cart costs, by the prices at Stripe and never by what the caller says."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.errors import Refused
from core.money import Money, total
from core.payments.context import PaymentContext
from core.payments.operations.schemas import CartItem
from core.stripe_gateway import Json

CART = "payopsCart"
LONGEST_METADATA = 500
_WRITTEN = re.compile(r"([\w-]{1,255})/([\w-]{1,255}):(\d{1,12})(?:,|$)", re.ASCII)


@dataclass(frozen=True)
class Line:
    """A quantity of one price."""

    price_id: str
    product_id: str
    unit: Money
    quantity: int

    @property
    def amount(self) -> Money:
        return Money(self.unit.minor * self.quantity, self.unit.currency)


def priced(context: PaymentContext, items: Sequence[CartItem], *, recurring: bool) -> list[Line]:
    """The cart by the catalogue's prices, all in one currency.

    Raises `Refused` with the field for an unknown or inactive price, or one of the wrong kind.
    """
    lines = [_line(context, item, f"cartItems.{place}", recurring) for place, item in enumerate(items)]
    if len({line.unit.currency for line in lines}) > 1:
        sentence = "All prices of a cart must have the same currency."
        raise Refused("mixed_currencies", sentence, facts={"path": "cartItems"})
    return lines


def written(lines: Sequence[Line]) -> Json:
    """The cart as metadata of its payment; empty if it is too long for Stripe's metadata."""
    text = ",".join(f"{line.product_id}/{line.price_id}:{line.amount.minor}" for line in lines)
    return {CART: text} if 0 < len(text) <= LONGEST_METADATA else {}


def lines_of(metadata: Mapping[str, Any]) -> list[Json] | None:
    """The lines in metadata that `written` wrote: product, price and amount; None if there are none."""
    text = metadata.get(CART)
    found = _WRITTEN.findall(text) if isinstance(text, str) else []
    return [
        {"product_id": product, "price_id": price, "amount_minor": int(minor)} for product, price, minor in found
    ] or None


def sum_of(lines: Sequence[Line]) -> Money:
    return total((line.amount for line in lines), lines[0].unit.currency)


def price(context: PaymentContext, price_id: str, path: str, *, recurring: bool) -> Json:
    """The price, if it can be bought; `path` is the request's field with its ID."""
    facts = {"path": path}
    try:
        found = context.stripe.retrieve(f"prices/{price_id}")
    except Refused as error:
        if error.facts.get("http_status") != 404:
            raise
        raise Refused("unknown_price", "There is no such price.", facts=facts) from error
    if not found["active"] or found.get("unit_amount") is None:
        raise Refused("price_not_for_sale", "This price is not for sale.", facts=facts)
    if bool(found.get("recurring")) != recurring:
        kind = "a subscription" if recurring else "a single payment"
        raise Refused("wrong_kind_of_price", f"This is not the price of {kind}.", facts=facts)
    return found


def _line(context: PaymentContext, item: CartItem, path: str, recurring: bool) -> Line:
    found = price(context, item.stripePriceId, f"{path}.stripePriceId", recurring=recurring)
    unit = Money(found["unit_amount"], found["currency"])
    return Line(item.stripePriceId, str(found["product"]), unit, item.quantity)
