"""Checkout sessions: made by the shop, paid on the sandbox's own page, or left to expire."""

from core.sandbox.engine.errors import Json, invalid, missing_parameter
from core.sandbox.engine.limits import MINIMUM_MINOR, shown
from core.sandbox.engine.lists import list_objects
from core.sandbox.engine.params import Params
from core.sandbox.engine.unit_of_work import BASE, UnitOfWork
from core.sandbox.objects import customers
from core.sandbox.objects.billing import discounts, prices
from core.sandbox.objects.billing.amounts import amount_of

DAY_SECONDS = 86_400
MODES = {"payment", "subscription", "setup"}


def build(session_id: str, created: int, *, mode: str, expires_at: int) -> Json:
    """An open session without lines."""
    return {
        "id": session_id,
        "object": "checkout.session",
        "adaptive_pricing": {"enabled": False},
        "after_expiration": None,
        "allow_promotion_codes": None,
        "amount_subtotal": 0,
        "amount_total": 0,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "billing_address_collection": None,
        "cancel_url": None,
        "client_reference_id": None,
        "client_secret": None,
        "collected_information": None,
        "consent": None,
        "consent_collection": None,
        "created": created,
        "currency": "usd",
        "currency_conversion": None,
        "custom_fields": [],
        "custom_text": {
            "after_submit": None,
            "shipping_address": None,
            "submit": None,
            "terms_of_service_acceptance": None,
        },
        "customer": None,
        "customer_creation": "if_required",
        "customer_details": None,
        "customer_email": None,
        "discounts": [],
        "expires_at": expires_at,
        "invoice": None,
        "invoice_creation": None,
        "livemode": False,
        "locale": None,
        "metadata": {},
        "mode": mode,
        "origin_context": None,
        "payment_intent": None,
        "payment_link": None,
        "payment_method_collection": "if_required",
        "payment_method_configuration_details": None,
        "payment_method_options": {},
        "payment_method_types": ["card"],
        "payment_status": "unpaid",
        "permissions": None,
        "phone_number_collection": {"enabled": False},
        "recovered_from": None,
        "redirect_on_completion": "always",
        "saved_payment_method_options": None,
        "setup_intent": None,
        "shipping_address_collection": None,
        "shipping_cost": None,
        "shipping_options": [],
        "status": "open",
        "submit_type": None,
        "subscription": None,
        "success_url": None,
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": "hosted_page",
        "url": f"{BASE}/checkout/{session_id}",
        "wallet_options": None,
    }


def create(uow: UnitOfWork, params: Params) -> Json:
    mode = params.choice("mode", MODES)
    if mode is None:
        raise missing_parameter("mode")
    expires_at = params.moment("expires_at") or uow.now + DAY_SECONDS
    if not uow.now + 1800 <= expires_at <= uow.now + DAY_SECONDS:
        raise invalid("The `expires_at` timestamp must be between 30 minutes and 24 hours from now.", "expires_at")
    session = build(uow.ids.new("checkout.session"), uow.now, mode=mode, expires_at=expires_at)
    if params.must_text("success_url"):
        session |= {"success_url": params.text("success_url"), "cancel_url": params.text("cancel_url")}
    _take_customer(uow, session, params)
    lines = _lines(uow, session, params)
    _total_up(uow, session, lines, params)
    session |= {
        "allow_promotion_codes": params.flag("allow_promotion_codes") or None,
        "client_reference_id": params.text("client_reference_id"),
        "metadata": params.metadata(),
    }
    uow.hide(session["id"], _kept_for_payment(params, lines))
    uow.schedule(expires_at, "session_expires", session["id"])
    # Stripe has no event for a session that is merely made.
    return uow.add(session)


def _take_customer(uow: UnitOfWork, session: Json, params: Params) -> None:
    customer_id, email = params.text("customer"), params.text("customer_email")
    if customer_id and email:
        raise invalid("You may only specify one of these parameters: customer, customer_email.")
    if customer_id:
        customer = customers.retrieve_live(uow, customer_id, "customer")
        session |= {"customer": customer_id, "customer_creation": None}
        email = customer["email"]
        session["customer_details"] = {"address": None, "email": email, "name": customer["name"], "phone": None}
    else:
        session["customer_email"] = email


def _lines(uow: UnitOfWork, session: Json, params: Params) -> list[Json]:
    if session["mode"] == "setup":
        return []
    asked = params.each("line_items")
    if not asked:
        raise missing_parameter("line_items")
    lines = [_line(uow, session, entry) for entry in asked]
    recurring = any(line["price"]["recurring"] for line in lines)
    if recurring != (session["mode"] == "subscription"):
        raise invalid(
            "You specified `payment` mode but passed a recurring price. Either switch to `subscription` mode or use "
            "only one-time prices."
            if recurring
            else "You must provide at least one recurring price in `subscription` mode when using prices.",
            "line_items",
        )
    if len({line["currency"] for line in lines}) > 1:
        raise invalid("All prices on a Checkout Session must have the same currency.", "line_items")
    session["currency"] = lines[0]["currency"]
    return lines


def _line(uow: UnitOfWork, session: Json, entry: Params) -> Json:
    if entry.has("price_data"):
        price = prices.create(uow, entry.under("price_data"))
    else:
        price = uow.get("price", entry.must_text("price"), entry.named("price"))
    if not price["active"]:
        raise invalid("The price specified is inactive. This field only accepts active prices.", entry.named("price"))
    quantity = entry.whole("quantity")
    if quantity is None or quantity < 1:
        raise invalid("Quantity is required and must be at least 1.", entry.named("quantity"))
    amount = amount_of(uow, price, quantity)
    return {
        "id": f"li_{session['id'][-12:]}{uow.ids.letters(4)}",
        "object": "item",
        "amount_discount": 0,
        "amount_subtotal": amount,
        "amount_tax": 0,
        "amount_total": amount,
        "currency": price["currency"],
        "description": uow.known(price["product"])["name"],
        "price": price,
        "quantity": quantity,
    }


def _total_up(uow: UnitOfWork, session: Json, lines: list[Json], params: Params) -> None:
    subtotal = sum(line["amount_subtotal"] for line in lines)
    off = 0
    for asked in params.each("discounts"):
        coupon, code = discounts.accepted(
            uow, asked, customer=session["customer"], currency=session["currency"], subtotal=subtotal
        )
        off += discounts.amount_off(coupon, subtotal - off, session["currency"])
        session["discounts"].append({"coupon": coupon["id"], "promotion_code": code and code["id"]})
    total = subtotal - off
    minimum = MINIMUM_MINOR.get(session["currency"], 1)
    if session["mode"] == "payment" and 0 < total < minimum:
        raise invalid(
            "The Checkout Session's total amount must convert to at least 50 cents. "
            f"{shown(total, session['currency'])} is less than {shown(minimum, session['currency'])}.",
            code="amount_too_small",
        )
    session |= {"amount_subtotal": subtotal, "amount_total": total}
    session["total_details"]["amount_discount"] = off


def _kept_for_payment(params: Params, lines: list[Json]) -> Json:
    intent, subscription = params.under("payment_intent_data"), params.under("subscription_data")
    return {
        "intent": {
            "capture_method": intent.text("capture_method") or "automatic",
            "description": intent.text("description"),
            "metadata": intent.metadata(),
            "setup_future_usage": intent.text("setup_future_usage"),
        },
        "lines": lines,
        "subscription": {
            "metadata": subscription.metadata(),
            "trial_end": subscription.whole("trial_end"),
            "trial_period_days": subscription.whole("trial_period_days"),
        },
    }


def expire(uow: UnitOfWork, session_id: str, params: Params) -> Json:
    session = uow.get("checkout.session", session_id, "session")
    if session["status"] != "open":
        raise invalid(
            'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status of '
            f"{session['status']}."
        )
    return _expired(uow, session)


def expire_when_due(uow: UnitOfWork, session_id: str) -> None:
    session = uow.known(session_id)
    if session["status"] == "open":
        _expired(uow, session)


def _expired(uow: UnitOfWork, session: Json) -> Json:
    session |= {"status": "expired", "url": None}
    uow.unschedule("session_expires", session["id"])
    return uow.change(session, "checkout.session.expired")


def update(uow: UnitOfWork, session_id: str, params: Params) -> Json:
    session = uow.get("checkout.session", session_id, "session")
    session["metadata"] = params.metadata(session["metadata"])
    return uow.change(session)


def retrieve(uow: UnitOfWork, session_id: str, params: Params) -> Json:
    return uow.get("checkout.session", session_id, "session")


def list_all(uow: UnitOfWork, params: Params) -> Json:
    filters = ("customer", "payment_intent", "subscription", "status")
    return list_objects(uow, "checkout.session", "/v1/checkout/sessions", params, filters)


def line_items(uow: UnitOfWork, session_id: str, params: Params) -> Json:
    return line_items_of(uow, uow.get("checkout.session", session_id, "session"))


def line_items_of(uow: UnitOfWork, session: Json) -> Json:
    lines = uow.hidden(session["id"]).get("lines", [])
    url = f"/v1/checkout/sessions/{session['id']}/line_items"
    return {"object": "list", "data": lines, "has_more": False, "url": url}
