"""Prorations: the unused time of what was paid is credited, the remaining time of what takes its place is charged.

Each changed item by the second, after the discounts that the subscription has; a proration itself takes none off again.
"""

from fractions import Fraction

from core.sandbox.engine.errors import Json, invalid
from core.sandbox.engine.params import Params
from core.sandbox.engine.unit_of_work import UnitOfWork
from core.sandbox.objects.billing import discounts, invoice_items
from core.sandbox.objects.billing.amounts import amount_of
from core.sandbox.objects.subscriptions.discounting import discounts_of
from core.sandbox.objects.subscriptions.shape import period_of

HALF = Fraction(1, 2)


def moment(uow: UnitOfWork, subscription: Json, params: Params, mode: str, *, restarts: bool) -> int:
    """The moment from which the change counts: now, or the requested one, which must lie in the current period."""
    asked = params.moment("proration_date")
    if asked is None:
        return uow.now
    if mode == "none":
        raise invalid("You cannot specify `proration_date` when `proration_behavior` is `none`.", "proration_date")
    if restarts:
        raise invalid("You cannot specify `proration_date` when `billing_cycle_anchor=now`.", "proration_date")
    start, end = period_of(subscription)
    if not start <= asked <= end:
        raise invalid("Cannot specify proration date outside of current subscription period.", "proration_date")
    return asked


def write(
    uow: UnitOfWork, subscription: Json, before: list[Json], after: list[Json], *, at: int, restarts: bool
) -> None:
    """Write pending items for the customer's next invoice, without the price of a new period."""
    start, end = period_of(subscription)
    left = Fraction(min(max(end - at, 0), end - start), max(end - start, 1))
    were, are = _net_of(uow, subscription, before), _net_of(uow, subscription, after)
    for item in before:
        if restarts or _terms(item) not in map(_terms, after):
            _add(uow, subscription, item, -_rounded(were[item["id"]] * left), "Unused time on", at, end)
    for item in after if not restarts else []:
        if _terms(item) not in map(_terms, before):
            _add(uow, subscription, item, _rounded(are[item["id"]] * left), "Remaining time on", at, end)


def _terms(item: Json) -> tuple[str, str, int]:
    return item["id"], item["price"]["id"], item["quantity"]


def _net_of(uow: UnitOfWork, subscription: Json, items: list[Json]) -> dict[str, Fraction]:
    """The price of each item in a period after its own discounts and its share of the subscription's."""
    currency, net = subscription["currency"], {}
    for item in items:
        amount = amount_of(uow, item["price"], item["quantity"])
        for each in item["discounts"]:
            amount -= discounts.amount_off(_coupon(uow, each), amount, currency)
        net[item["id"]] = Fraction(amount)
    for each in discounts_of(uow, subscription):
        total = sum(net.values(), Fraction(0))
        off = discounts.amount_off(_coupon(uow, each), int(total), currency) if total > 0 else 0
        net = {name: amount - off * amount / total if total > 0 else amount for name, amount in net.items()}
    return net


def _coupon(uow: UnitOfWork, discount_id: str) -> Json:
    return uow.known(uow.known(discount_id)["source"]["coupon"])


def _rounded(amount: Fraction) -> int:
    return int(amount + HALF)


def _add(uow: UnitOfWork, subscription: Json, item: Json, amount: int, words: str, at: int, end: int) -> None:
    quantity = f"{item['quantity']} × " if item["quantity"] != 1 else ""
    uow.add(
        invoice_items.build(
            uow.ids.new("invoiceitem"),
            subscription["customer"],
            uow.now,
            amount=amount,
            currency=subscription["currency"],
            description=f"{words} {quantity}{uow.known(item['price']['product'])['name']}",
            period=(at, end),
            price=item["price"],
            subscription=(subscription["id"], item["id"]),
        ),
        "invoiceitem.created",
    )
