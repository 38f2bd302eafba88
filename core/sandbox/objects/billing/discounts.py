"""Coupons, the promotion codes that lead to them, and the discounts made of them."""

import re
from decimal import ROUND_HALF_UP, Decimal

from core.sandbox.engine.errors import Json, invalid, missing_parameter, no_such
from core.sandbox.engine.intervals import after
from core.sandbox.engine.limits import THREE_DECIMAL, checked_currency
from core.sandbox.engine.lists import list_objects
from core.sandbox.engine.params import Params
from core.sandbox.engine.unit_of_work import UnitOfWork
from core.sandbox.objects import customers

TYPED = re.compile(r"[A-Za-z0-9-]{1,500}")


def build_coupon(coupon_id: str, created: int, *, name: str | None, duration: str, months: int | None = None) -> Json:
    """A new coupon, without its amount or percentage."""
    return {
        "id": coupon_id,
        "object": "coupon",
        "amount_off": None,
        "created": created,
        "currency": None,
        "duration": duration,
        "duration_in_months": months,
        "livemode": False,
        "max_redemptions": None,
        "metadata": {},
        "name": name,
        "percent_off": None,
        "redeem_by": None,
        "times_redeemed": 0,
        "valid": True,
    }


def build_code(code_id: str, created: int, *, code: str, coupon: str) -> Json:
    return {
        "id": code_id,
        "object": "promotion_code",
        "active": True,
        "code": code,
        "created": created,
        "customer": None,
        "expires_at": None,
        "livemode": False,
        "max_redemptions": None,
        "metadata": {},
        "promotion": {"coupon": coupon, "type": "coupon"},
        "restrictions": {"first_time_transaction": False, "minimum_amount": None, "minimum_amount_currency": None},
        "times_redeemed": 0,
    }


def build_discount(
    discount_id: str,
    coupon: Json,
    code: Json | None,
    *,
    customer: str,
    subscription: str | None,
    start: int,
    item: str | None = None,
) -> Json:
    months = coupon["duration_in_months"]
    return {
        "id": discount_id,
        "object": "discount",
        "checkout_session": None,
        "customer": customer,
        "end": after(start, "month", months) if coupon["duration"] == "repeating" else None,
        "invoice": None,
        "invoice_item": None,
        "promotion_code": code and code["id"],
        "source": {"coupon": coupon["id"], "type": "coupon"},
        "start": start,
        "subscription": subscription,
        "subscription_item": item,
    }


def create_coupon(uow: UnitOfWork, params: Params) -> Json:
    percent, amount = params.number("percent_off"), params.whole("amount_off")
    if (percent is None) == (amount is None):
        raise invalid("You must pass either percent_off or amount_off, and not both.", "percent_off")
    if percent is not None and not 0 < percent <= 100:
        raise invalid("Invalid percent_off: must be over 0 and at most 100.", "percent_off")
    if amount is not None and amount < 1:
        raise invalid("Invalid positive integer", "amount_off", "parameter_invalid_integer")
    _check_terms(uow, params, "redeem_by")
    months = params.whole("duration_in_months")
    if params.text("duration") == "repeating" and (months is None or months < 1):
        raise missing_parameter("duration_in_months")
    coupon_id = params.text("id") or uow.ids.letters(8)
    if uow.find(coupon_id):
        raise invalid("Coupon already exists.", "id", "resource_already_exists")
    duration = params.choice("duration", {"forever", "once", "repeating"}, "once") or "once"
    coupon = build_coupon(coupon_id, uow.now, name=params.text("name"), duration=duration)
    coupon |= {
        "amount_off": amount,
        "currency": checked_currency(params.text("currency")) if amount is not None else None,
        "duration_in_months": months,
        "max_redemptions": params.whole("max_redemptions"),
        "metadata": params.metadata(),
        "percent_off": percent,
        "redeem_by": params.moment("redeem_by"),
    }
    return uow.add(coupon, "coupon.created")


def _check_terms(uow: UnitOfWork, params: Params, until: str) -> None:
    """Check the limits: at least one redemption, and an end in the future."""
    most, end = params.whole("max_redemptions"), params.moment(until)
    if most is not None and most < 1:
        raise invalid("This value must be greater than or equal to 1.", "max_redemptions", "parameter_invalid_integer")
    if end is not None and end <= uow.now:
        raise invalid("Invalid timestamp: must be an integer Unix timestamp in the future.", until)


def update_coupon(uow: UnitOfWork, coupon_id: str, params: Params) -> Json:
    coupon = _kept(uow, coupon_id)
    if params.has("name"):
        coupon["name"] = params.text("name")
    coupon["metadata"] = params.metadata(coupon["metadata"])
    return uow.change(coupon, "coupon.updated")


def delete_coupon(uow: UnitOfWork, coupon_id: str, params: Params) -> Json:
    """No new discount can use it; existing discounts continue."""
    coupon = _kept(uow, coupon_id)
    coupon["valid"] = False
    uow.announce("coupon.deleted", coupon)
    coupon["deleted"] = True
    uow.change(coupon)
    return {"id": coupon_id, "object": "coupon", "deleted": True}


def retrieve_coupon(uow: UnitOfWork, coupon_id: str, params: Params) -> Json:
    return _kept(uow, coupon_id)


def _kept(uow: UnitOfWork, coupon_id: str, param: str = "id") -> Json:
    """The coupon, unless it was deleted; a deleted one is kept only for existing discounts."""
    coupon = uow.get("coupon", coupon_id, param)
    if coupon.get("deleted"):
        raise no_such("coupon", coupon_id, param)
    return coupon


def list_coupons(uow: UnitOfWork, params: Params) -> Json:
    return list_objects(uow, "coupon", "/v1/coupons", params, keep=lambda one: not one.get("deleted"))


def create_code(uow: UnitOfWork, params: Params) -> Json:
    coupon = params.under("promotion").text("coupon")
    params.under("promotion").must_text("type")
    if coupon is None:
        raise invalid("Missing required param: promotion[coupon].", "promotion[coupon]", "parameter_missing")
    _kept(uow, coupon, "promotion[coupon]")
    _check_terms(uow, params, "expires_at")
    if customer := params.text("customer"):
        customers.retrieve_live(uow, customer, "customer")
    word = params.text("code") or uow.ids.letters(8).upper()
    if not TYPED.fullmatch(word):
        raise invalid("Promotion codes have letters, digits and dashes alone.", "code")
    if any(code["active"] for code in uow.all("promotion_code", "parent", word)):
        raise invalid(f"An active promotion code with `code: {word}` already exists.", "code")
    code = build_code(uow.ids.new("promotion_code"), uow.now, code=word, coupon=coupon)
    limits = params.under("restrictions")
    minimum = limits.whole("minimum_amount")
    if minimum is not None and limits.text("minimum_amount_currency") is None:
        raise missing_parameter("restrictions[minimum_amount_currency]")
    code |= {
        "active": params.flag("active", default=True),
        "customer": customer,
        "expires_at": params.moment("expires_at"),
        "max_redemptions": params.whole("max_redemptions"),
        "metadata": params.metadata(),
        "restrictions": {
            "first_time_transaction": limits.flag("first_time_transaction"),
            "minimum_amount": minimum,
            "minimum_amount_currency": limits.text("minimum_amount_currency") if minimum is not None else None,
        },
    }
    return uow.add(code, "promotion_code.created")


def update_code(uow: UnitOfWork, code_id: str, params: Params) -> Json:
    code = uow.get("promotion_code", code_id)
    code["active"] = params.flag("active", default=code["active"])
    code["metadata"] = params.metadata(code["metadata"])
    return uow.change(code, "promotion_code.updated")


def retrieve_code(uow: UnitOfWork, code_id: str, params: Params) -> Json:
    return uow.get("promotion_code", code_id)


def list_codes(uow: UnitOfWork, params: Params) -> Json:
    word = params.text("code")
    keep = (lambda code: code["code"].lower() == word.lower()) if word else None
    asked = params.but(code="")
    return list_objects(uow, "promotion_code", "/v1/promotion_codes", asked, ("active", "coupon", "customer"), keep)


def accepted(
    uow: UnitOfWork, asked: Params, *, customer: str | None, currency: str, subtotal: int
) -> tuple[Json, Json | None]:
    """The coupon and promotion code of one `discounts[n]`; raises Stripe's error if they cannot be used."""
    code_id = asked.text("promotion_code")
    code = uow.get("promotion_code", code_id, asked.named("promotion_code")) if code_id else None
    coupon_id = code["promotion"]["coupon"] if code else asked.must_text("coupon")
    coupon = uow.get("coupon", coupon_id, asked.named("coupon"))
    problem = _coupon_problem(coupon, currency, uow.now) or (
        code and _code_problem(uow, code, customer, currency, subtotal)
    )
    if problem:
        raise invalid(
            problem,
            asked.named("promotion_code" if code else "coupon"),
            "coupon_expired" if "expired" in problem else None,
        )
    return coupon, code


def give_to_customer(uow: UnitOfWork, customer_id: str, coupon_id: str) -> Json:
    """Give the customer a discount, which applies to their subscriptions without a discount of their own."""
    customer, coupon = customers.retrieve_live(uow, customer_id), _kept(uow, coupon_id)
    redeem(uow, coupon, None)
    discount = build_discount(
        uow.ids.new("discount"), coupon, None, customer=customer_id, subscription=None, start=uow.now
    )
    uow.add(discount, "customer.discount.created")
    customer["discount"] = discount
    return uow.change(customer, "customer.updated")


def redeem(uow: UnitOfWork, coupon: Json, code: Json | None) -> None:
    """Counts one use of the coupon, and of the code that led to it."""
    for used, event in ((coupon, "coupon.updated"), (code, "promotion_code.updated")):
        if used is not None:
            _count_use(uow, used, event)


def _count_use(uow: UnitOfWork, used: Json, event: str) -> None:
    used["times_redeemed"] += 1
    spent = used["max_redemptions"] is not None and used["times_redeemed"] >= used["max_redemptions"]
    if spent:
        used["valid" if used["object"] == "coupon" else "active"] = False
    uow.change(used, event)


def _coupon_problem(coupon: Json, currency: str, now: int) -> str | None:
    if coupon.get("deleted") or not coupon["valid"] or (coupon["redeem_by"] and coupon["redeem_by"] < now):
        return f"Coupon {coupon['id']} is expired and cannot be applied."
    if coupon["currency"] and coupon["currency"] != currency:
        return f"The coupon's currency ({coupon['currency']}) does not match {currency}."
    return None


def _code_problem(uow: UnitOfWork, code: Json, customer: str | None, currency: str, subtotal: int) -> str | None:
    limits = code["restrictions"]
    if not code["active"] or (code["expires_at"] and code["expires_at"] < uow.now):
        return "This promotion code is expired or inactive and cannot be applied."
    if code["customer"] and code["customer"] != customer:
        return "This promotion code cannot be redeemed because it is for another customer."
    if limits["first_time_transaction"] and customer and _has_paid(uow, customer):
        return "This promotion code cannot be redeemed because the associated customer has prior transactions."
    if limits["minimum_amount"] is not None and (
        limits["minimum_amount_currency"] == currency and subtotal < limits["minimum_amount"]
    ):
        return "This promotion code cannot be redeemed because the minimum amount is not met."
    return None


def _has_paid(uow: UnitOfWork, customer: str) -> bool:
    return any(charge["status"] == "succeeded" for charge in uow.all("charge", "customer", customer))


def amount_off(coupon: Json, amount: int, currency: str) -> int:
    """The discount on `amount` minor units, rounded half up and never more than `amount`."""
    if coupon["percent_off"] is None:
        return min(amount, int(coupon["amount_off"]))
    step = 10 if currency in THREE_DECIMAL else 1
    exact = Decimal(amount) * Decimal(str(coupon["percent_off"])) / 100
    return min(amount, step * int((exact / step).quantize(Decimal(1), rounding=ROUND_HALF_UP)))
