"""The discounts that a subscription of the history holds."""

from core.sandbox.engine.errors import Json
from core.sandbox.objects.billing import discounts
from core.sandbox.seed.book import Book
from core.sandbox.seed.catalogue import Catalogue


class Redeemed:
    """Starts empty; keeps the subscription's `discounts` up to date."""

    def __init__(self, book: Book, subscription: Json) -> None:
        self._book = book
        self._subscription = subscription
        self._held: list[tuple[Json, Json]] = []

    def coupons(self) -> list[tuple[str, Json]]:
        """Each discount's id with its coupon."""
        return [(discount["id"], coupon) for discount, coupon in self._held]

    def redeem(self, catalogue: Catalogue, at: int) -> None:
        word = self._book.chance.choice(list(catalogue.coupons))
        coupon, code = catalogue.coupons[word]
        discount = discounts.build_discount(
            self._book.ids.new("discount"),
            coupon,
            code,
            customer=self._subscription["customer"],
            subscription=self._subscription["id"],
            start=at,
        )
        for used in (coupon, code):
            used["times_redeemed"] += 1
        self._held.append((discount, coupon))
        self._subscription["discounts"] = [discount["id"]]
        self._book.tell("customer.discount.created", discount, at)

    def spend_once(self, at: int) -> bool:
        """End `once` discounts after their invoice; returns whether the subscription changed."""
        return self._drop([pair for pair in self._held if pair[1]["duration"] == "once"], at)

    def drop_ended(self, at: int) -> None:
        self._drop([pair for pair in self._held if pair[0]["end"] is not None and pair[0]["end"] <= at], at)

    def keep(self) -> None:
        for discount, _ in self._held:
            self._book.keep(discount)

    def _drop(self, spent: list[tuple[Json, Json]], at: int) -> bool:
        for discount, _ in spent:
            self._book.tell("customer.discount.deleted", discount, at)
            self._book.keep(discount)
        self._held = [pair for pair in self._held if pair not in spent]
        self._subscription["discounts"] = [discount["id"] for discount, _ in self._held]
        return bool(spent)
