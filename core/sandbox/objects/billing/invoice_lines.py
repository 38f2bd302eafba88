"""Invoice lines and what they add up to, discounts included."""

from collections import Counter
from decimal import Decimal

from core.sandbox.engine.errors import Json
from core.sandbox.engine.unit_of_work import UnitOfWork
from core.sandbox.objects.billing import discounts


def build(
    line_id: str,
    invoice_id: str,
    price: Json,
    *,
    amount: int,
    quantity: int,
    period: tuple[int, int],
    parent: Json | None,
    description: str,
) -> Json:
    """One line; `amount` in minor units, negative for what is credited."""
    return {
        "id": line_id,
        "object": "line_item",
        "amount": amount,
        "currency": price["currency"],
        "description": description,
        "discount_amounts": [],
        "discountable": True,
        "discounts": [],
        "invoice": invoice_id,
        "livemode": False,
        "metadata": {},
        "parent": parent,
        "period": {"end": period[1], "start": period[0]},
        "pretax_credit_amounts": [],
        "pricing": {
            "price_details": {"price": price["id"], "product": price["product"]},
            "type": "price_details",
            "unit_amount_decimal": price["unit_amount_decimal"],
        },
        "quantity": quantity,
        "subtotal": amount,
        "taxes": [],
    }


def of_subscription(subscription: str, item: str, *, proration: bool = False) -> Json:
    """The `parent` of a line that a subscription made."""
    return {
        "invoice_item_details": None,
        "subscription_item_details": {
            "invoice_item": None,
            "proration": proration,
            "proration_details": {"credited_items": None},
            "subscription": subscription,
            "subscription_item": item,
        },
        "type": "subscription_item_details",
    }


def described(price: Json, name: str, quantity: int) -> str:
    """`1 × Plan (at $49.00 / month)`, as Stripe words it."""
    recurring = price["recurring"]
    if recurring is None:
        return f"{quantity} × {name}"
    count = recurring["interval_count"]
    every = recurring["interval"] if count == 1 else f"every {count} {recurring['interval']}s"
    if price["billing_scheme"] == "tiered":
        return f"{quantity} × {name} (tiered, / {every})"
    return f"{quantity} × {name} (at ${Decimal(price['unit_amount_decimal']) / 100:,.2f} / {every})"


def total_up(invoice: Json, lines: list[Json], taken_off: list[tuple[str, int]]) -> Json:
    """Sets the invoice's lines and sums; `taken_off` pairs a discount with its amount."""
    shares: Counter[str] = Counter()
    for discount, amount in taken_off:
        shares[discount] += amount
    own = {discount for line in lines for discount in line["discounts"]}
    subtotal = sum(line["amount"] for line in lines)
    total = subtotal - sum(amount for _, amount in taken_off)
    due = max(total, 0)
    invoice |= {
        "amount_due": due,
        "amount_remaining": due,
        "discounts": [discount for discount in shares if discount not in own],
        "subtotal": subtotal,
        "subtotal_excluding_tax": subtotal,
        "total": total,
        "total_discount_amounts": [{"amount": amount, "discount": discount} for discount, amount in shares.items()],
        "total_excluding_tax": total,
    }
    invoice["lines"] |= {"data": lines, "total_count": len(lines)}
    return invoice


def taken_off_all(uow: UnitOfWork, discount_ids: list[str], lines: list[Json], currency: str) -> list[tuple[str, int]]:
    """Apply each line's own discounts first, then the invoice's discounts to the rest.

    A line that is not discountable, as prorations are, is left as it is.
    """
    shares = []
    for line in lines:
        own = taken_off(uow, line["discounts"], line["amount"], currency)
        line["discount_amounts"] = [{"amount": amount, "discount": discount} for discount, amount in own]
        shares += own
    rest = sum(line["amount"] for line in lines if line["discountable"]) - sum(amount for _, amount in shares)
    return [*shares, *taken_off(uow, discount_ids, rest, currency)]


def taken_off(uow: UnitOfWork, discount_ids: list[str], subtotal: int, currency: str) -> list[tuple[str, int]]:
    """Each discount's share of `subtotal`, one after the other, never below zero."""
    shares, left = [], max(subtotal, 0)
    for discount_id in discount_ids:
        coupon = uow.known(uow.known(discount_id)["source"]["coupon"])
        amount = discounts.amount_off(coupon, left, currency)
        shares.append((discount_id, amount))
        left -= amount
    return shares
