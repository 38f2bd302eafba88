"""Invoices: drafted, finalized, paid or given up."""

from core.sandbox.engine.errors import Json, StripeError, invalid
from core.sandbox.engine.fields import take_texts
from core.sandbox.engine.limits import checked_currency
from core.sandbox.engine.lists import in_range, list_objects, page_of, search_objects
from core.sandbox.engine.params import Params
from core.sandbox.engine.unit_of_work import UnitOfWork
from core.sandbox.objects import customers
from core.sandbox.objects.billing import invoice_items, invoice_lines, invoice_payments
from core.sandbox.objects.billing.invoice_shape import as_open, as_paid, build, subscription_of
from core.sandbox.objects.payments import confirmation, method_types, payment_intents, payment_methods
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
    """Whether a bank debit is under way that will pay it."""
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
    """The invoice that waited for this payment, if one did, is paid."""
    payment = invoice_payments.waiting_for(uow, intent)
    if payment is not None:
        uow.change(invoice_payments.as_paid(payment, uow.now), "invoice_payment.paid")
        paid(uow, uow.known(payment["invoice"]))


def payment_failed(uow: UnitOfWork, intent: Json) -> None:
    """One more failed attempt at the invoice that waits for this payment, if one does."""
    payment = invoice_payments.waiting_for(uow, intent)
    if payment is not None:
        attempt_failed(uow, uow.known(payment["invoice"]))


def create(uow: UnitOfWork, params: Params) -> Json:
    """A one-off invoice of the customer's pending items."""
    customer = customers.retrieve_live(uow, params.must_text("customer"), "customer")
    currency = checked_currency(params.text("currency") or "usd")
    invoice_id = uow.ids.new("invoice")
    lines = invoice_items.take_pending(uow, customer["id"], invoice_id, currency)
    period = (uow.now, uow.now)
    invoice = draft(uow, customer, lines, [], invoice_id=invoice_id, currency=currency, reason="manual", period=period)
    _take(uow, invoice, params)
    invoice["auto_advance"] = params.flag("auto_advance", default=True)
    if invoice["auto_advance"]:
        uow.schedule(uow.now + DRAFT_SECONDS, "finalize_invoice", invoice_id)
    return uow.change(invoice, "invoice.updated")


def update(uow: UnitOfWork, invoice_id: str, params: Params) -> Json:
    invoice = uow.get("invoice", invoice_id)
    _take(uow, invoice, params)
    if params.has("auto_advance"):
        invoice["auto_advance"] = params.flag("auto_advance")
        if not invoice["auto_advance"]:
            uow.unschedule("retry_invoice", invoice_id)
            invoice["next_payment_attempt"] = None
    return uow.change(invoice, "invoice.updated")


def _take(uow: UnitOfWork, invoice: Json, params: Params) -> None:
    """The parameters that creating and updating share."""
    invoice["metadata"] = params.metadata(invoice["metadata"])
    take_texts(invoice, params, ("description", "footer", "statement_descriptor"))
    if params.has("default_payment_method"):
        given = params.text("default_payment_method")
        method = given and payment_methods.resolve(uow, given, invoice["customer"], "default_payment_method")
        invoice["default_payment_method"] = method["id"] if method else None
    if params.has("collection_method"):
        invoice["collection_method"] = params.must_text("collection_method")
    if invoice["collection_method"] == "send_invoice":
        days, date = params.whole("days_until_due"), params.moment("due_date")
        if days is not None and date is not None:
            raise invalid("You may only specify one of these parameters: days_until_due, due_date.")
        if days is not None or invoice["due_date"] is None:
            invoice["due_date"] = uow.now + (30 if days is None else days) * 86_400
        invoice["due_date"] = date or invoice["due_date"]


def finalize_now(uow: UnitOfWork, invoice_id: str, params: Params) -> Json:
    invoice = _in_status(uow, invoice_id, {"draft"}, "finalize", "invoice_not_editable")
    if params.has("auto_advance"):
        invoice["auto_advance"] = params.flag("auto_advance")
    return finalize(uow, invoice)


def pay_now(uow: UnitOfWork, invoice_id: str, params: Params) -> Json:
    """Pay now; a decline is raised as a card error, and the failed attempt is kept."""
    invoice = uow.get("invoice", invoice_id)
    if invoice["status"] == "draft":
        finalize(uow, invoice)
    if invoice["status"] == "paid":
        raise invalid("Invoice is already paid", code="invoice_already_paid")
    invoice = _in_status(uow, invoice_id, {"open", "uncollectible"}, "pay", "invoice_not_payable")
    if params.flag("paid_out_of_band"):
        _cancel_payment(uow, invoice)
        paid(uow, invoice)
        return invoice
    given = params.text("payment_method")
    method = (
        payment_methods.resolve(uow, given, invoice["customer"])["id"] if given else payment_method_of(uow, invoice)
    )
    if method is None:
        raise invalid(
            "There is no default payment method set on this customer.", code="invoice_payment_intent_requires_action"
        )
    decline = collect(uow, invoice, method, off_session=params.flag("off_session", default=True))
    if decline is not None:
        raise confirmation.declined_error(_intent_of(uow, invoice), decline)
    intent = _intent_of(uow, invoice)
    if intent["status"] == "requires_action":
        raise StripeError(
            402,
            "This payment requires additional user action before it can be completed successfully.",
            kind="card_error",
            code="invoice_payment_intent_requires_action",
            keep=True,
            payment_intent=intent,
        )
    return invoice


def send(uow: UnitOfWork, invoice_id: str, params: Params) -> Json:
    invoice = uow.get("invoice", invoice_id)
    if invoice["status"] == "draft":
        finalize(uow, invoice)
    uow.announce("invoice.sent", invoice)
    return invoice


def void(uow: UnitOfWork, invoice_id: str, params: Params) -> Json:
    invoice = _in_status(uow, invoice_id, {"open", "uncollectible"}, "void", "invoice_not_editable")
    return close(uow, invoice, "void", "voided_at", "invoice.voided")


def mark_uncollectible(uow: UnitOfWork, invoice_id: str, params: Params) -> Json:
    invoice = _in_status(uow, invoice_id, {"open"}, "mark uncollectible", "invoice_not_editable")
    return give_up(uow, invoice)


def give_up(uow: UnitOfWork, invoice: Json) -> Json:
    return close(uow, invoice, "uncollectible", "marked_uncollectible_at", "invoice.marked_uncollectible")


def close(uow: UnitOfWork, invoice: Json, status: str, moment: str, event: str) -> Json:
    """Stop automatic attempts; a void invoice cannot be paid any more."""
    invoice |= {"auto_advance": False, "next_payment_attempt": None, "status": status}
    invoice["status_transitions"][moment] = uow.now
    uow.unschedule("retry_invoice", invoice["id"])
    uow.change(invoice, event, "invoice.updated")
    if status == "void":
        _cancel_payment(uow, invoice)
    return invoice


def _cancel_payment(uow: UnitOfWork, invoice: Json) -> None:
    invoice_payments.cancel_open(uow, invoice)


def _intent_of(uow: UnitOfWork, invoice: Json) -> Json:
    payment = next(uow.all("invoice_payment", "parent", invoice["id"]))
    return uow.known(payment["payment"]["payment_intent"])


def _in_status(uow: UnitOfWork, invoice_id: str, allowed: set[str], verb: str, code: str) -> Json:
    invoice = uow.get("invoice", invoice_id)
    if invoice["status"] not in allowed:
        raise invalid(
            f"You can only {verb} an invoice that is {' or '.join(sorted(allowed))}. This one is {invoice['status']}.",
            code=code,
        )
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


def retrieve(uow: UnitOfWork, invoice_id: str, params: Params) -> Json:
    return uow.get("invoice", invoice_id)


def list_all(uow: UnitOfWork, params: Params) -> Json:
    filters = ("customer", "status", "subscription", "collection_method")
    keep = in_range("due_date", params) if params.has("due_date") else None
    return list_objects(uow, "invoice", "/v1/invoices", params, filters, keep)


def search(uow: UnitOfWork, params: Params) -> Json:
    return search_objects(uow, "invoice", "/v1/invoices/search", params)


def lines(uow: UnitOfWork, invoice_id: str, params: Params) -> Json:
    held = uow.get("invoice", invoice_id)["lines"]
    return page_of(held["url"], held["data"], params)
