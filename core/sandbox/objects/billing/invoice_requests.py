"""The API's requests on invoices: create, change, finalize, pay, send, void and list."""

from core.sandbox.engine.errors import Json, StripeError, invalid
from core.sandbox.engine.fields import take_texts
from core.sandbox.engine.limits import checked_currency
from core.sandbox.engine.lists import in_range, list_objects, page_of, search_objects
from core.sandbox.engine.params import Params
from core.sandbox.engine.unit_of_work import UnitOfWork
from core.sandbox.objects import customers
from core.sandbox.objects.billing import invoice_items, invoice_payments, invoices
from core.sandbox.objects.payments import confirmation, payment_methods


def create(uow: UnitOfWork, params: Params) -> Json:
    """A one-off invoice of the customer's pending items."""
    customer = customers.retrieve_live(uow, params.must_text("customer"), "customer")
    currency = checked_currency(params.text("currency") or "usd")
    invoice_id = uow.ids.new("invoice")
    lines = invoice_items.take_pending(uow, customer["id"], invoice_id, currency)
    period = (uow.now, uow.now)
    invoice = invoices.draft(
        uow, customer, lines, [], invoice_id=invoice_id, currency=currency, reason="manual", period=period
    )
    _take(uow, invoice, params)
    invoice["auto_advance"] = params.flag("auto_advance", default=True)
    if invoice["auto_advance"]:
        uow.schedule(uow.now + invoices.DRAFT_SECONDS, "finalize_invoice", invoice_id)
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
    return invoices.finalize(uow, invoice)


def pay_now(uow: UnitOfWork, invoice_id: str, params: Params) -> Json:
    """Pay now; a decline is raised as a card error, and the failed attempt is kept."""
    invoice = uow.get("invoice", invoice_id)
    if invoice["status"] == "draft":
        invoices.finalize(uow, invoice)
    if invoice["status"] == "paid":
        raise invalid("Invoice is already paid", code="invoice_already_paid")
    invoice = _in_status(uow, invoice_id, {"open", "uncollectible"}, "pay", "invoice_not_payable")
    if params.flag("paid_out_of_band"):
        invoice_payments.cancel_open(uow, invoice)
        invoices.paid(uow, invoice)
        return invoice
    given = params.text("payment_method")
    method = (
        payment_methods.resolve(uow, given, invoice["customer"])["id"]
        if given
        else invoices.payment_method_of(uow, invoice)
    )
    if method is None:
        raise invalid(
            "There is no default payment method set on this customer.", code="invoice_payment_intent_requires_action"
        )
    decline = invoices.collect(uow, invoice, method, off_session=params.flag("off_session", default=True))
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
        invoices.finalize(uow, invoice)
    uow.announce("invoice.sent", invoice)
    return invoice


def void(uow: UnitOfWork, invoice_id: str, params: Params) -> Json:
    invoice = _in_status(uow, invoice_id, {"open", "uncollectible"}, "void", "invoice_not_editable")
    return invoices.close(uow, invoice, "void", "voided_at", "invoice.voided")


def mark_uncollectible(uow: UnitOfWork, invoice_id: str, params: Params) -> Json:
    invoice = _in_status(uow, invoice_id, {"open"}, "mark uncollectible", "invoice_not_editable")
    return invoices.give_up(uow, invoice)


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
