"""Dunning: a failed renewal is retried over two weeks, then marked uncollectible."""

from core.sandbox.engine.errors import Json
from core.sandbox.engine.unit_of_work import UnitOfWork
from core.sandbox.objects.billing import invoice_payments, invoices
from core.sandbox.objects.billing.invoice_shape import subscription_of
from core.sandbox.objects.subscriptions import status

WAIT_DAYS = (3, 5, 7)
DAY_SECONDS = 86_400


def finalize_when_due(uow: UnitOfWork, invoice_id: str) -> None:
    """An hour after a renewal's draft: finalize it and, if it is collected automatically, charge it."""
    invoice = uow.known(invoice_id)
    if invoice["status"] != "draft":
        return
    invoices.finalize(uow, invoice)
    if invoice["status"] != "open":
        return
    if invoice["collection_method"] == "send_invoice":
        uow.announce("invoice.sent", invoice)
        return
    first_attempt(uow, invoice)


def first_attempt(uow: UnitOfWork, invoice: Json, *, off_session: bool = True) -> None:
    """Charge the saved card; a decline makes the subscription past due."""
    invoices.collect(uow, invoice, invoices.payment_method_of(uow, invoice), off_session=off_session)
    if invoice["status"] == "open" and not invoices.is_processing(uow, invoice):
        _fall_behind(uow, invoice)


def _fall_behind(uow: UnitOfWork, invoice: Json) -> None:
    _wait(uow, invoice, tries=0)
    subscription = uow.find(subscription_of(invoice))
    if subscription is not None and subscription["status"] == "active":
        subscription["status"] = "past_due"
        uow.change(subscription, "customer.subscription.updated")


def debit_failed(uow: UnitOfWork, intent: Json) -> None:
    """A debit that the bank sent back days later: the invoice that it was to pay is tried again."""
    payment = invoice_payments.waiting_for(uow, intent)
    invoice = payment and uow.known(payment["invoice"])
    if invoice and invoice["status"] == "open" and subscription_of(invoice):
        _fall_behind(uow, invoice)


def retry(uow: UnitOfWork, invoice_id: str) -> None:
    """Make the next scheduled attempt; after the last one, the subscription ends."""
    invoice = uow.known(invoice_id)
    if invoice["status"] != "open":
        return
    tries = uow.hidden(invoice_id).get("tries", 0) + 1
    invoices.collect(uow, invoice, invoices.payment_method_of(uow, invoice), off_session=True)
    if invoice["status"] != "open" or invoices.is_processing(uow, invoice):
        return
    if tries < len(WAIT_DAYS):
        _wait(uow, invoice, tries)
        return
    subscription = uow.find(subscription_of(invoice))
    if subscription is not None and subscription["status"] != "canceled":
        status.end(uow, subscription, "payment_failed")
    invoices.give_up(uow, invoice)


def _wait(uow: UnitOfWork, invoice: Json, tries: int) -> None:
    at = uow.now + WAIT_DAYS[tries] * DAY_SECONDS
    uow.hide(invoice["id"], {"tries": tries})
    uow.schedule(at, "retry_invoice", invoice["id"])
    invoice["next_payment_attempt"] = at
    uow.change(invoice, "invoice.updated")
