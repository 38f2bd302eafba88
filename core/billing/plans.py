"""The catalogue at Stripe: what its prices are called, and which of them a subscription can change to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.money import Money
from core.stripe_gateway import StripeGateway

EVERY = {"day": "day", "week": "week", "month": "month", "year": "year"}
MOST_PRICES = 1000


@dataclass(frozen=True)
class Plan:
    """One price with the name of its product; `interval` is empty for a price that is paid once."""

    price_id: str
    product_id: str
    product: str
    currency: str
    unit_amount_minor: int | None
    interval: str
    interval_count: int
    active: bool
    metered: bool = False

    @property
    def price(self) -> str:
        """`$29.00 a month`, `$399.00 every 3 months`, `by quantity a year` for tiers."""
        amount = "by quantity" if self.unit_amount_minor is None else str(Money(self.unit_amount_minor, self.currency))
        return f"{amount} {every(self.interval, self.interval_count)}".strip()

    @property
    def title(self) -> str:
        return f"{self.product} · {self.price}"


@dataclass(frozen=True)
class Catalogue:
    """Every price and product by its id."""

    plans: Mapping[str, Plan]
    products: Mapping[str, str]

    def plan_title(self, price_id: str | None) -> str:
        """The price in words; its ID if Stripe no longer has it."""
        found = self.plans.get(price_id or "")
        return found.title if found else price_id or "Not known"

    def product_title(self, product_id: str | None) -> str:
        return self.products.get(product_id or "", product_id or "Not known")

    def others(self, price_ids: Sequence[str], currency: str) -> list[Plan]:
        """The plans that a subscription with these prices can change to, the cheapest first."""
        found = (
            each
            for each in self.plans.values()
            if each.active and each.interval and not each.metered and each.currency == currency
        )
        kept = [each for each in found if each.price_id not in price_ids]
        return sorted(kept, key=lambda each: (each.product, each.unit_amount_minor or 0))


EMPTY = Catalogue({}, {})


def catalogue(stripe: StripeGateway) -> Catalogue:
    """What Stripe sells and sold; raises `Unavailable` or `Refused` like every call."""
    plans = {}
    for price in stripe.each("prices", expand=["data.product"]):
        plan = _plan(price)
        plans[plan.price_id] = plan
        if len(plans) >= MOST_PRICES:
            break
    return Catalogue(plans, {each.product_id: each.product for each in plans.values()})


def every(interval: str | None, count: int | None) -> str:
    """`a month`, `every 3 months`; empty for a one-time price."""
    if not interval:
        return ""
    return f"a {EVERY.get(interval, interval)}" if (count or 1) == 1 else f"every {count} {interval}s"


def item_in_words(item: Mapping[str, Any], currency: str, names: Catalogue) -> str:
    """An item of a subscription: `2 × Care membership · $29.00 a month`."""
    plan = names.plans.get(item.get("price_id") or "")
    if plan is not None:
        words = plan.title
    else:
        amount = item.get("unit_amount_minor")
        price = "" if amount is None else str(Money(amount, currency))
        name = names.product_title(item.get("product_id"))
        words = f"{name} · {price} {every(item.get('interval'), item.get('interval_count'))}".strip()
    quantity = item.get("quantity") or 0
    return words if quantity == 1 else f"{quantity:,} × {words}"


def _plan(price: Mapping[str, Any]) -> Plan:
    product = price.get("product")
    whole = product if isinstance(product, dict) else {"id": str(product)}
    recurring = price.get("recurring") or {}
    return Plan(
        price_id=price["id"],
        product_id=whole["id"],
        product=whole.get("name") or price.get("nickname") or whole["id"],
        currency=price["currency"],
        unit_amount_minor=price.get("unit_amount"),
        interval=recurring.get("interval") or "",
        interval_count=recurring.get("interval_count") or 1,
        active=bool(price.get("active") and whole.get("active", True)),
        metered=recurring.get("usage_type") == "metered",
    )
