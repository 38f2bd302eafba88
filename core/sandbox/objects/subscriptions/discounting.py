"""The discounts of a subscription, its items and its customer."""

from core.sandbox.engine.errors import Json
from core.sandbox.engine.params import Params
from core.sandbox.engine.unit_of_work import UnitOfWork
from core.sandbox.objects import customers
from core.sandbox.objects.billing import discounts
from core.sandbox.objects.billing.amounts import amount_of
from core.sandbox.objects.subscriptions.shape import all_discounts, items_of


def take_discounts(uow: UnitOfWork, subscription: Json, params: Params) -> None:
    for asked in params.each("discounts"):
        apply_discount(uow, subscription, asked)
    for item, asked_item in zip(items_of(subscription), params.each("items"), strict=True):
        for asked in asked_item.each("discounts"):
            apply_discount(uow, subscription, asked, item)


def price_of_period(uow: UnitOfWork, subscription: Json) -> int:
    """The price of one period before discounts."""
    return sum(amount_of(uow, item["price"], item["quantity"]) for item in items_of(subscription))


def apply_discount(uow: UnitOfWork, subscription: Json, asked: Params, item: Json | None = None) -> None:
    """Redeem a coupon or code for it, or for one of its items; the caller stores and announces the subscription."""
    subtotal = amount_of(uow, item["price"], item["quantity"]) if item else price_of_period(uow, subscription)
    customer = subscription["customer"]
    coupon, code = discounts.accepted(
        uow, asked, customer=customer, currency=subscription["currency"], subtotal=subtotal
    )
    discounts.redeem(uow, coupon, code)
    discount = discounts.build_discount(
        uow.ids.new("discount"),
        coupon,
        code,
        customer=customer,
        subscription=subscription["id"],
        start=uow.now,
        item=item["id"] if item else None,
    )
    uow.add(discount, "customer.discount.created")
    holder = subscription if item is None else item
    holder["discounts"] = [*holder["discounts"], discount["id"]]


def drop_discount(uow: UnitOfWork, subscription: Json, discount: Json) -> None:
    """Remove the discount; the caller stores and announces the subscription."""
    for holder in (subscription, *items_of(subscription)):
        holder["discounts"] = [kept for kept in holder["discounts"] if kept != discount["id"]]
    uow.announce("customer.discount.deleted", discount)


def discounts_of(uow: UnitOfWork, subscription: Json) -> list[str]:
    """The subscription's own discounts; if it has none, its customer's."""
    if subscription["discounts"]:
        return list(subscription["discounts"])
    discount = uow.known(subscription["customer"]).get("discount")
    return [discount["id"]] if discount else []


def spend_discounts(uow: UnitOfWork, subscription: Json, invoice: Json) -> bool:
    if subscription["status"] == "canceled" or not invoice["subtotal"]:
        return False
    spent = [
        discount
        for discount in map(uow.known, all_discounts(subscription))
        if uow.known(discount["source"]["coupon"])["duration"] == "once"
    ]
    for discount in spent:
        drop_discount(uow, subscription, discount)
    customer = uow.known(subscription["customer"])
    if (own := customer.get("discount")) and uow.known(own["source"]["coupon"])["duration"] == "once":
        customers.drop_discount(uow, customer)
    return bool(spent)
