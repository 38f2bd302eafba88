"""Changing a subscription: another plan, another card, an end in sight."""

from core.sandbox.engine.errors import Json, invalid
from core.sandbox.engine.intervals import after
from core.sandbox.engine.params import Params
from core.sandbox.engine.unit_of_work import World
from core.sandbox.objects.billing import invoice_items, invoices
from core.sandbox.objects.billing.subscription_shape import build_item, items_of, period_of, set_period, with_items
from core.sandbox.objects.payments import payment_methods


def change(world: World, subscription: Json, params: Params) -> Json:
    """Stripe's update; each kind of change is announced once, together."""
    subscription["metadata"] = params.metadata(subscription["metadata"])
    given = params.text("default_payment_method")
    if given:
        method = payment_methods.resolve(world, given, subscription["customer"], "default_payment_method")
        subscription["default_payment_method"] = method["id"]
    _change_discounts(world, subscription, params)
    billed_at_once = _change_items(world, subscription, params)
    if params.text("trial_end") == "now" and subscription["status"] == "trialing":
        return _end_trial(world, subscription)
    set_cancellation(world, subscription, params, announce=False)
    world.change(subscription, "customer.subscription.updated")
    if billed_at_once:
        _bill_now(world, subscription)
    return subscription


def set_cancellation(world: World, subscription: Json, params: Params, *, announce: bool = True) -> None:
    """`cancel_at_period_end` and `cancel_at`; taking them back makes it go on."""
    if not (params.has("cancel_at_period_end") or params.has("cancel_at")):
        return
    at_end = params.flag("cancel_at_period_end")
    moment = params.moment("cancel_at")
    if at_end and moment is not None:
        raise invalid("You may only specify one of these parameters: cancel_at, cancel_at_period_end.")
    world.unschedule("cancel_at", subscription["id"])
    ends = period_of(subscription)[1] if at_end else moment
    subscription |= {
        "cancel_at": ends,
        "cancel_at_period_end": at_end,
        "canceled_at": world.now if ends is not None else None,
    }
    reason = "cancellation_requested" if ends is not None else None
    subscription["cancellation_details"] = {**subscription["cancellation_details"], "reason": reason}
    if moment is not None:
        world.schedule(moment, "cancel_at", subscription["id"])
    if announce:
        world.change(subscription, "customer.subscription.updated")


def _change_discounts(world: World, subscription: Json, params: Params) -> None:
    from core.sandbox.objects.billing import subscriptions

    if not params.has("discounts"):
        return
    kept = {asked.text("discount") for asked in params.each("discounts")}
    for discount_id in list(subscription["discounts"]):
        if discount_id not in kept:
            subscriptions.drop_discount(world, subscription, world.known(discount_id))
    subtotal = sum(item["price"]["unit_amount"] * item["quantity"] for item in items_of(subscription))
    for asked in params.each("discounts"):
        if not asked.has("discount"):
            subscriptions.apply_discount(world, subscription, asked, subtotal)


def _change_items(world: World, subscription: Json, params: Params) -> bool:
    """Applies `items`; whether what changed is to be billed at once."""
    asked = params.each("items")
    if not asked:
        return False
    before = [dict(item) for item in items_of(subscription)]
    items = list(items_of(subscription))
    for entry in asked:
        items = _changed(world, subscription, items, entry)
    if not items:
        raise invalid("A subscription must have at least one active plan.", "items")
    with_items(subscription, items)
    mode = params.choice("proration_behavior", {"create_prorations", "always_invoice", "none"}, "create_prorations")
    if subscription["status"] == "trialing":
        return False
    other_rhythm = _rhythm(before[0]) != _rhythm(items[0])
    if mode != "none":
        _prorate(world, subscription, before, items, other_rhythm)
    if other_rhythm:
        _restart_period(world, subscription)
    return other_rhythm or mode == "always_invoice"


def _changed(world: World, subscription: Json, items: list[Json], entry: Params) -> list[Json]:
    item_id = entry.text("id")
    found = next((item for item in items if item["id"] == item_id), None)
    if item_id is not None and found is None:
        raise invalid(f"No such subscription item: '{item_id}'", entry.named("id"), "resource_missing")
    if found is not None and entry.flag("deleted"):
        return [item for item in items if item is not found]
    price_id = entry.text("price")
    price = world.get("price", price_id, entry.named("price")) if price_id else None
    if found is None:
        if price is None:
            raise invalid("Missing required param: items[price].", entry.named("price"), "parameter_missing")
        fresh = build_item(
            world.ids.new("subscription_item"),
            subscription["id"],
            price,
            world.now,
            quantity=entry.whole("quantity") or 1,
            period=period_of(subscription),
        )
        return [*items, fresh]
    changed = {**found, "price": price or found["price"], "quantity": entry.whole("quantity") or found["quantity"]}
    return [changed if item is found else item for item in items]


def _rhythm(item: Json) -> tuple[str, int]:
    recurring = item["price"]["recurring"]
    return recurring["interval"], recurring["interval_count"]


def _prorate(world: World, subscription: Json, before: list[Json], after_items: list[Json], restarts: bool) -> None:
    """What is left of the old price is credited; what is left of the new one charged, unless a period begins."""
    start, end = period_of(subscription)
    left = max(end - world.now, 0) / max(end - start, 1)
    for item in before:
        _pending(
            world, subscription, item, -round(item["price"]["unit_amount"] * item["quantity"] * left), "Unused time on"
        )
    if not restarts:
        for item in after_items:
            amount = round(item["price"]["unit_amount"] * item["quantity"] * left)
            _pending(world, subscription, item, amount, "Remaining time on")


def _pending(world: World, subscription: Json, item: Json, amount: int, words: str) -> None:
    name = world.known(item["price"]["product"])["name"]
    world.add(
        invoice_items.build(
            world.ids.new("invoiceitem"),
            subscription["customer"],
            world.now,
            amount=amount,
            currency=subscription["currency"],
            description=f"{words} {name}",
            period=(world.now, period_of(subscription)[1]),
            price=item["price"],
            subscription=(subscription["id"], item["id"]),
        ),
        "invoiceitem.created",
    )


def _restart_period(world: World, subscription: Json) -> None:
    interval, count = _rhythm(items_of(subscription)[0])
    end = after(world.now, interval, count)
    subscription["billing_cycle_anchor"] = world.now
    set_period(subscription, world.now, end)
    world.unschedule("renew", subscription["id"])
    world.schedule(end, "renew", subscription["id"])


def _bill_now(world: World, subscription: Json) -> None:
    """An invoice for the change; a declined one leaves the subscription past due."""
    from core.sandbox.objects.billing import dunning, subscriptions

    start, _ = period_of(subscription)
    if start == world.now:
        invoice = subscriptions.bill_period(world, subscription, "subscription_update")
    else:
        invoice = _invoice_of_pending(world, subscription)
    subscription["latest_invoice"] = invoice["id"]
    world.change(subscription, "customer.subscription.updated")
    invoices.finalize(world, invoice)
    if invoice["status"] == "open":
        dunning.first_attempt(world, invoice)


def _invoice_of_pending(world: World, subscription: Json) -> Json:
    invoice_id = world.ids.new("invoice")
    lines = invoice_items.take_pending(world, subscription["customer"], invoice_id, subscription["currency"])
    return invoices.draft(
        world,
        world.known(subscription["customer"]),
        lines,
        [],
        invoice_id=invoice_id,
        currency=subscription["currency"],
        reason="subscription_update",
        period=period_of(subscription),
        subscription=subscription,
    )


def _end_trial(world: World, subscription: Json) -> Json:
    from core.sandbox.objects.billing import renewals

    subscription["trial_end"] = world.now
    set_period(subscription, period_of(subscription)[0], world.now)
    world.unschedule("renew", subscription["id"])
    world.unschedule("trial_will_end", subscription["id"])
    world.change(subscription)
    renewals.renew(world, subscription["id"])
    return subscription
