"""Invoice previews: the change is made and billed inside a savepoint, then rolled back."""

from core.sandbox.engine.errors import Json, invalid, missing_parameter
from core.sandbox.engine.intervals import after
from core.sandbox.engine.params import Params
from core.sandbox.engine.unit_of_work import UnitOfWork
from core.sandbox.objects import customers
from core.sandbox.objects.billing import invoice_items
from core.sandbox.objects.subscriptions import billing, changes, subscriptions
from core.sandbox.objects.subscriptions.shape import items_of, period_of, set_period

CHANGES = ("items", "proration_behavior", "proration_date", "cancel_at", "cancel_at_period_end", "trial_end")


def create(uow: UnitOfWork, params: Params) -> Json:
    """Preview the invoice; no object, event or payment is kept."""
    with uow.undone() as trial:
        invoice = _billed(trial, params)
    number = f"upcoming_{invoice['id']}"
    return {
        **invoice,
        "id": number,
        "auto_advance": True,
        "billing_reason": "upcoming"
        if invoice["billing_reason"] == "subscription_cycle"
        else invoice["billing_reason"],
        "hosted_invoice_url": None,
        "invoice_pdf": None,
        "number": None,
        "status": "draft",
        "status_transitions": dict.fromkeys(invoice["status_transitions"]),
        "amount_paid": 0,
        "amount_remaining": invoice["amount_due"],
        "attempted": False,
        "lines": {**invoice["lines"], "url": f"/v1/invoices/{number}/lines"},
    }


def _billed(uow: UnitOfWork, params: Params) -> Json:
    details, subscription_id = params.under("subscription_details"), params.text("subscription")
    if params.text("preview_mode") == "recurring":
        raise invalid("The sandbox previews the next invoice alone.", "preview_mode")
    asked = {name: details.raw[name] for name in CHANGES if name in details.raw}
    details.ignore(*CHANGES)
    if subscription_id is None:
        return _first(uow, params, asked)
    subscription = subscriptions.living(uow, subscription_id)
    if params.text("customer") not in (None, subscription["customer"]):
        raise invalid("The subscription belongs to another customer.", "customer")
    _add_items(uow, subscription["customer"], params)
    before = subscription["latest_invoice"]
    if asked:
        changes.update(uow, subscription_id, Params(asked))
    if subscription["latest_invoice"] != before:
        return uow.known(subscription["latest_invoice"])
    return _next(uow, subscription)


def _first(uow: UnitOfWork, params: Params, asked: Json) -> Json:
    """The first invoice of a subscription that does not exist yet."""
    customer = customers.retrieve_live(uow, params.must_text("customer"), "customer")
    if "items" not in asked:
        raise missing_parameter("subscription_details[items]")
    _add_items(uow, customer["id"], params)
    wanted = {"customer": customer["id"], "payment_behavior": "default_incomplete", **asked}
    made = subscriptions.create(uow, Params(wanted))
    return uow.known(made["latest_invoice"])


def _next(uow: UnitOfWork, subscription: Json) -> Json:
    if subscription["cancel_at_period_end"]:
        raise invalid("No upcoming invoices for customer", code="invoice_upcoming_none")
    start = period_of(subscription)[1]
    recurring = items_of(subscription)[0]["price"]["recurring"]
    end = after(start, recurring["interval"], recurring["interval_count"], subscription["billing_cycle_anchor"])
    set_period(subscription, start, end)
    return billing.bill_period(uow, subscription, "subscription_cycle")


def _add_items(uow: UnitOfWork, customer_id: str, params: Params) -> None:
    for asked in params.each("invoice_items"):
        if asked.has("price") or asked.has("price_data"):
            invoice_items.add_price(uow, customer_id, asked)
        else:
            invoice_items.create(uow, asked.but(customer=customer_id))
