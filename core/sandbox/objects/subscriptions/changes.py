"""Changing a subscription: its prices, payment method, trial or end."""

from core.sandbox.engine.errors import Json, StripeError, invalid, no_such
from core.sandbox.engine.intervals import after
from core.sandbox.engine.params import Params
from core.sandbox.engine.unit_of_work import UnitOfWork
from core.sandbox.objects.billing import invoice_items, invoices
from core.sandbox.objects.subscriptions import (
    billing,
    discounting,
    dunning,
    pausing,
    prorations,
    renewals,
    settings,
    subscriptions,
)
from core.sandbox.objects.subscriptions.cancellation import set_cancellation, take_details
from core.sandbox.objects.subscriptions.shape import build_item, items_of, period_of, set_period, with_items

DAY_SECONDS = 86_400


def update(uow: UnitOfWork, subscription_id: str, params: Params) -> Json:
    """Everything that one request changes is announced in one event."""
    subscription = subscriptions.living(uow, subscription_id)
    take_details(subscription, params)
    settings.take(uow, subscription, params)
    _change_discounts(uow, subscription, params)
    pausing.take(uow, subscription, params)
    billed_at_once = _change_items(uow, subscription, params)
    if params.text("trial_end") == "now" and subscription["status"] == "trialing":
        return _end_trial(uow, subscription)
    _move_trial_end(uow, subscription, params)
    set_cancellation(uow, subscription, params, announce=False)
    uow.change(subscription, "customer.subscription.updated")
    behaviour, off_session = params.text("payment_behavior") or "allow_incomplete", params.flag("off_session")
    if billed_at_once:
        _bill_now(uow, subscription, behaviour, off_session, new_period=billed_at_once == "new_period")
    return subscription


def _move_trial_end(uow: UnitOfWork, subscription: Json, params: Params) -> None:
    """Move the end of the trial: nothing is billed before it, and the period ends with it."""
    end = params.text("trial_end")
    if end in (None, "now"):
        return
    moment = params.moment("trial_end") or 0
    if moment <= uow.now:
        raise invalid("Invalid timestamp: must be an integer Unix timestamp in the future.", "trial_end")
    start = subscription["trial_start"] if subscription["status"] == "trialing" else uow.now
    subscription |= {"status": "trialing", "trial_end": moment, "trial_start": start, "billing_cycle_anchor": moment}
    set_period(subscription, start, moment)
    for kind, at in (("renew", moment), ("trial_will_end", max(moment - 3 * DAY_SECONDS, uow.now))):
        uow.unschedule(kind, subscription["id"])
        uow.schedule(at, kind, subscription["id"])


def _kept_discounts(held: list[str], params: Params) -> set[str]:
    """The discounts that are kept, named by id."""
    kept = set()
    for asked in params.each("discounts"):
        discount_id = asked.text("discount")
        if discount_id is not None and discount_id not in held:
            raise no_such("discount", discount_id, asked.named("discount"))
        kept |= {discount_id} if discount_id else set()
    return kept


def _change_discounts(uow: UnitOfWork, subscription: Json, params: Params) -> None:
    if not params.has("discounts"):
        return
    kept = _kept_discounts(subscription["discounts"], params)
    for discount_id in list(subscription["discounts"]):
        if discount_id not in kept:
            discounting.drop_discount(uow, subscription, uow.known(discount_id))
    for asked in params.each("discounts"):
        if not asked.has("discount"):
            discounting.apply_discount(uow, subscription, asked)


def _change_items(uow: UnitOfWork, subscription: Json, params: Params) -> str | None:
    """Apply `items`; returns what is to be billed at once: a `new_period`, the `changes` alone, or nothing."""
    asked, mode = params.each("items"), params.text("proration_behavior") or "create_prorations"
    restarts = params.under("billing_cycle_anchor").text("type") == "now"
    if not asked and not restarts:
        return None
    before = [dict(item) for item in items_of(subscription)]
    items = list(items_of(subscription))
    for entry in asked:
        items = _changed(uow, subscription, items, entry)
    if not items:
        raise invalid("A subscription must have at least one active plan.", "items")
    with_items(subscription, items)
    if subscription["status"] == "trialing":
        return None
    at = prorations.moment(uow, subscription, params, mode, restarts=restarts)
    restarts = restarts or _rhythm(before[0]) != _rhythm(items[0])
    if mode != "none":
        prorations.write(uow, subscription, before, items, at=at, restarts=restarts)
    if restarts:
        _restart_period(uow, subscription)
        return "new_period"
    return "changes" if mode == "always_invoice" else None


def _changed(uow: UnitOfWork, subscription: Json, items: list[Json], entry: Params) -> list[Json]:
    item_id = entry.text("id")
    found = next((item for item in items if item["id"] == item_id), None)
    if item_id is not None and found is None:
        raise invalid(f"No such subscription item: '{item_id}'", entry.named("id"), "resource_missing")
    if found is not None and entry.flag("deleted"):
        return [item for item in items if item is not found]
    gives_price = entry.has("price") or entry.has("price_data") or entry.has("plan")
    price = subscriptions.price_of(uow, entry) if gives_price else None
    if found is None:
        if price is None:
            raise invalid("Missing required param: items[price].", entry.named("price"), "parameter_missing")
        fresh = build_item(
            uow.ids.new("subscription_item"),
            subscription["id"],
            price,
            uow.now,
            quantity=subscriptions.quantity_of(entry),
            period=period_of(subscription),
        )
        fresh["metadata"] = entry.metadata()
        if entry.has("discounts"):
            _change_item_discounts(uow, subscription, fresh, entry)
        return [*items, fresh]
    quantity = subscriptions.quantity_of(entry, found["quantity"])
    changed = {**found, "price": price or found["price"], "quantity": quantity}
    if entry.has("metadata"):
        changed["metadata"] = entry.metadata(found["metadata"])
    if entry.has("discounts"):
        _change_item_discounts(uow, subscription, changed, entry)
    return [changed if item is found else item for item in items]


def _change_item_discounts(uow: UnitOfWork, subscription: Json, item: Json, entry: Params) -> None:
    kept = _kept_discounts(item["discounts"], entry)
    for discount_id in [each for each in item["discounts"] if each not in kept]:
        uow.announce("customer.discount.deleted", uow.known(discount_id))
    item["discounts"] = [each for each in item["discounts"] if each in kept]
    for asked in entry.each("discounts"):
        if not asked.has("discount"):
            discounting.apply_discount(uow, subscription, asked, item)


def _rhythm(item: Json) -> tuple[str, int]:
    recurring = item["price"]["recurring"]
    return recurring["interval"], recurring["interval_count"]


def _restart_period(uow: UnitOfWork, subscription: Json) -> None:
    interval, count = _rhythm(items_of(subscription)[0])
    end = after(uow.now, interval, count)
    subscription["billing_cycle_anchor"] = uow.now
    set_period(subscription, uow.now, end)
    uow.unschedule("renew", subscription["id"])
    uow.schedule(end, "renew", subscription["id"])


def _bill_now(uow: UnitOfWork, subscription: Json, behaviour: str, off_session: bool, *, new_period: bool) -> None:
    """Bill the change, and the new period if one starts; if the payment fails the subscription is past due."""
    if behaviour == "pending_if_incomplete":
        raise invalid("The sandbox has no pending updates.", "payment_behavior")
    if new_period:
        invoice = billing.bill_period(uow, subscription, "subscription_update")
    else:
        invoice = _invoice_of_pending(uow, subscription)
    subscription["latest_invoice"] = invoice["id"]
    uow.change(subscription, "customer.subscription.updated")
    invoices.finalize(uow, invoice)
    if invoice["status"] != "open" or behaviour == "default_incomplete":
        return
    dunning.first_attempt(uow, invoice, off_session=off_session)
    if behaviour == "error_if_incomplete" and invoice["status"] == "open" and not invoices.is_processing(uow, invoice):
        raise StripeError(402, "Your card was declined.", kind="card_error", code="card_declined")


def _invoice_of_pending(uow: UnitOfWork, subscription: Json) -> Json:
    invoice_id = uow.ids.new("invoice")
    lines = invoice_items.take_pending(uow, subscription["customer"], invoice_id, subscription["currency"])
    return invoices.draft(
        uow,
        uow.known(subscription["customer"]),
        lines,
        [],
        invoice_id=invoice_id,
        currency=subscription["currency"],
        reason="subscription_update",
        period=period_of(subscription),
        subscription=subscription,
    )


def _end_trial(uow: UnitOfWork, subscription: Json) -> Json:
    subscription["trial_end"] = uow.now
    set_period(subscription, period_of(subscription)[0], uow.now)
    uow.unschedule("renew", subscription["id"])
    uow.unschedule("trial_will_end", subscription["id"])
    uow.change(subscription)
    renewals.renew(uow, subscription["id"])
    return subscription
