"""Facts about failed payments that no event contains: the invoice of one, and whether its card is saved."""

from typing import TypedDict

from core.errors import Refused
from core.payments.context import PaymentContext
from core.stripe_gateway import Json

ASKED_AT_ONCE = 20


class FailedToAsk(TypedDict):
    """A failed payment that Stripe was not asked about since it last failed, at `as_of`."""

    id: str
    as_of: str
    order_id: str | None


def look(context: PaymentContext) -> int:
    """Look up at Stripe what failed or became past due since the last time; returns how many were looked up."""
    now = context.clock()
    invoices: list[str] = context.db.call("invoices_without_payment", most=ASKED_AT_ONCE, now=now)
    failed: list[FailedToAsk] = context.db.call("failed_payments_to_look_at", most=ASKED_AT_ONCE, now=now)
    facts = [fact for invoice in invoices if (fact := _payment_of(context, invoice))]
    facts += [_failed(context, one["id"], one["as_of"], of_shop=one["order_id"] is not None) for one in failed]
    for fact in facts:
        context.db.call("record_recovery_facts", facts=[fact])
    return len(invoices) + len(failed)


def _payment_of(context: PaymentContext, invoice_id: str) -> Json | None:
    """Mirror the payment of an open invoice; None where it has none."""
    try:
        found, _ = context.stripe.page("invoice_payments", invoice=invoice_id, status="open")
    except Refused:  # deleted at Stripe
        return None
    intent_id = next((one["payment"].get("payment_intent") for one in found), None)
    if intent_id is None:
        return None
    context.mirror(context.stripe.retrieve(f"payment_intents/{intent_id}"))
    return {"payment_intent_id": intent_id, "invoice_id": invoice_id}


def _failed(context: PaymentContext, intent_id: str, as_of: str, *, of_shop: bool) -> Json:
    """Whether its card is saved and, if it belongs to no order, which invoice it pays."""
    known: Json = {"payment_intent_id": intent_id, "looked_at": as_of}
    try:
        intent = context.stripe.retrieve(f"payment_intents/{intent_id}")
    except Refused:  # deleted at Stripe, so it cannot be retried
        return known | {"card_saved": False}
    card = (intent.get("last_payment_error") or {}).get("payment_method") or {}
    known["card_saved"] = bool(card.get("customer"))
    if not of_shop:
        paying = {"type": "payment_intent", "payment_intent": intent_id}
        links, _ = context.stripe.page("invoice_payments", payment=paying, limit=1)
        known["invoice_id"] = links[0]["invoice"] if links else None
    return known
