"""What things cost: Stripe's prices, never the caller's word."""

from collections.abc import Sequence
from dataclasses import dataclass

from core.errors import Refused
from core.money import Money, total
from core.payments.context import PaymentContext
from core.payments.operations.schemas import CartItem
from core.stripe_gateway import Json


@dataclass(frozen=True)
class Line:
    """So many of one price."""

    price_id: str
    product_id: str
    unit: Money
    quantity: int

    @property
    def amount(self) -> Money:
        return Money(self.unit.minor * self.quantity, self.unit.currency)


def priced(context: PaymentContext, items: Sequence[CartItem], *, recurring: bool) -> list[Line]:
    """The cart by the catalogue's prices, all in one currency.

    Raises `Refused` naming the field: an unknown or inactive price, or one of the other kind than `recurring`.
    """
    lines = [_line(context, item, f"cartItems.{place}", recurring) for place, item in enumerate(items)]
    if len({line.unit.currency for line in lines}) > 1:
        raise Refused("mixed_currencies", "All prices of a cart have one currency.", facts={"path": "cartItems"})
    return lines


def sum_of(lines: Sequence[Line]) -> Money:
    return total((line.amount for line in lines), lines[0].unit.currency)


def price(context: PaymentContext, price_id: str, path: str, *, recurring: bool) -> Json:
    """The price where it can be bought; `path` is the field that named it."""
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
