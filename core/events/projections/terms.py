"""The fields of Stripe's prices, coupons and discounts from which a monthly amount is computed."""

from decimal import Decimal, InvalidOperation
from typing import Any

from core.events.event_rows import Json

MOST_MINOR = Decimal(10) ** 14  # beyond any amount of Stripe's, and small enough for a bigint after any factor
MOST_PLACES = 12  # Stripe's unit_amount_decimal has at most twelve


class UnreadableTerms(ValueError):
    """A field of a price or coupon has an unexpected shape; the message names the field, never its value."""


def price_of(item: Json) -> Json:
    """The item's price, which API versions before 2020 call the plan."""
    price: Json = item.get("price") or {}
    plan = item.get("plan")
    if price or not isinstance(plan, dict):
        return price
    return {
        **{field: plan.get(field) for field in ("id", "product", "tiers", "tiers_mode")},
        "unit_amount": plan.get("amount"),
        "unit_amount_decimal": plan.get("amount_decimal"),
        "transform_quantity": plan.get("transform_usage"),
        "recurring": {field: plan.get(field) for field in ("interval", "interval_count", "usage_type")},
    }


def quantity_rule(price: Json) -> Json:
    """How the quantity is divided and rounded before it is multiplied; both None if it is not."""
    transform = price.get("transform_quantity") or {}
    divide_by = transform.get("divide_by")
    if divide_by is not None and (type(divide_by) is not int or divide_by < 1):
        raise UnreadableTerms("transform_quantity")
    return {"divide_by": divide_by, "round": transform.get("round")}


def tiers_of(price: Json) -> list[Json] | None:
    """Each tier's upper bound (None for the last), unit amount and flat amount in minor units; None if not given."""
    tiers = price.get("tiers")
    if not isinstance(tiers, list):
        return None
    return [
        {
            "up_to": None if tier.get("up_to") in (None, "inf") else _whole(tier["up_to"], "up_to"),
            "unit": decimal_text(tier.get("unit_amount_decimal"), tier.get("unit_amount"), "unit_amount_decimal"),
            "flat": decimal_text(tier.get("flat_amount_decimal"), tier.get("flat_amount"), "flat_amount_decimal"),
        }
        for tier in tiers
    ]


def decimal_text(exact: Any, whole: Any, field: str) -> str | None:
    """The amount in minor units as decimal text: the whole number if there is one, otherwise the decimal amount."""
    given = whole if whole is not None else exact
    if given is None:
        return None
    if type(given) not in (int, str, float):
        raise UnreadableTerms(field)
    try:
        amount = Decimal(str(given))
        exponent = amount.as_tuple().exponent
    except InvalidOperation as error:
        raise UnreadableTerms(field) from error
    if not isinstance(exponent, int) or abs(amount) > MOST_MINOR or exponent < -MOST_PLACES:
        raise UnreadableTerms(field)
    return format(amount, "f")


def check_total(price: Json, quantity: int) -> None:
    """Raises `UnreadableTerms` if the price of this quantity is larger than any amount at Stripe."""
    units = [decimal_text(price.get("unit_amount_decimal"), price.get("unit_amount"), "unit_amount")]
    for tier in tiers_of(price) or []:
        units += [tier["unit"], tier["flat"]]
    if any(unit is not None and abs(Decimal(unit)) * max(abs(quantity), 1) > MOST_MINOR for unit in units):
        raise UnreadableTerms("unit_amount")


def coupon_columns(coupon: Json) -> Json:
    """How much a coupon takes off, and for how long."""
    amounts = {
        currency: _whole(option.get("amount_off"), "amount_off")
        for currency, option in (coupon.get("currency_options") or {}).items()
        if isinstance(option, dict) and option.get("amount_off") is not None
    }
    currency, amount_off = coupon.get("currency"), coupon.get("amount_off")
    if currency and amount_off is not None:
        amounts[currency.lower()] = _whole(amount_off, "amount_off")
    return {
        "duration": coupon["duration"],
        "duration_in_months": coupon.get("duration_in_months"),
        "percent_off": decimal_text(coupon.get("percent_off"), None, "percent_off"),
        "amounts_off": amounts,
    }


def products_of(coupon: Json) -> list[str] | None:
    """The products that a coupon is limited to; None if unknown, as Stripe includes them only when asked to expand."""
    limits = coupon.get("applies_to")
    if not isinstance(limits, dict) or not isinstance(limits.get("products"), list):
        return None
    return [product for product in limits["products"] if isinstance(product, str)]


def _whole(value: Any, field: str) -> int:
    if type(value) is not int or not 0 <= value <= MOST_MINOR:
        raise UnreadableTerms(field)
    return value
