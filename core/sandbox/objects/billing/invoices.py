"""Invoices: drafted, finalized, paid or closed unpaid."""

from core.sandbox.engine.errors import Json
from core.sandbox.engine.unit_of_work import UnitOfWork
from core.sandbox.objects.billing import invoice_lines, invoice_payments
from core.sandbox.objects.billing.invoice_shape import as_open, as_paid, build, subscription_of
from core.sandbox.objects.payments import confirmation, method_types, payment_intents
from core.sandbox.objects.payments.declines import Decline

DRAFT_SECONDS = 3600


def draft(
    uow: UnitOfWork,
    customer: Json,
    lines: list[Json],
    discount_ids: list[str],
    *,
    invoice_id: str,
    currency: str,
    reason: str,
    period: tuple[int, int],
    subscription: Json | None = None,
) -> Json:
    """A new draft invoice with its totals; nothing is charged yet."""
    collection = subscription["collection_method"] if subscription else "charge_automatically"
    invoice = build(
        invoice_id,
        customer,
        uow.now,
        currency=currency,
        reason=reason,
        period=period,
        subscription=subscription,
        collection=collection,
    )
    if subscription is not None:
        invoice["default_payment_method"] = None
        days = subscription["days_until_due"]
        invoice["due_date"] = uow.now + days * 86_400 if days is not None else None
    shares = invoice_lines.taken_off_all(uow, discount_ids, lines, invoice["currency"])
    invoice_lines.total_up(invoice, lines, shares)
    invoice["automatically_finalizes_at"] = uow.now + DRAFT_SECONDS
    return uow.add(invoice, "invoice.created")


def finalize(uow: UnitOfWork, invoice: Json) -> Json:
    """Finalize the draft: it gets a number and a payment intent. If nothing is due it is paid at once."""
    customer = uow.known(invoice["customer"])
    sequence = uow.hidden(f"invoices:{customer['id']}").get("next", 1)
    uow.hide(f"invoices:{customer['id']}", {"next": sequence + 1})
    as_open(invoice, f"{customer['invoice_prefix']}-{sequence:04d}", uow.now)
    uow.unschedule("finalize_invoice", invoice["id"])
    _use_balance(uow, invoice, customer)
    if invoice["amount_due"] == 0:
        uow.change(invoice, "invoice.finalized")
        paid(uow, invoice)
        return invoice
    intent = _intent_for(uow, invoice)
    uow.change(invoice, "invoice.finalized")
    uow.add(invoice_payments.build(uow.ids.new("invoice_payment"), invoice, intent["id"], uow.now))
    return invoice


def _use_balance(uow: UnitOfWork, invoice: Json, customer: Json) -> None:
    """Apply the customer's balance to what is due; any remaining credit stays on the balance."""
    starting = customer.get("balance", 0)
    due = invoice["total"] + starting
    ending = min(due, 0)
    invoice |= {"amount_due": max(due, 0), "amount_remaining": max(due, 0)}
    invoice |= {"ending_balance": ending, "starting_balance": starting}
    if ending != starting:
        customer["balance"] = ending
        uow.change(customer, "customer.updated")


def _intent_for(uow: UnitOfWork, invoice: Json) -> Json:
    intent = payment_intents.build(
        uow.ids.new("payment_intent"),
        uow.ids.letters(25),
        uow.now,
        amount=invoice["amount_due"],
        currency=invoice["currency"],
        customer=invoice["customer"],
        metadata={},
    )
    first = invoice["billing_reason"] == "subscription_create"
    intent["description"] = "Subscription creation" if first else "Subscription update"
    if invoice["billing_reason"] == "manual":
        intent["description"] = f"Payment for Invoice {invoice['number']}"
    intent["payment_method_types"] = list(method_types.TYPES) if invoice["currency"] == "usd" else ["card"]
    intent["setup_future_usage"] = "off_session" if first else None
    return uow.add(intent, "payment_intent.created")


def payment_method_of(uow: UnitOfWork, invoice: Json) -> str | None:
    """Which saved payment method pays: the invoice's, the subscription's, or the customer's default."""
    subscription = uow.find(subscription_of(invoice))
    customer = uow.known(invoice["customer"])
    chosen = (
        invoice["default_payment_method"]
        or (subscription and subscription["default_payment_method"])
        or customer.get("invoice_settings", {}).get("default_payment_method")
    )
    return str(chosen) if chosen else None


def collect(uow: UnitOfWork, invoice: Json, method_id: str | None, *, off_session: bool) -> Decline | None:
    """One attempt to pay the invoice's intent; without a card it counts as failed."""
    payment = invoice_payments.open_of(uow, invoice)
    if payment is None:
        raise LookupError(f"{invoice['id']} is open and has no intent")
    intent = uow.known(payment["payment"]["payment_intent"])
    if method_id is None:
        attempt_failed(uow, invoice)
        return None
    intent["payment_method"] = method_id
    decline = confirmation.attempt(uow, intent, off_session=off_session)
    if intent["status"] == "requires_action" or (decline and decline.code == "authentication_required"):
        uow.announce("invoice.payment_action_required", invoice)
    return decline


def is_processing(uow: UnitOfWork, invoice: Json) -> bool:
    """Whether a bank debit that will pay the invoice is in progress."""
    payment = invoice_payments.open_of(uow, invoice)
    return payment is not None and uow.known(payment["payment"]["payment_intent"])["status"] == "processing"


def attempt_failed(uow: UnitOfWork, invoice: Json) -> None:
    """Count the failed attempt and announce it; `dunning` decides when to retry."""
    invoice |= {"attempt_count": invoice["attempt_count"] + 1, "attempted": True}
    uow.change(invoice, "invoice.payment_failed", "invoice.updated")


def paid(uow: UnitOfWork, invoice: Json) -> None:
    """Mark the invoice as paid, stop its retries and update its subscription."""
    if invoice["amount_due"]:
        invoice["attempt_count"] += 1
    uow.unschedule("retry_invoice", invoice["id"])
    uow.change(as_paid(invoice, uow.now), "invoice.updated", "invoice.paid", "invoice.payment_succeeded")
    uow.follow_up("invoice_paid", invoice)


def payment_succeeded(uow: UnitOfWork, intent: Json) -> None:
    """Mark the invoice that was waiting for this payment as paid, if there is one."""
    payment = invoice_payments.waiting_for(uow, intent)
    if payment is not None:
        uow.change(invoice_payments.as_paid(payment, uow.now), "invoice_payment.paid")
        paid(uow, uow.known(payment["invoice"]))


def payment_failed(uow: UnitOfWork, intent: Json) -> None:
    """Count a failed attempt for the invoice that is waiting for this payment, if there is one."""
    payment = invoice_payments.waiting_for(uow, intent)
    if payment is not None:
        attempt_failed(uow, uow.known(payment["invoice"]))


def give_up(uow: UnitOfWork, invoice: Json) -> Json:
    return close(uow, invoice, "uncollectible", "marked_uncollectible_at", "invoice.marked_uncollectible")


def close(uow: UnitOfWork, invoice: Json, status: str, moment: str, event: str) -> Json:
    """Stop automatic attempts; a void invoice cannot be paid any more."""
    invoice |= {"auto_advance": False, "next_payment_attempt": None, "status": status}
    invoice["status_transitions"][moment] = uow.now
    uow.unschedule("retry_invoice", invoice["id"])
    uow.change(invoice, event, "invoice.updated")
    if status == "void":
        invoice_payments.cancel_open(uow, invoice)
    return invoice


def confirmation_secret(uow: UnitOfWork, invoice: Json) -> Json | None:
    """What a page needs to let the customer pay the invoice's intent."""
    payment = next(uow.all("invoice_payment", "parent", invoice["id"]), None)
    if payment is None:
        return None
    return {
        "client_secret": uow.known(payment["payment"]["payment_intent"])["client_secret"],
        "type": "payment_intent",
    }
