"""Plans: the older form of recurring prices, under the same ids."""

from core.sandbox.engine.errors import Json, invalid, missing_parameter, no_such
from core.sandbox.engine.fields import take_flags, take_texts
from core.sandbox.engine.lists import list_objects
from core.sandbox.engine.params import Params
from core.sandbox.engine.unit_of_work import UnitOfWork
from core.sandbox.objects.billing import prices


def shown(price: Json) -> Json:
    """A recurring price as a plan."""
    recurring, transform = price["recurring"], price["transform_quantity"]
    return {
        "id": price["id"],
        "object": "plan",
        "active": price["active"],
        "amount": price["unit_amount"],
        "amount_decimal": price["unit_amount_decimal"],
        "billing_scheme": price["billing_scheme"],
        "created": price["created"],
        "currency": price["currency"],
        "interval": recurring["interval"],
        "interval_count": recurring["interval_count"],
        "livemode": False,
        "metadata": price["metadata"],
        "meter": recurring["meter"],
        "nickname": price["nickname"],
        "product": price["product"],
        "tiers_mode": price["tiers_mode"],
        "transform_usage": transform,
        "trial_period_days": recurring["trial_period_days"],
        "usage_type": recurring["usage_type"],
    }


def create(uow: UnitOfWork, params: Params) -> Json:
    interval, currency = params.must_text("interval"), params.must_text("currency")
    amount, exact = params.text("amount"), params.text("amount_decimal")
    if (amount is None) == (exact is None):
        if amount is None:
            raise missing_parameter("amount")
        raise invalid("You may only specify one of these parameters: amount, amount_decimal.", "amount_decimal")
    product = params.raw.get("product")
    if isinstance(product, dict):
        named: Json = {"product_data": product}
        params.ignore("product")
    else:
        named = {"product": params.must_text("product")}
    recurring = {"interval": interval, "interval_count": str(params.whole("interval_count") or 1)}
    asked = {**named, "currency": currency, "metadata": params.metadata(), "recurring": recurring}
    asked |= {"unit_amount": amount} if amount is not None else {"unit_amount_decimal": exact}
    days = params.text("trial_period_days")
    recurring |= {"trial_period_days": days} if days else {}
    price = prices.create(uow, Params({**asked, "nickname": params.text("nickname") or ""}))
    take_flags(price, params, ("active",))
    return shown(uow.change(price))


def _plan(uow: UnitOfWork, plan_id: str) -> Json:
    price = uow.get("price", plan_id)
    if price["recurring"] is None or price.get("deleted"):
        raise no_such("plan", plan_id)
    return price


def retrieve(uow: UnitOfWork, plan_id: str, params: Params) -> Json:
    return shown(_plan(uow, plan_id))


def update(uow: UnitOfWork, plan_id: str, params: Params) -> Json:
    price = _plan(uow, plan_id)
    take_texts(price, params, ("nickname",))
    take_flags(price, params, ("active",))
    price["metadata"] = params.metadata(price["metadata"])
    if params.has("trial_period_days"):
        price["recurring"]["trial_period_days"] = params.whole("trial_period_days")
    return shown(uow.change(price, "price.updated"))


def delete(uow: UnitOfWork, plan_id: str, params: Params) -> Json:
    """No new subscription can use it; existing subscriptions continue."""
    price = _plan(uow, plan_id)
    price |= {"active": False, "deleted": True}
    uow.change(price, "price.deleted")
    return {"id": plan_id, "object": "plan", "deleted": True}


def list_all(uow: UnitOfWork, params: Params) -> Json:
    found = list_objects(uow, "price", "/v1/plans", params, ("active", "product"), lambda price: price["recurring"])
    return {**found, "data": [shown(price) for price in found["data"]]}
