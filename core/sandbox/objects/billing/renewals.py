"""What a subscription does by itself: renew, end, run out."""

from core.sandbox.engine.intervals import after
from core.sandbox.engine.unit_of_work import World
from core.sandbox.objects.billing import invoices, subscriptions
from core.sandbox.objects.billing.invoices import DRAFT_SECONDS
from core.sandbox.objects.billing.subscription_shape import items_of, period_of, set_period


def renew(world: World, subscription_id: str) -> None:
    """The period is over: it ends as was asked, or the next period is billed."""
    subscription = world.known(subscription_id)
    if subscription["status"] not in ("active", "trialing", "past_due"):
        return
    if subscription["cancel_at_period_end"]:
        subscriptions.end(world, subscription, "cancellation_requested")
        return
    start = period_of(subscription)[1]
    recurring = items_of(subscription)[0]["price"]["recurring"]
    end = after(start, recurring["interval"], recurring["interval_count"], subscription["billing_cycle_anchor"])
    set_period(subscription, start, end)
    if subscription["status"] == "trialing":
        subscription |= {"billing_cycle_anchor": start, "status": "active"}
    _drop_ended_discounts(world, subscription_id)
    invoice = subscriptions.bill_period(world, subscription, "subscription_cycle")
    subscription["latest_invoice"] = invoice["id"]
    world.change(subscription, "customer.subscription.updated")
    world.schedule(end, "renew", subscription_id)
    world.schedule(world.now + DRAFT_SECONDS, "finalize_invoice", invoice["id"])


def _drop_ended_discounts(world: World, subscription_id: str) -> None:
    subscription = world.known(subscription_id)
    for discount in list(map(world.known, subscription["discounts"])):
        if discount["end"] is not None and discount["end"] <= world.now:
            subscriptions.drop_discount(world, subscription, discount)


def announce_trial_end(world: World, subscription_id: str) -> None:
    subscription = world.known(subscription_id)
    if subscription["status"] == "trialing":
        world.announce("customer.subscription.trial_will_end", subscription)


def cancel_when_due(world: World, subscription_id: str) -> None:
    subscription = world.known(subscription_id)
    if subscription["status"] not in ("canceled", "incomplete_expired"):
        subscriptions.end(world, subscription, "cancellation_requested")


def expire_incomplete(world: World, subscription_id: str) -> None:
    """A first payment that never came: the subscription never began, its invoice is void."""
    subscription = world.known(subscription_id)
    if subscription["status"] != "incomplete":
        return
    world.unschedule("renew", subscription_id)
    subscription |= {"ended_at": world.now, "status": "incomplete_expired"}
    world.change(subscription, "customer.subscription.updated")
    invoice = world.find(subscription["latest_invoice"])
    if invoice is not None and invoice["status"] == "open":
        invoices.close(world, invoice, "void", "voided_at", "invoice.voided")
