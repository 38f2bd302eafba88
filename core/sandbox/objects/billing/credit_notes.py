"""Credit notes: they reduce an invoice before it is paid, or return money afterwards."""

from core.sandbox.engine.errors import Json, invalid
from core.sandbox.engine.limits import shown
from core.sandbox.engine.lists import list_objects, page_of
from core.sandbox.engine.params import Params
from core.sandbox.engine.unit_of_work import BASE, UnitOfWork
from core.sandbox.objects.billing import invoice_payments, invoices
from core.sandbox.objects.payments import refunds


def create(uow: UnitOfWork, params: Params) -> Json:
    """Create a credit note; raises Stripe's error if it exceeds the invoice, or if its parts do not add up."""
    invoice = uow.get("invoice", params.must_text("invoice"), "invoice")
    note = _note(uow, invoice, params)
    if invoice["status"] == "open":
        _reduce(uow, invoice, note)
    else:
        _give_back(uow, invoice, note, params)
    return uow.add(note, "credit_note.created")


def preview(uow: UnitOfWork, params: Params) -> Json:
    """The note that `create` would make; nothing is kept."""
    invoice = uow.get("invoice", params.must_text("invoice"), "invoice")
    params.ignore("credit_amount", "out_of_band_amount", "refund_amount")
    return _note(uow, invoice, params)


def _note(uow: UnitOfWork, invoice: Json, params: Params) -> Json:
    if invoice["status"] not in ("open", "paid", "uncollectible"):
        raise invalid(f"A credit note needs an open or paid invoice; this one is {invoice['status']}.", "invoice")
    lines = _lines(uow, invoice, params)
    amount = params.whole("amount")
    amount = sum(line["amount"] for line in lines) if amount is None and lines else amount
    if amount is None or amount < 1:
        raise invalid("You must pass one of amount or lines.", "amount", "parameter_missing")
    noted = invoice["pre_payment_credit_notes_amount"] + invoice["post_payment_credit_notes_amount"]
    left = invoice["amount_remaining"] if invoice["status"] == "open" else invoice["total"] - noted
    if amount > left:
        raise invalid(
            f"The amount ({shown(amount, invoice['currency'])}) is more than what is left to credit on the invoice "
            f"({shown(left, invoice['currency'])}).",
            "amount",
        )
    return _build(uow, invoice, params, amount, lines)


def _lines(uow: UnitOfWork, invoice: Json, params: Params) -> list[Json]:
    found = {line["id"]: line for line in invoice["lines"]["data"]}
    lines = []
    for asked in params.each("lines"):
        if asked.must_text("type") != "invoice_line_item":
            raise invalid("The sandbox credits lines of the invoice alone.", asked.named("type"))
        line = found.get(asked.must_text("invoice_line_item"))
        if line is None:
            raise invalid("No such line item on this invoice.", asked.named("invoice_line_item"), "resource_missing")
        amount = asked.whole("amount")
        lines.append(
            {
                "id": f"cnli_1{uow.ids.letters(23)}",
                "object": "credit_note_line_item",
                "amount": line["amount"] if amount is None else amount,
                "description": line["description"],
                "discount_amount": 0,
                "discount_amounts": [],
                "invoice_line_item": line["id"],
                "livemode": False,
                "quantity": line["quantity"],
                "type": "invoice_line_item",
            }
        )
    return lines


def _build(uow: UnitOfWork, invoice: Json, params: Params, amount: int, lines: list[Json]) -> Json:
    note_id = uow.ids.new("credit_note")
    before = sum(1 for other in uow.all("credit_note", "parent", invoice["id"]))
    return {
        "id": note_id,
        "object": "credit_note",
        "amount": amount,
        "amount_shipping": 0,
        "created": uow.now,
        "currency": invoice["currency"],
        "customer": invoice["customer"],
        "customer_balance_transaction": None,
        "discount_amount": 0,
        "discount_amounts": [],
        "effective_at": params.moment("effective_at") or uow.now,
        "invoice": invoice["id"],
        "lines": {
            "object": "list",
            "data": lines,
            "has_more": False,
            "total_count": len(lines),
            "url": f"/v1/credit_notes/{note_id}/lines",
        },
        "livemode": False,
        "memo": params.text("memo"),
        "metadata": params.metadata(),
        "number": f"{invoice['number']}-CN-{before + 1:02d}",
        "out_of_band_amount": None,
        "pdf": f"{BASE}/credit_notes/{note_id}/pdf",
        "post_payment_amount": 0,
        "pre_payment_amount": 0,
        "pretax_credit_amounts": [],
        "reason": params.text("reason"),
        "refunds": [],
        "shipping_cost": None,
        "status": "issued",
        "subtotal": amount,
        "subtotal_excluding_tax": amount,
        "total": amount,
        "total_excluding_tax": amount,
        "total_taxes": [],
        "type": "pre_payment" if invoice["status"] == "open" else "post_payment",
        "voided_at": None,
    }


def _reduce(uow: UnitOfWork, invoice: Json, note: Json) -> None:
    """Reduce the amount due; an invoice with nothing due is paid."""
    amount = note["pre_payment_amount"] = note["amount"]
    invoice["pre_payment_credit_notes_amount"] += amount
    invoice["amount_due"] -= amount
    invoice["amount_remaining"] -= amount
    _ask_for_what_is_due(uow, invoice)
    uow.change(invoice, "invoice.updated")
    if invoice["amount_due"] == 0:
        invoice_payments.cancel_open(uow, invoice)
        invoices.paid(uow, invoice)


def _ask_for_what_is_due(uow: UnitOfWork, invoice: Json) -> None:
    payment = invoice_payments.open_of(uow, invoice)
    if payment is not None and invoice["amount_due"]:
        intent = uow.known(payment["payment"]["payment_intent"])
        intent["amount"] = payment["amount_requested"] = invoice["amount_due"]
        uow.change(intent)
        uow.change(payment)


def _give_back(uow: UnitOfWork, invoice: Json, note: Json, params: Params) -> None:
    """Return the whole amount: as a refund, to the customer's balance, or outside Stripe."""
    parts = {name: params.whole(name) or 0 for name in ("refund_amount", "credit_amount", "out_of_band_amount")}
    if sum(parts.values()) != note["amount"]:
        raise invalid(
            "The sum of refund_amount, credit_amount and out_of_band_amount must equal the credit note amount "
            f"({shown(note['amount'], note['currency'])}).",
            "refund_amount",
        )
    note["post_payment_amount"] = note["amount"]
    note["out_of_band_amount"] = parts["out_of_band_amount"] or None
    if parts["refund_amount"]:
        note["refunds"] = [_refund(uow, invoice, parts["refund_amount"])]
    if parts["credit_amount"]:
        customer = uow.known(invoice["customer"])
        customer["balance"] -= parts["credit_amount"]
        uow.change(customer, "customer.updated")
    invoice["post_payment_credit_notes_amount"] += note["amount"]
    uow.change(invoice, "invoice.updated")


def _refund(uow: UnitOfWork, invoice: Json, amount: int) -> Json:
    payment = next(
        (each for each in uow.all("invoice_payment", "parent", invoice["id"]) if each["status"] == "paid"), None
    )
    if payment is None:
        raise invalid("This invoice was not paid by a payment that can be refunded.", "refund_amount")
    asked = {"amount": str(amount), "payment_intent": payment["payment"]["payment_intent"]}
    refund = refunds.create(uow, Params(asked))
    return {"amount_refunded": amount, "payment_record_refund": None, "refund": refund["id"], "type": "refund"}


def void(uow: UnitOfWork, note_id: str, params: Params) -> Json:
    """Void the note. Only one on an open invoice can be voided: returned money stays returned."""
    note = uow.get("credit_note", note_id)
    invoice = uow.known(note["invoice"])
    if note["status"] == "void" or note["type"] != "pre_payment" or invoice["status"] != "open":
        raise invalid("This credit note cannot be voided.", "id")
    note |= {"status": "void", "voided_at": uow.now}
    for name in ("amount_due", "amount_remaining"):
        invoice[name] += note["amount"]
    invoice["pre_payment_credit_notes_amount"] -= note["amount"]
    _ask_for_what_is_due(uow, invoice)
    uow.change(invoice, "invoice.updated")
    return uow.change(note, "credit_note.voided")


def update(uow: UnitOfWork, note_id: str, params: Params) -> Json:
    note = uow.get("credit_note", note_id)
    note["metadata"] = params.metadata(note["metadata"])
    if params.has("memo"):
        note["memo"] = params.text("memo")
    return uow.change(note, "credit_note.updated")


def retrieve(uow: UnitOfWork, note_id: str, params: Params) -> Json:
    return uow.get("credit_note", note_id)


def lines(uow: UnitOfWork, note_id: str, params: Params) -> Json:
    held = uow.get("credit_note", note_id)["lines"]
    return page_of(held["url"], held["data"], params)


def list_all(uow: UnitOfWork, params: Params) -> Json:
    return list_objects(uow, "credit_note", "/v1/credit_notes", params, ("customer", "invoice"))
