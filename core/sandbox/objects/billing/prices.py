"""Prices: one-time visits and recurring plans."""

from decimal import Decimal

from core.sandbox.engine.errors import Json, invalid, missing_parameter
from core.sandbox.engine.limits import checked_currency
from core.sandbox.engine.lists import list_objects, search_objects
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
    """Create a price, also one given inline as `price_data`."""
    currency = checked_currency(params.text("currency"))
    price = build(
        uow.ids.new("price"),
        uow.now,
        product=_product_of(uow, params),
        currency=currency,
        unit_amount=0,
        interval=params.under("recurring").text("interval"),
        interval_count=params.under("recurring").whole("interval_count") or 1,
        nickname=params.text("nickname"),
        metadata=params.metadata(),
    )
    price["active"] = params.flag("active", default=True)
    price["tax_behavior"] = params.text("tax_behavior") or "unspecified"
    if price["recurring"]:
        _take_recurring(price["recurring"], params.under("recurring"))
    _take_amount(uow, price, params)
    _take_lookup_key(uow, price, params)
    return uow.add(price, "price.created")


def _take_recurring(recurring: Json, params: Params) -> None:
    recurring["trial_period_days"] = params.whole("trial_period_days")
    if params.text("usage_type") not in (None, "licensed"):
        raise invalid("The sandbox supports licensed prices, not metered ones.", params.named("usage_type"))


def _take_amount(uow: UnitOfWork, price: Json, params: Params) -> None:
    """A unit amount, also a decimal one, or tiers; and packages of units."""
    if params.text("billing_scheme") == "tiered":
        _take_tiers(uow, price, params)
    elif params.has("tiers"):
        raise invalid("`tiers` can only be set if `billing_scheme` is `tiered`.", params.named("tiers"))
    else:
        price |= _amounts(params, "unit_amount")
        if price["unit_amount_decimal"] is None:
            raise missing_parameter(params.named("unit_amount"))
    package = params.under("transform_quantity")
    if params.has("transform_quantity"):
        divide_by = package.whole("divide_by")
        if divide_by is None or divide_by < 1 or package.text("round") is None:
            raise missing_parameter(package.named("divide_by" if package.text("round") else "round"))
        price["transform_quantity"] = {"divide_by": divide_by, "round": package.text("round")}


def _amounts(params: Params, name: str) -> Json:
    """The whole and the decimal form of an amount; the whole one is null where it has decimals."""
    whole, exact = params.whole(name), params.decimal(f"{name}_decimal")
    if whole is not None and exact is not None:
        raise invalid(
            f"You may only specify one of these parameters: {name}, {name}_decimal.", params.named(f"{name}_decimal")
        )
    value = exact if whole is None else Decimal(whole)
    if value is not None and value < 0:
        raise invalid("Invalid non-negative integer", params.named(name), "parameter_invalid_integer")
    shown = None if value is None else f"{value.normalize():f}"
    return {name: int(value) if value is not None and value == int(value) else None, f"{name}_decimal": shown}


def _take_tiers(uow: UnitOfWork, price: Json, params: Params) -> None:
    mode, tiers = params.text("tiers_mode"), params.each("tiers")
    if mode is None or not tiers:
        raise missing_parameter(params.named("tiers" if mode else "tiers_mode"))
    ends = [None if tier.text("up_to") == "inf" else tier.whole("up_to") for tier in tiers]
    if ends[-1] is not None or None in ends[:-1] or sorted(end or 0 for end in ends[:-1]) != ends[:-1]:
        raise invalid("The last tier must be up to `inf`, and the others must rise.", params.named("tiers"))
    kept = []
    for end, tier in zip(ends, tiers, strict=True):
        amounts = _amounts(tier, "flat_amount") | _amounts(tier, "unit_amount")
        if amounts["flat_amount_decimal"] is None and amounts["unit_amount_decimal"] is None:
            raise missing_parameter(tier.named("unit_amount"))
        kept.append({**amounts, "up_to": end})
    uow.hide(price["id"], {"tiers": kept})
    price |= {"billing_scheme": "tiered", "tiers_mode": mode, "unit_amount": None, "unit_amount_decimal": None}


def _take_lookup_key(uow: UnitOfWork, price: Json, params: Params) -> None:
    """Take the lookup key. It names one price, and is transferred from another price only if requested."""
    if not params.has("lookup_key"):
        return
    key, moves = params.text("lookup_key"), params.flag("transfer_lookup_key")
    holder = next((other for other in uow.all("price") if key and other["lookup_key"] == key), None)
    if holder is not None and holder["id"] != price["id"]:
        if not moves:
            raise invalid(f"A price ({holder['id']}) already uses that lookup key.", "lookup_key")
        holder["lookup_key"] = None
        uow.change(holder, "price.updated")
    price["lookup_key"] = key


def _product_of(uow: UnitOfWork, params: Params) -> str:
    if params.has("product_data") and params.has("product"):
        raise invalid("You may only specify one of these parameters: product, product_data.", "product_data")
    if params.has("product_data"):
        made = products.create(uow, params.under("product_data"))
        return str(made["id"])
    return str(uow.get("product", params.must_text("product"), params.named("product"))["id"])


def update(uow: UnitOfWork, price_id: str, params: Params) -> Json:
    price = uow.get("price", price_id)
    for name in ("nickname", "tax_behavior"):
        if params.has(name):
            price[name] = params.text(name)
    _take_lookup_key(uow, price, params)
    price["active"] = params.flag("active", default=price["active"])
    price["metadata"] = params.metadata(price["metadata"])
    return uow.change(price, "price.updated")


def retrieve(uow: UnitOfWork, price_id: str, params: Params) -> Json:
    return uow.get("price", price_id)


def search(uow: UnitOfWork, params: Params) -> Json:
    return search_objects(uow, "price", "/v1/prices/search", params)


def list_all(uow: UnitOfWork, params: Params) -> Json:
    keys = set(params.strings("lookup_keys"))
    recurring = params.under("recurring")
    wanted = {name: recurring.text(name) for name in ("interval", "meter", "usage_type") if recurring.has(name)}

    def keep(price: Json) -> bool:
        if keys and price["lookup_key"] not in keys:
            return False
        return not wanted or all((price["recurring"] or {}).get(name) == value for name, value in wanted.items())

    return list_objects(uow, "price", "/v1/prices", params, ("product", "active", "currency", "type"), keep)
