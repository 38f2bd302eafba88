"""Invoice payments: the link between an invoice and the intent that pays it."""

from core.sandbox.engine.errors import Json
from core.sandbox.engine.lists import list_objects
from core.sandbox.engine.params import Params
from core.sandbox.engine.unit_of_work import World
from core.sandbox.objects.billing import invoices


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


def open_of(world: World, invoice: Json) -> Json | None:
    """The link whose intent can still pay the invoice."""
    found = world.all("invoice_payment", "parent", invoice["id"])
    return next((payment for payment in found if payment["status"] == "open"), None)


def _waiting_for(world: World, intent: Json) -> Json | None:
    found = world.all("invoice_payment", "sibling", intent["id"])
    return next((payment for payment in found if payment["status"] == "open"), None)


def intent_succeeded(world: World, intent: Json) -> None:
    """The invoice that waited for this intent, if one did, is paid."""
    payment = _waiting_for(world, intent)
    if payment is None:
        return
    world.change(as_paid(payment, world.now), "invoice_payment.paid")
    invoices.paid(world, world.known(payment["invoice"]))


def intent_failed(world: World, intent: Json) -> None:
    """One more failed attempt at the invoice that waits for this intent, if one does."""
    payment = _waiting_for(world, intent)
    if payment is not None:
        invoices.attempt_failed(world, world.known(payment["invoice"]))


def cancel_open(world: World, invoice: Json) -> None:
    """The invoice will not be paid this way any more; Stripe has no event for the link itself."""
    from core.sandbox.objects.payments import payment_intents

    payment = open_of(world, invoice)
    if payment is None:
        return
    payment |= {"status": "canceled", "status_transitions": {"canceled_at": world.now, "paid_at": None}}
    world.change(payment)
    intent = world.known(payment["payment"]["payment_intent"])
    if intent["status"] in payment_intents.CANCELABLE:
        payment_intents.withdraw(world, intent, "void_invoice")


def of_invoice(world: World, invoice: Json) -> Json:
    found = list(world.all("invoice_payment", "parent", invoice["id"]))
    return {
        "object": "list",
        "data": found,
        "has_more": False,
        "total_count": len(found),
        "url": f"/v1/invoice_payments?invoice={invoice['id']}",
    }


def retrieve(world: World, payment_id: str, params: Params) -> Json:
    return world.get("invoice_payment", payment_id)


def list_all(world: World, params: Params) -> Json:
    intent = params.under("payment").text("payment_intent")
    asked = Params({**params.raw, "payment_intent": intent or "", "payment": ""})
    url = "/v1/invoice_payments"
    return list_objects(world, "invoice_payment", url, asked, ("invoice", "status", "payment_intent"))
