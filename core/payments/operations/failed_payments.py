"""The payment API's answer about a failed payment: why it failed and what can be done."""

from core.errors import Refused
from core.payments import failures
from core.payments.context import PaymentContext
from core.payments.operations import customers
from core.payments.operations.callers import Caller
from core.payments.operations.schemas import FailureAnswer, FailureRequest
from core.stripe_gateway import Json


def handle_failure(context: PaymentContext, caller: Caller, asked: FailureRequest) -> FailureAnswer:
    """Why the payment failed and what can be done; it is on the recovery list from now on."""
    if asked.invoiceId is not None:
        invoice = customers.reached(context, caller, f"invoices/{asked.invoiceId}", expand=["payments"])
        intent = _intent_of_invoice(context, invoice)
        url = invoice.get("hosted_invoice_url") if invoice["status"] == "open" else None
    else:
        path = f"payment_intents/{asked.paymentIntentId}"
        intent = customers.reached(context, caller, path, expand=["latest_charge"])
        url = None
    error = (intent or {}).get("last_payment_error")
    if intent is None or not error:
        raise Refused("not_failed", "This payment did not fail.")
    context.mirror(intent)
    context.db.call(
        "note_failed_payment",
        payment_intent_id=intent["id"],
        invoice_id=asked.invoiceId,
        told_by=caller.name,
        now=context.clock(),
    )
    found = failures.Decline.of_intent(error, failures.latest_charge(intent))
    failure = failures.explained(found, for_patient=caller.is_patient)
    return FailureAnswer(**failure.fields(), recoveryUrl=url)


def failure_again(context: PaymentContext, asked: FailureRequest, kept: Json) -> FailureAnswer:
    """A stored answer completed with the invoice's current address, which is never stored."""
    url = None
    if asked.invoiceId is not None:
        invoice = context.stripe.retrieve(f"invoices/{asked.invoiceId}")
        url = invoice.get("hosted_invoice_url") if invoice["status"] == "open" else None
    return FailureAnswer(**kept, recoveryUrl=url)


def _intent_of_invoice(context: PaymentContext, invoice: Json) -> Json | None:
    for payment in (invoice.get("payments") or {}).get("data", []):
        intent_id = (payment.get("payment") or {}).get("payment_intent")
        if intent_id:
            return context.stripe.retrieve(f"payment_intents/{intent_id}", expand=["latest_charge"])
    return None
