"""The products, prices, coupons and codes of the history."""

from dataclasses import dataclass

from core.sandbox.engine.errors import Json
from core.sandbox.objects.billing import discounts, prices, products
from core.sandbox.seed.book import Book
from core.sandbox.seed.business import ABROAD, COUPONS, PLANS, VISITS


@dataclass(frozen=True)
class Catalogue:
    """Prices and plans' names by offer, coupons with their code by name."""

    prices: dict[str, Json]
    coupons: dict[str, tuple[Json, Json]]


def open_shop(book: Book, at: int) -> Catalogue:
    """All products and prices, from the first day, with readable ids."""
    offered = {offer.key: offer for offer in (*VISITS, *ABROAD.values(), *PLANS)}
    made: dict[str, Json] = {}
    for offer in offered.values():
        specialty = {"specialty": offer.specialty}
        product = products.build(f"prod_{offer.key}", at, name=offer.name, description=None, metadata=specialty)
        price = prices.build(
            f"price_{offer.key}",
            at,
            product=product["id"],
            currency=offer.currency,
            unit_amount=offer.amount_minor,
            interval=offer.interval or None,
            interval_count=offer.interval_count,
            nickname=offer.name,
            lookup_key=offer.key,
            metadata=specialty,
        )
        product["default_price"] = price["id"]
        book.keep(product, price)
        made[offer.key] = price
    return Catalogue(made, _coupons(book, at))


def _coupons(book: Book, at: int) -> dict[str, tuple[Json, Json]]:
    """Stored at the end, when it is known how often each was redeemed."""
    made = {}
    for word, terms in COUPONS.items():
        coupon = discounts.build_coupon(
            f"coupon_{word.lower()}", at, name=str(terms["name"]), duration=str(terms["duration"])
        )
        coupon["duration_in_months"] = terms["months"]
        coupon["percent_off"] = terms.get("percent_off")
        if "amount_off" in terms:
            coupon |= {"amount_off": terms["amount_off"], "currency": "usd"}
        code = discounts.build_code(f"promo_{word.lower()}", at, code=word, coupon=coupon["id"])
        made[word] = (coupon, code)
    return made


def close_shop(book: Book, catalogue: Catalogue) -> None:
    for coupon, code in catalogue.coupons.values():
        book.keep(coupon, code)
