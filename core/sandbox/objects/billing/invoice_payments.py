"""Invoice payments: the link between an invoice and the intent that pays it."""

from core.sandbox.engine.errors import Json
from core.sandbox.engine.lists import list_objects
from core.sandbox.engine.params import Params
from core.sandbox.engine.unit_of_work import UnitOfWork
from core.sandbox.objects.payments import payment_intents


def build(payment_id: str, invoice: Json, intent_id: str, created: int) -> Json:
    return {
        "id": payment_id,
        "object": "invoice_payment",
        "amount_paid": None,
        "amount_requested": invoice["amount_due"],
        "created": created,
        "currency": invoice["currency"],
        "invoice": invoice["id"],
        "is_default": True,
        "livemode": False,
        "payment": {"payment_intent": intent_id, "type": "payment_intent"},
        "status": "open",
        "status_transitions": {"canceled_at": None, "paid_at": None},
    }


def as_paid(payment: Json, paid_at: int) -> Json:
    payment |= {
        "amount_paid": payment["amount_requested"],
        "status": "paid",
        "status_transitions": {"canceled_at": None, "paid_at": paid_at},
    }
    return payment


def open_of(uow: UnitOfWork, invoice: Json) -> Json | None:
    """The link whose intent can still pay the invoice."""
    found = uow.all("invoice_payment", "parent", invoice["id"])
    return next((payment for payment in found if payment["status"] == "open"), None)


def waiting_for(uow: UnitOfWork, intent: Json) -> Json | None:
    """The open link of the invoice that this intent pays."""
    found = uow.all("invoice_payment", "sibling", intent["id"])
    return next((payment for payment in found if payment["status"] == "open"), None)


def cancel_open(uow: UnitOfWork, invoice: Json) -> None:
    """Cancel the open payment of an invoice; Stripe has no event for the invoice payment itself."""
    payment = open_of(uow, invoice)
    if payment is None:
        return
    payment |= {"status": "canceled", "status_transitions": {"canceled_at": uow.now, "paid_at": None}}
    uow.change(payment)
    intent = uow.known(payment["payment"]["payment_intent"])
    if intent["status"] in payment_intents.CANCELABLE:
        payment_intents.withdraw(uow, intent, "void_invoice")


def of_invoice(uow: UnitOfWork, invoice: Json) -> Json:
    found = list(uow.all("invoice_payment", "parent", invoice["id"]))
    return {
        "object": "list",
        "data": found,
        "has_more": False,
        "total_count": len(found),
        "url": f"/v1/invoice_payments?invoice={invoice['id']}",
    }


def retrieve(uow: UnitOfWork, payment_id: str, params: Params) -> Json:
    return uow.get("invoice_payment", payment_id)


def list_all(uow: UnitOfWork, params: Params) -> Json:
    payment = params.under("payment")
    intent = payment.text("payment_intent") if payment.text("type") == "payment_intent" else None
    asked = params.but(payment_intent=intent or "")
    url = "/v1/invoice_payments"
    return list_objects(uow, "invoice_payment", url, asked, ("invoice", "status", "payment_intent"))
