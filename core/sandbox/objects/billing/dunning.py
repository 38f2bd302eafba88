"""Trying again: a renewal that was declined is attempted over two weeks, then given up."""

from core.sandbox.engine.errors import Json
from core.sandbox.engine.unit_of_work import World
from core.sandbox.objects.billing import invoices, subscriptions
from core.sandbox.objects.billing.invoice_shape import subscription_of

WAIT_DAYS = (3, 5, 7)
DAY_SECONDS = 86_400


def first_attempt(world: World, invoice: Json) -> None:
    """Charges the saved card; a decline makes the subscription past due."""
    invoices.collect(world, invoice, invoices.payment_method_of(world, invoice), off_session=True)
    if invoice["status"] == "open":
        _wait(world, invoice, tries=0)
        subscription = world.find(subscription_of(invoice))
        if subscription is not None and subscription["status"] == "active":
            subscription["status"] = "past_due"
            world.change(subscription, "customer.subscription.updated")


def retry(world: World, invoice_id: str) -> None:
    """The next attempt of the schedule; after the last, the subscription ends."""
    invoice = world.known(invoice_id)
    if invoice["status"] != "open":
        return
    tries = world.hidden(invoice_id).get("tries", 0) + 1
    invoices.collect(world, invoice, invoices.payment_method_of(world, invoice), off_session=True)
    if invoice["status"] != "open":
        return
    if tries < len(WAIT_DAYS):
        _wait(world, invoice, tries)
        return
    subscription = world.find(subscription_of(invoice))
    if subscription is not None and subscription["status"] != "canceled":
        subscriptions.end(world, subscription, "payment_failed")
    invoices.give_up(world, invoice)


def _wait(world: World, invoice: Json, tries: int) -> None:
    at = world.now + WAIT_DAYS[tries] * DAY_SECONDS
    world.hide(invoice["id"], {"tries": tries})
    world.schedule(at, "retry_invoice", invoice["id"])
    invoice["next_payment_attempt"] = at
    world.change(invoice, "invoice.updated")
