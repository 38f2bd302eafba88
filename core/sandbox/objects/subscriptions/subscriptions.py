"""Subscriptions: creating, retrieving, listing and ending them; `changes` has their changes."""

from fractions import Fraction

from core.sandbox.engine.errors import Json, StripeError, invalid, missing_parameter
from core.sandbox.engine.intervals import after
from core.sandbox.engine.lists import in_range, list_objects, page_of, search_objects
from core.sandbox.engine.params import Params
from core.sandbox.engine.unit_of_work import UnitOfWork
from core.sandbox.objects import customers
from core.sandbox.objects.billing import prices
from core.sandbox.objects.subscriptions import settings
from core.sandbox.objects.subscriptions.billing import first_invoice
from core.sandbox.objects.subscriptions.cancellation import set_cancellation, take_details
from core.sandbox.objects.subscriptions.discounting import take_discounts
from core.sandbox.objects.subscriptions.shape import build, build_item, items_of, set_period, with_items
from core.sandbox.objects.subscriptions.status import end

DAY_SECONDS = 86_400


def create(uow: UnitOfWork, params: Params) -> Json:
    customer = customers.retrieve_live(uow, params.must_text("customer"), "customer")
    asked = params.each("items")
    if not asked:
        raise missing_parameter("items")
    chosen = [(price_of(uow, item), quantity_of(item), item.metadata()) for item in asked]
    subscription = begin(uow, customer["id"], chosen, _trial_end(uow, params, chosen[0][0]))
    if params.text("currency") not in (None, subscription["currency"]):
        raise invalid("The currency must be that of the prices.", "currency")
    settings.take(uow, subscription, params)
    share = _take_anchor(uow, subscription, params)
    take_discounts(uow, subscription, params)
    uow.add(subscription, "customer.subscription.created")
    behaviour = params.text("payment_behavior") or "allow_incomplete"
    first_invoice(uow, subscription, behaviour, off_session=params.flag("off_session"), share=share)
    set_cancellation(uow, subscription, params)
    return subscription


def _take_anchor(uow: UnitOfWork, subscription: Json, params: Params) -> Fraction:
    """End the first period at the requested anchor; returns its share of a whole period."""
    anchor, prorates = params.moment("billing_cycle_anchor"), params.text("proration_behavior") != "none"
    if anchor is None:
        return Fraction(1)
    if subscription["trial_end"] is not None:
        raise invalid("The sandbox takes either a trial or a billing_cycle_anchor.", "billing_cycle_anchor")
    recurring = items_of(subscription)[0]["price"]["recurring"]
    interval, count = recurring["interval"], recurring["interval_count"]
    if not uow.now < anchor <= after(uow.now, interval, count):
        raise invalid(
            "billing_cycle_anchor must be in the future and no later than the next natural billing date.",
            "billing_cycle_anchor",
        )
    subscription["billing_cycle_anchor"] = anchor
    set_period(subscription, uow.now, anchor)
    return Fraction(anchor - uow.now, anchor - after(anchor, interval, -count)) if prorates else Fraction(0)


def price_of(uow: UnitOfWork, item: Params) -> Json:
    if item.has("price_data"):
        price = prices.create(uow, item.under("price_data"))
    else:
        named = item.text("price") or item.text("plan")
        if named is None:
            raise missing_parameter(item.named("price"))
        price = uow.get("price", named, item.named("price"))
    if price["recurring"] is None:
        raise invalid(
            "The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`.",
            item.named("price"),
        )
    if not price["active"]:
        raise invalid("The price specified is inactive. This field only accepts active prices.", item.named("price"))
    return price


def quantity_of(asked: Params, default: int = 1) -> int:
    """The requested quantity, which may be zero."""
    quantity = asked.whole("quantity")
    if quantity is not None and quantity < 0:
        raise invalid("Invalid non-negative integer", asked.named("quantity"), "parameter_invalid_integer")
    return default if quantity is None else quantity


def _trial_end(uow: UnitOfWork, params: Params, price: Json) -> int | None:
    days, end = params.whole("trial_period_days"), params.text("trial_end")
    if params.flag("trial_from_plan"):
        days = price["recurring"]["trial_period_days"]
    if end == "now":
        return None
    if end is not None:
        moment = params.moment("trial_end")
        if moment is not None and moment <= uow.now:
            raise invalid("Invalid timestamp: must be an integer Unix timestamp in the future.", "trial_end")
        return moment
    return uow.now + days * DAY_SECONDS if days else None


def begin(uow: UnitOfWork, customer_id: str, chosen: list[tuple[Json, int, Json]], trial_end: int | None) -> Json:
    """Create the subscription itself; its first invoice bills it."""
    subscription_id = uow.ids.new("subscription")
    first = chosen[0][0]
    recurring = first["recurring"]
    end = trial_end or after(uow.now, recurring["interval"], recurring["interval_count"])
    subscription = build(subscription_id, customer_id, uow.now, currency=first["currency"], metadata={})
    if trial_end is not None:
        subscription |= {"billing_cycle_anchor": trial_end, "trial_end": trial_end, "trial_start": uow.now}
    items = [
        build_item(
            uow.ids.new("subscription_item"),
            subscription_id,
            price,
            uow.now,
            quantity=quantity,
            period=(uow.now, end),
        )
        | {"metadata": metadata}
        for price, quantity, metadata in chosen
    ]
    return with_items(subscription, items)


def cancel(uow: UnitOfWork, subscription_id: str, params: Params) -> Json:
    subscription = living(uow, subscription_id)
    take_details(subscription, params)
    return end(uow, subscription, "cancellation_requested")


def living(uow: UnitOfWork, subscription_id: str) -> Json:
    subscription = uow.get("subscription", subscription_id)
    if subscription["status"] in ("canceled", "incomplete_expired"):
        raise StripeError(404, f"No such subscription: '{subscription_id}'", code="resource_missing", param="id")
    return subscription


def retrieve(uow: UnitOfWork, subscription_id: str, params: Params) -> Json:
    return uow.get("subscription", subscription_id)


def list_all(uow: UnitOfWork, params: Params) -> Json:
    """List subscriptions; without a status, those that have not ended."""
    status, price = params.text("status"), params.text("price") or params.text("plan")
    ranges = [in_range(name, params) for name in ("current_period_end", "current_period_start") if params.has(name)]
    asked = params.but(status="" if status in ("all", "ended") else status or "")

    def keep(subscription: Json) -> bool:
        ended = subscription["status"] in ("canceled", "incomplete_expired")
        if status == "ended" and not ended or status is None and subscription["status"] == "canceled":
            return False
        if not all(within(items_of(subscription)[0]) for within in ranges):
            return False
        return price is None or any(item["price"]["id"] == price for item in items_of(subscription))

    filters = ("customer", "status", "collection_method", "test_clock")
    return list_objects(uow, "subscription", "/v1/subscriptions", asked, filters, keep)


def search(uow: UnitOfWork, params: Params) -> Json:
    return search_objects(uow, "subscription", "/v1/subscriptions/search", params)


def list_items(uow: UnitOfWork, params: Params) -> Json:
    held = uow.get("subscription", params.must_text("subscription"), "subscription")["items"]
    return page_of(held["url"], held["data"], params)


def of_customer(uow: UnitOfWork, customer: Json) -> Json:
    found = [s for s in uow.all("subscription", "customer", customer["id"]) if s["status"] != "canceled"]
    url = f"/v1/customers/{customer['id']}/subscriptions"
    return {"object": "list", "data": found, "has_more": False, "total_count": len(found), "url": url}
