"""Scheduled changes of a subscription: renewal, end, expiry."""

from core.sandbox.engine.errors import Json
from core.sandbox.engine.intervals import after
from core.sandbox.engine.unit_of_work import UnitOfWork
from core.sandbox.objects import customers
from core.sandbox.objects.billing import invoices
from core.sandbox.objects.subscriptions import billing, discounting, pausing, status
from core.sandbox.objects.subscriptions.shape import all_discounts, items_of, period_of, set_period


def renew(uow: UnitOfWork, subscription_id: str) -> None:
    """At the period's end, end the subscription if that was scheduled, otherwise bill the next period."""
    subscription = uow.known(subscription_id)
    if subscription["status"] not in ("active", "trialing", "past_due"):
        return
    if subscription["cancel_at_period_end"]:
        status.end(uow, subscription, "cancellation_requested")
        return
    start = period_of(subscription)[1]
    recurring = items_of(subscription)[0]["price"]["recurring"]
    end = after(start, recurring["interval"], recurring["interval_count"], subscription["billing_cycle_anchor"])
    set_period(subscription, start, end)
    if subscription["status"] == "trialing" and _ends_without_a_card(uow, subscription):
        status.end(uow, subscription, "cancellation_requested")
        return
    if subscription["status"] == "trialing":
        subscription |= {"billing_cycle_anchor": start, "status": "active"}
    _drop_ended_discounts(uow, subscription_id)
    _drop_customers_ended_discount(uow, subscription)
    invoice = billing.bill_period(uow, subscription, "subscription_cycle")
    subscription["latest_invoice"] = invoice["id"]
    uow.change(subscription, "customer.subscription.updated")
    uow.schedule(end, "renew", subscription_id)
    pausing.treat(uow, subscription, invoice)


def _ends_without_a_card(uow: UnitOfWork, subscription: Json) -> bool:
    """Whether this trial ends the subscription because no card was given in time."""
    if subscription["trial_settings"]["end_behavior"]["missing_payment_method"] != "cancel":
        return False
    default = uow.known(subscription["customer"])["invoice_settings"]["default_payment_method"]
    return subscription["default_payment_method"] is None and default is None


def _drop_ended_discounts(uow: UnitOfWork, subscription_id: str) -> None:
    subscription = uow.known(subscription_id)
    for discount in list(map(uow.known, all_discounts(subscription))):
        if discount["end"] is not None and discount["end"] <= uow.now:
            discounting.drop_discount(uow, subscription, discount)


def _drop_customers_ended_discount(uow: UnitOfWork, subscription: Json) -> None:
    customer = uow.known(subscription["customer"])
    discount = customer.get("discount")
    if discount is not None and discount["end"] is not None and discount["end"] <= uow.now:
        customers.drop_discount(uow, customer)


def announce_trial_end(uow: UnitOfWork, subscription_id: str) -> None:
    subscription = uow.known(subscription_id)
    if subscription["status"] == "trialing":
        uow.announce("customer.subscription.trial_will_end", subscription)


def cancel_when_due(uow: UnitOfWork, subscription_id: str) -> None:
    subscription = uow.known(subscription_id)
    if subscription["status"] not in ("canceled", "incomplete_expired"):
        status.end(uow, subscription, "cancellation_requested")


def expire_incomplete(uow: UnitOfWork, subscription_id: str) -> None:
    """Expire a subscription without a first payment, and void its invoice."""
    subscription = uow.known(subscription_id)
    if subscription["status"] != "incomplete":
        return
    uow.unschedule("renew", subscription_id)
    subscription |= {"ended_at": uow.now, "status": "incomplete_expired"}
    uow.change(subscription, "customer.subscription.updated")
    invoice = uow.find(subscription["latest_invoice"])
    if invoice is not None and invoice["status"] == "open":
        invoices.close(uow, invoice, "void", "voided_at", "invoice.voided")
