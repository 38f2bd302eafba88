"""Checkout sessions: made by the shop, paid on the sandbox's own page, or left to expire."""

from core.sandbox.engine.errors import Json, invalid, missing_parameter
from core.sandbox.engine.fields import take_lists, take_texts, web_address
from core.sandbox.engine.limits import MINIMUM_MINOR, checked_currency, shown
from core.sandbox.engine.lists import list_objects, page_of
from core.sandbox.engine.params import Params
from core.sandbox.engine.unit_of_work import UnitOfWork
from core.sandbox.objects import customers
from core.sandbox.objects.billing import discounts, prices
from core.sandbox.objects.billing.amounts import amount_of
from core.sandbox.objects.payments import method_types
from core.sandbox.objects.payments.checkout_shape import build

DAY_SECONDS = 86_400
TEXTS = (
    "billing_address_collection",
    "client_reference_id",
    "locale",
    "payment_method_collection",
    "submit_type",
)


def create(uow: UnitOfWork, params: Params) -> Json:
    mode = params.text("mode")
    if mode is None:
        raise missing_parameter("mode")
    expires_at = params.moment("expires_at") or uow.now + DAY_SECONDS
    if not uow.now + 1800 <= expires_at <= uow.now + DAY_SECONDS:
        raise invalid("The `expires_at` timestamp must be between 30 minutes and 24 hours from now.", "expires_at")
    session = build(uow.ids.new("checkout.session"), uow.now, mode=mode, expires_at=expires_at)
    _take_addresses(session, params)
    _take_customer(uow, session, params)
    lines = _lines(uow, session, params)
    _total_up(uow, session, lines, params)
    session["metadata"] = params.metadata()
    if params.flag("allow_promotion_codes"):
        session["allow_promotion_codes"] = True
    if params.has("phone_number_collection"):
        session["phone_number_collection"] = {"enabled": params.under("phone_number_collection").flag("enabled")}
    take_texts(session, params, TEXTS)
    _check_currency(session, params)
    method_types.types_for(params, "eur")  # its page takes cards alone
    take_lists(session, params, ("allowed_payment_method_types", "excluded_payment_method_types"))
    uow.hide(session["id"], _kept_for_payment(params, lines))
    uow.schedule(expires_at, "session_expires", session["id"])
    # Stripe has no event for a session that is merely made.
    return uow.add(session)


def _take_addresses(session: Json, params: Params) -> None:
    """A hosted page returns to `success_url`, an embedded one to `return_url`."""
    mode = params.text("ui_mode") or "hosted_page"
    redirects = params.text("redirect_on_completion") or "always"
    success, back = web_address(params, "success_url"), web_address(params, "return_url")
    if mode == "form":
        raise invalid("The sandbox has no `ui_mode` of `form`.", "ui_mode")
    if mode == "hosted_page":
        if params.has("redirect_on_completion"):
            raise invalid("You cannot use `redirect_on_completion` if `ui_mode` is `hosted_page`.", "ui_mode")
        if back is not None:
            raise invalid("You cannot use `return_url` if `ui_mode` is `hosted_page`.", "return_url")
        if success is None:
            raise missing_parameter("success_url")
        session |= {"success_url": success, "cancel_url": web_address(params, "cancel_url")}
        return
    if success is not None or params.has("cancel_url"):
        name = "success_url" if success is not None else "cancel_url"
        raise invalid(f"You cannot use `{name}` if `ui_mode` is `{mode}`.", name)
    if back is None and redirects != "never":
        raise missing_parameter("return_url")
    session |= {
        "client_secret": f"{session['id']}_secret_{session['id'][-24:]}",
        "redirect_on_completion": redirects,
        "return_url": back,
        "ui_mode": mode,
        "url": None,
    }


def _check_currency(session: Json, params: Params) -> None:
    """Sessions that save a card have no prices that name a currency."""
    currency = params.text("currency")
    if currency is None:
        return
    currency = checked_currency(currency)
    if session["mode"] != "setup" and currency != session["currency"]:
        raise invalid("The currency must be that of the prices.", "currency")
    session["currency"] = currency


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
        if params.text("customer_creation"):
            session["customer_creation"] = params.text("customer_creation")


def _lines(uow: UnitOfWork, session: Json, params: Params) -> list[Json]:
    if session["mode"] == "setup":
        return []
    asked = params.each("line_items")
    if not asked:
        raise missing_parameter("line_items")
    later = params.under("subscription_data")
    trial = later.has("trial_end") or later.has("trial_period_days")
    lines = [_line(uow, session, entry, trial=trial) for entry in asked]
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


def _line(uow: UnitOfWork, session: Json, entry: Params, *, trial: bool) -> Json:
    if entry.has("price_data"):
        price = prices.create(uow, entry.under("price_data"))
    else:
        price = uow.get("price", entry.must_text("price"), entry.named("price"))
    if not price["active"]:
        raise invalid("The price specified is inactive. This field only accepts active prices.", entry.named("price"))
    quantity = entry.whole("quantity")
    if quantity is None or quantity < 1:
        raise invalid("Quantity is required and must be at least 1.", entry.named("quantity"))
    free = trial and price["recurring"] is not None
    amount = 0 if free else amount_of(uow, price, quantity)
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
    setup = params.under("setup_intent_data")
    intent, subscription = params.under("payment_intent_data"), params.under("subscription_data")
    return {
        "intent": {
            "capture_method": intent.text("capture_method") or "automatic",
            "description": intent.text("description"),
            "metadata": intent.metadata(),
            "receipt_email": intent.text("receipt_email"),
            "statement_descriptor": intent.text("statement_descriptor"),
            "statement_descriptor_suffix": intent.text("statement_descriptor_suffix"),
            "transfer_group": intent.text("transfer_group"),
            "setup_future_usage": intent.text("setup_future_usage"),
        },
        "lines": lines,
        "setup": {"description": setup.text("description"), "metadata": setup.metadata()},
        "subscription": {
            "description": subscription.text("description"),
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
    filters = ("customer", "payment_intent", "payment_link", "subscription", "status")
    email = params.under("customer_details").text("email")
    keep = (lambda session: (session["customer_details"] or {}).get("email") == email) if email else None
    return list_objects(uow, "checkout.session", "/v1/checkout/sessions", params, filters, keep)


def line_items(uow: UnitOfWork, session_id: str, params: Params) -> Json:
    held = line_items_of(uow, uow.get("checkout.session", session_id, "session"))
    return page_of(held["url"], held["data"], params)


def line_items_of(uow: UnitOfWork, session: Json) -> Json:
    lines = uow.hidden(session["id"]).get("lines", [])
    url = f"/v1/checkout/sessions/{session['id']}/line_items"
    return {"object": "list", "data": lines, "has_more": False, "url": url}
