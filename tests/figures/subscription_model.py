"""Recurring revenue and churn, slow and plain: what really happened to subscriptions, and the figures of it.

It shares no code with payops. A subscription is a list of changes, each the whole subscription from that second on.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from math import floor
from typing import Any

Json = dict[str, Any]
PER_YEAR = {"day": 365, "week": 52, "month": 12, "year": 1}
FOREVER = 10**12
DAY_SECONDS = 86_400


@dataclass
class Discount:
    """A coupon redeemed at `start`; `stop` is when it ends or is taken away."""

    id: str
    coupon: Json
    start: int
    stop: int = FOREVER


@dataclass
class Subscription:
    """`changes` are pairs of a second and the whole Stripe object from then on; discounts stand in it by their ids."""

    id: str
    customer: str
    currency: str
    changes: list[tuple[int, Json]] = field(default_factory=list)

    def just_before(self, moment: int) -> Json | None:
        """The object as it was until then; None before it began."""
        known = [subject for at, subject in self.changes if at < moment]
        return known[-1] if known else None


@dataclass
class Account:
    """Everything of one currency; `given` are the discounts that customers have themselves, by customer."""

    currency: str
    subscriptions: list[Subscription] = field(default_factory=list)
    discounts: dict[str, Discount] = field(default_factory=dict)
    given: dict[str, list[Discount]] = field(default_factory=dict)
    _counted: dict[tuple[str, int], int] = field(default_factory=dict, repr=False)

    def figures(self, starts: int, month_starts: int, ends: int, now: int) -> Json:
        """Every figure of subscriptions, by its name; rates as (numerator, denominator)."""
        customers = sorted({each.customer for each in self.subscriptions})
        start, month, end = (
            {each: self._brings(each, moment) for each in customers} for moment in (starts, month_starts, ends)
        )
        paid = {each: self._paid_times(each, ends) for each in customers}
        before = [each for each in customers if start[each]]
        known = {each for each in customers if paid[each] and paid[each][0] < starts}
        lost = [each for each in customers if paid[each] and month_starts <= paid[each][1] < ends]
        joined = [each for each in customers if paid[each] and paid[each][0] >= month_starts]
        active_then = [each for each in customers if month[each]]
        churned = sum(start[each] for each in before if not end[each])
        contraction = sum(max(start[each] - end[each], 0) for each in before if end[each])
        return {
            "mrr": sum(end.values()),
            "mrr_new": sum(end[each] for each in customers if not start[each] and each not in known),
            "mrr_reactivated": sum(end[each] for each in customers if not start[each] and each in known),
            "mrr_expansion": sum(max(end[each] - start[each], 0) for each in before if end[each]),
            "mrr_contraction": contraction,
            "mrr_churned": churned,
            "gross_mrr_churn_rate": (churned + contraction, sum(start.values())),
            "active_subscribers": sum(1 for each in customers if end[each]),
            "trialing_subscribers": len({each.customer for each in self._in(ends, {"trialing"})}),
            "subscriber_churn_rate": (len(lost), len(active_then) + len(joined)),
            "subscriber_churn_rate_classic": (len(lost), len(active_then)),
            "scheduled_to_cancel": self._leaving(now),
        }

    def movements(self, starts: int, ends: int) -> Json:
        """By its name how many customers moved, and what each of them brought before and after."""
        found: dict[str, dict[str, tuple[int, int]]] = {}
        for customer in sorted({each.customer for each in self.subscriptions}):
            before, after = self._brings(customer, starts), self._brings(customer, ends)
            paid = self._paid_times(customer, ends)
            if not before and after:
                name = "reactivated" if paid and paid[0] < starts else "new"
            elif before and not after:
                name = "churned"
            else:
                name = "expansion" if after > before else "contraction" if after < before else "same"
            if before or after:
                found.setdefault(name, {})[customer] = (before, after)
        return found

    def _leaving(self, now: int) -> tuple[int, int]:
        leaving = [
            each
            for each in self._in(now, {"active", "past_due", "trialing"})
            if each.just_before(now)["cancel_at_period_end"] or each.just_before(now)["cancel_at"]
        ]
        return len(leaving), sum(self._monthly(each, now) for each in leaving)

    def _in(self, moment: int, statuses: set[str]) -> list[Subscription]:
        return [each for each in self.subscriptions if (each.just_before(moment) or {}).get("status") in statuses]

    def _brings(self, customer: str, moment: int) -> int:
        return sum(self._monthly(each, moment) for each in self.subscriptions if each.customer == customer)

    def _paid_times(self, customer: str, ends: int) -> tuple[int, int] | None:
        """The first second from which the customer brought something, and the last at which that stopped."""
        theirs = [each for each in self.subscriptions if each.customer == customer]
        turns = {at for each in theirs for at, _ in each.changes}
        known = [*self.discounts.values(), *self.given.get(customer, [])]
        turns |= {turn for each in known for turn in (each.start, each.stop)}
        in_order = sorted(turn for turn in turns if turn < FOREVER)
        stretches = [
            (begin, stop)
            for begin, stop in zip(in_order, [*in_order[1:], FOREVER], strict=True)
            if begin < ends and self._brings(customer, begin + 1)
        ]
        return (stretches[0][0], stretches[-1][1]) if stretches else None

    def _monthly(self, subscription: Subscription, moment: int) -> int:
        """What a subscription brought in a month just before `moment`; asked only of a life that is told to its end."""
        if (subscription.id, moment) not in self._counted:
            self._counted[subscription.id, moment] = self._count(subscription, moment)
        return self._counted[subscription.id, moment]

    def _count(self, subscription: Subscription, moment: int) -> int:
        subject = subscription.just_before(moment)
        if subject is None or subject["status"] not in ("active", "past_due"):
            return 0
        if (subject["pause_collection"] or {}).get("behavior") in ("void", "mark_uncollectible"):
            return 0
        items = [each for each in subject["items"]["data"] if each["price"]["recurring"]["usage_type"] == "licensed"]
        rates = [_per_year(each) for each in items]
        fastest = max(rates, default=Fraction(0))
        amounts = [_period_amount(each) * rate / fastest for each, rate in zip(items, rates, strict=True)]
        for discount, item_id in self._holding(subscription, subject, moment):
            amounts = _less(discount.coupon, amounts, items, item_id, subscription.currency)
        return sum(_half_up(amount * fastest / 12) for amount in amounts)

    def _holding(self, subscription: Subscription, subject: Json, moment: int) -> Iterable[tuple[Discount, str | None]]:
        """The recurring discounts in the order they are taken off, with the item that one is for."""

        def recurring(discounts: Iterable[Discount]) -> list[Discount]:
            return [
                each for each in discounts if each.coupon["duration"] != "once" and each.start < moment <= each.stop
            ]

        for item in subject["items"]["data"]:
            yield from ((each, item["id"]) for each in recurring(self.discounts[name] for name in item["discounts"]))
        own = recurring(self.discounts[name] for name in subject["discounts"])
        given = recurring(self.given.get(subscription.customer, []))
        yield from ((each, None) for each in own or given)


def _less(
    coupon: Json, amounts: list[Fraction], items: list[Json], item_id: str | None, currency: str
) -> list[Fraction]:
    """What one coupon leaves of each amount."""
    only = (coupon.get("applies_to") or {}).get("products")
    hit = [
        (item_id is None or item["id"] == item_id) and (only is None or item["price"]["product"] in only)
        for item in items
    ]
    if coupon.get("percent_off") is not None:
        rest = 1 - Fraction(str(coupon["percent_off"])) / 100
        return [amount * rest if here else amount for amount, here in zip(amounts, hit, strict=True)]
    if coupon["currency"] != currency:
        return amounts
    total = sum((amount for amount, here in zip(amounts, hit, strict=True) if here), Fraction(0))
    if coupon["amount_off"] >= total:
        return [Fraction(0) if here else amount for amount, here in zip(amounts, hit, strict=True)]
    left, passed, spread = [], Fraction(0), 0
    for amount, here in zip(amounts, hit, strict=True):
        if here and amount:
            passed += amount
            share = _half_up(coupon["amount_off"] * passed / total) - spread
            spread += share
            amount = max(amount - share, Fraction(0))
        left.append(amount)
    return left


def _per_year(item: Json) -> Fraction:
    recurring = item["price"]["recurring"]
    return Fraction(PER_YEAR[recurring["interval"]], recurring["interval_count"])


def _period_amount(item: Json) -> Fraction:
    price, quantity = item["price"], item["quantity"]
    if price.get("transform_quantity"):
        whole, rest = divmod(quantity, price["transform_quantity"]["divide_by"])
        quantity = whole + (1 if rest and price["transform_quantity"]["round"] == "up" else 0)
    if price.get("tiers"):
        return _tiered(price["tiers"], price["tiers_mode"], quantity)
    unit = price["unit_amount"]
    return Fraction(str(price["unit_amount_decimal"] if unit is None else unit)) * quantity


def _tiered(tiers: list[Json], mode: str, quantity: int) -> Fraction:
    total, above = Fraction(0), 0
    for tier in tiers:
        reaches = FOREVER if tier["up_to"] is None else tier["up_to"]
        inside = min(quantity, reaches) - above
        if inside > 0:
            own = Fraction(tier["flat_amount"] or 0) + Fraction(str(tier["unit_amount"])) * inside
            whole = Fraction(tier["flat_amount"] or 0) + Fraction(str(tier["unit_amount"])) * quantity
            total = whole if mode == "volume" else total + own
        above = reaches
    return total


def _half_up(amount: Fraction) -> int:
    return floor(amount + Fraction(1, 2))


def signed_sum(figures: Json) -> int:
    """All movements together: the end less the start."""
    signs = {"new": 1, "expansion": 1, "reactivated": 1, "contraction": -1, "churned": -1}
    return sum(sign * int(figures[f"mrr_{name}"]) for name, sign in signs.items())
