"""Subscriptions: begun, in good standing, ended; their changes are in `subscription_changes`."""

from core.sandbox.engine.errors import Json, StripeError, invalid, missing_parameter
from core.sandbox.engine.intervals import after
from core.sandbox.engine.lists import list_objects, search_objects
from core.sandbox.engine.params import Params
from core.sandbox.engine.unit_of_work import UnitOfWork
from core.sandbox.objects import customers
from core.sandbox.objects.billing import discounts, invoice_items, invoice_lines, invoice_payments, invoices, prices
from core.sandbox.objects.billing.amounts import amount_of
from core.sandbox.objects.billing.cancellation import set_cancellation, take_details
from core.sandbox.objects.billing.invoice_shape import subscription_of
from core.sandbox.objects.billing.subscription_shape import (
    all_discounts,
    as_ended,
    build,
    build_item,
    items_of,
    period_of,
    with_items,
)
from core.sandbox.objects.payments import payment_methods, setup_intents
from core.sandbox.objects.payments.confirmation import declined_error

DAY_SECONDS = 86_400
INCOMPLETE_SECONDS = 23 * 3600
BEHAVIOURS = {"allow_incomplete", "default_incomplete", "error_if_incomplete", "pending_if_incomplete"}


def create(uow: UnitOfWork, params: Params) -> Json:
    customer = customers.retrieve_live(uow, params.must_text("customer"), "customer")
    asked = params.each("items")
    if not asked:
        raise missing_parameter("items")
    chosen = [(_price_of(uow, item), quantity_of(item)) for item in asked]
    subscription = begin(uow, customer["id"], chosen, _trial_end(uow, params), params.metadata())
    _take(uow, subscription, params)
    _discount(uow, subscription, params)
    uow.add(subscription, "customer.subscription.created")
    behaviour = params.choice("payment_behavior", BEHAVIOURS, "allow_incomplete") or "allow_incomplete"
    first_invoice(uow, subscription, behaviour, off_session=params.flag("off_session"))
    set_cancellation(uow, subscription, params)
    return subscription


def _price_of(uow: UnitOfWork, item: Params) -> Json:
    if item.has("price_data"):
        price = prices.create(uow, item.under("price_data"))
    else:
        price = uow.get("price", item.must_text("price"), item.named("price"))
    if price["recurring"] is None:
        raise invalid(
            "The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`.",
            item.named("price"),
        )
    if not price["active"]:
        raise invalid("The price specified is inactive. This field only accepts active prices.", item.named("price"))
    return price


def quantity_of(asked: Params, default: int = 1) -> int:
    """How many; zero is a quantity too."""
    quantity = asked.whole("quantity")
    if quantity is not None and quantity < 0:
        raise invalid("Invalid non-negative integer", asked.named("quantity"), "parameter_invalid_integer")
    return default if quantity is None else quantity


def _trial_end(uow: UnitOfWork, params: Params) -> int | None:
    days, end = params.whole("trial_period_days"), params.text("trial_end")
    if end == "now":
        return None
    if end is not None:
        moment = params.moment("trial_end")
        if moment is not None and moment <= uow.now:
            raise invalid("Invalid timestamp: must be an integer Unix timestamp in the future.", "trial_end")
        return moment
    return uow.now + days * DAY_SECONDS if days else None


def begin(
    uow: UnitOfWork, customer_id: str, chosen: list[tuple[Json, int]], trial_end: int | None, metadata: Json
) -> Json:
    """The object alone: what it costs is asked for by its first invoice."""
    subscription_id = uow.ids.new("subscription")
    first = chosen[0][0]
    recurring = first["recurring"]
    end = trial_end or after(uow.now, recurring["interval"], recurring["interval_count"])
    subscription = build(subscription_id, customer_id, uow.now, currency=first["currency"], metadata=metadata)
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
        for price, quantity in chosen
    ]
    return with_items(subscription, items)


def _take(uow: UnitOfWork, subscription: Json, params: Params) -> None:
    if params.choice("collection_method", {"charge_automatically", "send_invoice"}) == "send_invoice":
        subscription |= {"collection_method": "send_invoice", "days_until_due": params.whole("days_until_due") or 30}
    subscription["description"] = params.text("description")
    given = params.text("default_payment_method")
    if given:
        method = payment_methods.resolve(uow, given, subscription["customer"], "default_payment_method")
        if method["customer"] != subscription["customer"]:
            raise invalid(
                "The customer does not have a payment method with the ID " + method["id"] + ". The payment method must "
                "be attached to the customer.",
                "default_payment_method",
                "resource_missing",
            )
        subscription["default_payment_method"] = method["id"]
    saves = params.under("payment_settings").text("save_default_payment_method")
    if saves:
        subscription["payment_settings"]["save_default_payment_method"] = saves


def _discount(uow: UnitOfWork, subscription: Json, params: Params) -> None:
    for asked in params.each("discounts"):
        apply_discount(uow, subscription, asked)
    for item, asked_item in zip(items_of(subscription), params.each("items"), strict=True):
        for asked in asked_item.each("discounts"):
            apply_discount(uow, subscription, asked, item)


def price_of_period(uow: UnitOfWork, subscription: Json) -> int:
    """What one period costs before discounts."""
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


def first_invoice(uow: UnitOfWork, subscription: Json, behaviour: str, *, off_session: bool) -> None:
    """Bills the first period, or notes the trial; sets the status that follows."""
    start, end = period_of(subscription)
    uow.schedule(end, "renew", subscription["id"])
    trial = subscription["trial_end"] is not None
    invoice = bill_period(uow, subscription, "subscription_create", free=trial)
    subscription["latest_invoice"] = invoice["id"]
    uow.change(subscription)
    if trial:
        subscription["status"] = "trialing"
        if behaviour == "default_incomplete" and invoices.payment_method_of(uow, invoice) is None:
            setup_intents.ask_for_card(uow, subscription)
        uow.change(subscription, "customer.subscription.updated")
        uow.schedule(max(end - 3 * DAY_SECONDS, uow.now), "trial_will_end", subscription["id"])
    invoices.finalize(uow, invoice)
    if invoice["status"] != "open":
        return
    if subscription["collection_method"] == "send_invoice":
        activate(uow, subscription)
        uow.announce("invoice.sent", invoice)
        return
    uow.schedule(uow.now + INCOMPLETE_SECONDS, "expire_incomplete", subscription["id"])
    uow.change(subscription, "customer.subscription.updated")
    if behaviour != "default_incomplete":
        _pay_first(uow, subscription, invoice, behaviour, off_session)


def _pay_first(uow: UnitOfWork, subscription: Json, invoice: Json, behaviour: str, off_session: bool) -> None:
    method = invoices.payment_method_of(uow, invoice)
    if method is None:
        raise invalid(
            "This customer has no attached payment source or default payment method. Please consider adding a default "
            "payment method. For more information, visit https://stripe.com/docs/billing/subscriptions/payment-methods-"
            "setting#payment-method-priority.",
            code="resource_missing",
        )
    decline = invoices.collect(uow, invoice, method, off_session=off_session)
    if subscription["status"] == "incomplete" and behaviour == "error_if_incomplete":
        if decline is None:
            raise StripeError(
                402,
                "Payment for this subscription requires additional user action before it can be "
                "completed successfully.",
                kind="card_error",
                code="subscription_payment_intent_requires_action",
            )
        payment = next(uow.all("invoice_payment", "parent", invoice["id"]))
        error = declined_error(uow.known(payment["payment"]["payment_intent"]), decline)
        error.keep = False
        raise error


def bill_period(uow: UnitOfWork, subscription: Json, reason: str, *, free: bool = False) -> Json:
    """A draft for the items' current period, with what waited for the next invoice."""
    invoice_id = uow.ids.new("invoice")
    start, end = period_of(subscription)
    pending = invoice_items.take_pending(uow, subscription["customer"], invoice_id, subscription["currency"])
    lines = [_line(uow, subscription, item, invoice_id, free) for item in items_of(subscription)]
    return invoices.draft(
        uow,
        uow.known(subscription["customer"]),
        [*pending, *lines],
        discounts_of(uow, subscription),
        invoice_id=invoice_id,
        currency=subscription["currency"],
        reason=reason,
        period=(start, end) if reason == "subscription_create" else (start, start),
        subscription=subscription,
    )


def _line(uow: UnitOfWork, subscription: Json, item: Json, invoice_id: str, free: bool) -> Json:
    price, quantity = item["price"], item["quantity"]
    name = uow.known(price["product"])["name"]
    line = invoice_lines.build(
        uow.ids.new("line_item"),
        invoice_id,
        price,
        amount=0 if free else amount_of(uow, price, quantity),
        quantity=quantity,
        period=(item["current_period_start"], item["current_period_end"]),
        parent=invoice_lines.of_subscription(subscription["id"], item["id"]),
        description=f"Trial period for {name}" if free else invoice_lines.described(price, name, quantity),
    )
    return line | {"discounts": list(item["discounts"])}


def discounts_of(uow: UnitOfWork, subscription: Json) -> list[str]:
    """The subscription's own discounts; where it has none, its customer's."""
    if subscription["discounts"]:
        return list(subscription["discounts"])
    discount = uow.known(subscription["customer"]).get("discount")
    return [discount["id"]] if discount else []


def activate(uow: UnitOfWork, subscription: Json) -> None:
    uow.unschedule("expire_incomplete", subscription["id"])
    subscription["status"] = "active"
    uow.change(subscription, "customer.subscription.updated")


def invoice_paid(uow: UnitOfWork, invoice: Json) -> None:
    """A paid invoice brings its subscription (back) to good standing; discounts meant for once are spent."""
    subscription = uow.find(subscription_of(invoice))
    if subscription is None:
        return
    changed = _spend_discounts(uow, subscription, invoice)
    if subscription["status"] == "incomplete":
        _keep_card(uow, subscription, invoice)
        activate(uow, subscription)
    elif subscription["status"] == "past_due" and subscription["latest_invoice"] == invoice["id"]:
        activate(uow, subscription)
    elif changed:
        uow.change(subscription, "customer.subscription.updated")


def payment_processing(uow: UnitOfWork, intent: Json) -> None:
    """A first payment by bank debit makes the subscription active before the bank has decided."""
    payment = invoice_payments.waiting_for(uow, intent)
    subscription = uow.find(subscription_of(uow.known(payment["invoice"]))) if payment else None
    if subscription is not None and subscription["status"] == "incomplete":
        activate(uow, subscription)


def _keep_card(uow: UnitOfWork, subscription: Json, invoice: Json) -> None:
    """Where it was asked for, the card that paid first becomes the subscription's own."""
    if subscription["payment_settings"]["save_default_payment_method"] != "on_subscription":
        return
    payment = next(uow.all("invoice_payment", "parent", invoice["id"]), None)
    if payment is not None:
        intent = uow.known(payment["payment"]["payment_intent"])
        subscription["default_payment_method"] = intent["payment_method"]


def _spend_discounts(uow: UnitOfWork, subscription: Json, invoice: Json) -> bool:
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


def drop_discount(uow: UnitOfWork, subscription: Json, discount: Json) -> None:
    """The caller stores and announces the subscription."""
    for holder in (subscription, *items_of(subscription)):
        holder["discounts"] = [kept for kept in holder["discounts"] if kept != discount["id"]]
    uow.announce("customer.discount.deleted", discount)


def end(uow: UnitOfWork, subscription: Json, reason: str) -> Json:
    """Ends it now; an invoice that is open will not be tried again by itself."""
    for kind in ("renew", "trial_will_end", "expire_incomplete", "cancel_at"):
        uow.unschedule(kind, subscription["id"])
    as_ended(subscription, uow.now, reason)
    uow.change(subscription, "customer.subscription.deleted")
    invoice = uow.find(subscription["latest_invoice"])
    if invoice is not None and invoice["status"] in ("draft", "open"):
        uow.unschedule("retry_invoice", invoice["id"])
        uow.unschedule("finalize_invoice", invoice["id"])
        invoice |= {"auto_advance": False, "next_payment_attempt": None}
        uow.change(invoice, "invoice.updated")
    return subscription


def end_all_of(uow: UnitOfWork, customer: Json) -> None:
    """End what a deleted customer still has."""
    for subscription in list(uow.all("subscription", "customer", customer["id"])):
        if subscription["status"] not in ("canceled", "incomplete_expired"):
            end(uow, subscription, "cancellation_requested")


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
    """Without a status, those that have not ended."""
    status, price = params.text("status"), params.text("price")
    asked = Params({**params.raw, "status": "" if status in ("all", "ended") else params.raw.get("status", "")})

    def keep(subscription: Json) -> bool:
        ended = subscription["status"] in ("canceled", "incomplete_expired")
        if status == "ended" and not ended or status is None and subscription["status"] == "canceled":
            return False
        return price is None or any(item["price"]["id"] == price for item in items_of(subscription))

    filters = ("customer", "status", "collection_method")
    return list_objects(uow, "subscription", "/v1/subscriptions", asked, filters, keep)


def search(uow: UnitOfWork, params: Params) -> Json:
    return search_objects(uow, "subscription", "/v1/subscriptions/search", params)


def list_items(uow: UnitOfWork, params: Params) -> Json:
    subscription = uow.get("subscription", params.must_text("subscription"), "subscription")
    return dict(subscription["items"])


def of_customer(uow: UnitOfWork, customer: Json) -> Json:
    found = [s for s in uow.all("subscription", "customer", customer["id"]) if s["status"] != "canceled"]
    url = f"/v1/customers/{customer['id']}/subscriptions"
    return {"object": "list", "data": found, "has_more": False, "total_count": len(found), "url": url}
