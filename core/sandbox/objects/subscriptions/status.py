"""The status of a subscription: active once paid, canceled at its end."""

from core.sandbox.engine.errors import Json
from core.sandbox.engine.unit_of_work import UnitOfWork
from core.sandbox.objects.billing import invoice_payments
from core.sandbox.objects.billing.invoice_shape import subscription_of
from core.sandbox.objects.subscriptions import discounting
from core.sandbox.objects.subscriptions.shape import as_ended


def activate(uow: UnitOfWork, subscription: Json) -> None:
    uow.unschedule("expire_incomplete", subscription["id"])
    subscription["status"] = "active"
    uow.change(subscription, "customer.subscription.updated")


def payment_processing(uow: UnitOfWork, intent: Json) -> None:
    """Make the subscription active before the bank has decided, after a first payment by bank debit."""
    payment = invoice_payments.waiting_for(uow, intent)
    subscription = uow.find(subscription_of(uow.known(payment["invoice"]))) if payment else None
    if subscription is not None and subscription["status"] == "incomplete":
        activate(uow, subscription)


def invoice_paid(uow: UnitOfWork, invoice: Json) -> None:
    """Make the subscription of a paid invoice active again, and use up its `once` discounts."""
    subscription = uow.find(subscription_of(invoice))
    if subscription is None:
        return
    changed = discounting.spend_discounts(uow, subscription, invoice)
    if subscription["status"] == "incomplete":
        _keep_card(uow, subscription, invoice)
        activate(uow, subscription)
    elif subscription["status"] == "past_due" and subscription["latest_invoice"] == invoice["id"]:
        activate(uow, subscription)
    elif changed:
        uow.change(subscription, "customer.subscription.updated")


def _keep_card(uow: UnitOfWork, subscription: Json, invoice: Json) -> None:
    """If asked to, make the card of the first payment the subscription's default."""
    if subscription["payment_settings"]["save_default_payment_method"] != "on_subscription":
        return
    payment = next(uow.all("invoice_payment", "parent", invoice["id"]), None)
    if payment is not None:
        intent = uow.known(payment["payment"]["payment_intent"])
        subscription["default_payment_method"] = intent["payment_method"]


def end(uow: UnitOfWork, subscription: Json, reason: str) -> Json:
    """End the subscription now; an open invoice is not retried automatically any more."""
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
    """End all subscriptions of a deleted customer."""
    for subscription in list(uow.all("subscription", "customer", customer["id"])):
        if subscription["status"] not in ("canceled", "incomplete_expired"):
            end(uow, subscription, "cancellation_requested")
