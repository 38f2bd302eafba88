"""Prices: one-time visits and recurring plans."""

from core.sandbox.engine.errors import Json, missing_parameter
from core.sandbox.engine.limits import checked_currency
from core.sandbox.engine.lists import list_objects
from core.sandbox.engine.params import Params
from core.sandbox.engine.unit_of_work import UnitOfWork
from core.sandbox.objects.billing import products


def build(
    price_id: str,
    created: int,
    *,
    product: str,
    currency: str,
    unit_amount: int,
    interval: str | None = None,
    interval_count: int = 1,
    nickname: str | None = None,
    lookup_key: str | None = None,
    metadata: Json | None = None,
) -> Json:
    """A price in minor units; with an `interval` it recurs."""
    recurring = {
        "interval": interval,
        "interval_count": interval_count,
        "meter": None,
        "trial_period_days": None,
        "usage_type": "licensed",
    }
    return {
        "id": price_id,
        "object": "price",
        "active": True,
        "billing_scheme": "per_unit",
        "created": created,
        "currency": currency,
        "custom_unit_amount": None,
        "livemode": False,
        "lookup_key": lookup_key,
        "metadata": metadata or {},
        "nickname": nickname,
        "product": product,
        "recurring": recurring if interval else None,
        "tax_behavior": "unspecified",
        "tiers_mode": None,
        "transform_quantity": None,
        "type": "recurring" if interval else "one_time",
        "unit_amount": unit_amount,
        "unit_amount_decimal": str(unit_amount),
    }


def create(uow: UnitOfWork, params: Params) -> Json:
    price = from_params(uow, params)
    return uow.add(price, "price.created")


def from_params(uow: UnitOfWork, params: Params) -> Json:
    """A new price, also one given in line as `price_data`."""
    recurring = params.under("recurring")
    unit_amount = params.whole("unit_amount")
    if unit_amount is None:
        raise missing_parameter(params.named("unit_amount"))
    interval = recurring.choice("interval", {"day", "week", "month", "year"})
    return build(
        uow.ids.new("price"),
        uow.now,
        product=_product_of(uow, params),
        currency=checked_currency(params.text("currency")),
        unit_amount=unit_amount,
        interval=interval,
        interval_count=recurring.whole("interval_count") or 1,
        nickname=params.text("nickname"),
        lookup_key=params.text("lookup_key"),
        metadata=params.metadata(),
    )


def _product_of(uow: UnitOfWork, params: Params) -> str:
    if params.has("product_data"):
        made = products.create(uow, params.under("product_data"))
        return str(made["id"])
    return str(uow.get("product", params.must_text("product"), params.named("product"))["id"])


def update(uow: UnitOfWork, price_id: str, params: Params) -> Json:
    price = uow.get("price", price_id)
    for name in ("nickname", "lookup_key"):
        if params.has(name):
            price[name] = params.text(name)
    price["active"] = params.flag("active", default=price["active"])
    price["metadata"] = params.metadata(price["metadata"])
    return uow.change(price, "price.updated")


def retrieve(uow: UnitOfWork, price_id: str, params: Params) -> Json:
    return uow.get("price", price_id)


def list_all(uow: UnitOfWork, params: Params) -> Json:
    keys = set(params.strings("lookup_keys"))
    keep = (lambda price: price["lookup_key"] in keys) if keys else None
    return list_objects(uow, "price", "/v1/prices", params, ("product", "active", "currency", "type"), keep)
