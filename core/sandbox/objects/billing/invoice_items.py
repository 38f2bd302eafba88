"""Invoice items: pending amounts for a customer's next invoice, including prorations."""

from core.sandbox.engine.errors import Json, invalid, missing_parameter
from core.sandbox.engine.fields import take_flags, take_texts
from core.sandbox.engine.limits import checked_currency
from core.sandbox.engine.lists import list_objects
from core.sandbox.engine.params import Params
from core.sandbox.engine.unit_of_work import UnitOfWork
from core.sandbox.objects import customers
from core.sandbox.objects.billing import invoice_lines, prices
from core.sandbox.objects.billing.amounts import amount_of


def build(
    item_id: str,
    customer: str,
    created: int,
    *,
    amount: int,
    currency: str,
    description: str,
    period: tuple[int, int],
    price: Json | None = None,
    subscription: tuple[str, str] | None = None,
) -> Json:
    """`subscription` is the subscription's id and its item's, for a proration."""
    parent = None
    if subscription is not None:
        details = {"subscription": subscription[0], "subscription_item": subscription[1]}
        parent = {"subscription_details": details, "type": "subscription_details"}
    pricing = price and {
        "price_details": {"price": price["id"], "product": price["product"]},
        "type": "price_details",
        "unit_amount_decimal": price["unit_amount_decimal"],
    }
    return {
        "id": item_id,
        "object": "invoiceitem",
        "amount": amount,
        "currency": currency,
        "customer": customer,
        "date": created,
        "description": description,
        "discountable": subscription is None,
        "discounts": [],
        "invoice": None,
        "livemode": False,
        "metadata": {},
        "net_amount": amount,
        "parent": parent,
        "period": {"end": period[1], "start": period[0]},
        "pricing": pricing,
        "proration": subscription is not None,
        "quantity": 1,
        "tax_rates": [],
        "test_clock": None,
    }


def create(uow: UnitOfWork, params: Params) -> Json:
    customer = customers.retrieve_live(uow, params.must_text("customer"), "customer")
    amount = params.whole("amount")
    price_id = params.under("pricing").text("price")
    price = uow.get("price", price_id, "pricing[price]") if price_id else None
    quantity = params.whole("quantity")
    quantity = 1 if quantity is None else quantity
    if amount is None and price is None:
        raise missing_parameter("amount")
    if amount is not None and price is not None:
        raise invalid("You may only specify one of these parameters: amount, pricing.", "amount")
    item = build(
        uow.ids.new("invoiceitem"),
        customer["id"],
        uow.now,
        amount=amount_of(uow, price, quantity) if price else amount or 0,
        currency=checked_currency(params.text("currency") or (price["currency"] if price else "usd")),
        description=params.text("description") or "",
        period=(uow.now, uow.now),
        price=price,
    )
    item |= {"metadata": params.metadata(), "quantity": quantity}
    take_flags(item, params, ("discountable",))
    if params.has("period"):
        period = params.under("period")
        item["period"] = {"end": period.moment("end"), "start": period.moment("start")}
    invoice_id = params.text("invoice")
    uow.add(item, "invoiceitem.created")
    if invoice_id:
        _add_to_draft(uow, item, uow.get("invoice", invoice_id, "invoice"))
    return item


def add_price(uow: UnitOfWork, customer_id: str, asked: Params) -> Json:
    """One of `add_invoice_items`: a price, once, on the customer's next invoice."""
    if asked.has("price_data"):
        price = prices.create(uow, asked.under("price_data"))
    else:
        price = uow.get("price", asked.must_text("price"), asked.named("price"))
    quantity = asked.whole("quantity")
    item = build(
        uow.ids.new("invoiceitem"),
        customer_id,
        uow.now,
        amount=amount_of(uow, price, 1 if quantity is None else quantity),
        currency=price["currency"],
        description=uow.known(price["product"])["name"],
        period=(uow.now, uow.now),
        price=price,
    )
    item |= {"metadata": asked.metadata(), "quantity": 1 if quantity is None else quantity}
    return uow.add(item, "invoiceitem.created")


def update(uow: UnitOfWork, item_id: str, params: Params) -> Json:
    """Change a pending item; one that is on an invoice can no longer be changed."""
    item = uow.get("invoiceitem", item_id)
    if item["invoice"] is not None:
        raise invalid("You cannot change an invoice item that is on an invoice.", code="invoice_not_editable")
    item["metadata"] = params.metadata(item["metadata"])
    take_texts(item, params, ("description",))
    take_flags(item, params, ("discountable",))
    if params.has("amount"):
        item["amount"] = item["net_amount"] = params.whole("amount") or 0
    return uow.change(item, "invoiceitem.updated")


def _add_to_draft(uow: UnitOfWork, item: Json, invoice: Json) -> None:
    if invoice["status"] != "draft":
        raise invalid(
            "Invoice is already finalized, so items cannot be added to it.", "invoice", "invoice_not_editable"
        )
    line = _take(uow, item, invoice["id"])
    lines = [*invoice["lines"]["data"], line]
    shares = invoice_lines.taken_off_all(uow, invoice["discounts"], lines, invoice["currency"])
    uow.change(invoice_lines.total_up(invoice, lines, shares), "invoice.updated")


def take_pending(uow: UnitOfWork, customer_id: str, invoice_id: str, currency: str) -> list[Json]:
    """The customer's pending items as lines of this invoice."""
    waiting = [
        item
        for item in uow.all("invoiceitem", "customer", customer_id)
        if item["invoice"] is None and item["currency"] == currency
    ]
    return [_take(uow, item, invoice_id) for item in reversed(waiting)]


def _take(uow: UnitOfWork, item: Json, invoice_id: str) -> Json:
    item["invoice"] = invoice_id
    uow.change(item)
    origin = item["parent"] and item["parent"]["subscription_details"]
    parent = origin and invoice_lines.of_subscription(
        origin["subscription"], origin["subscription_item"], proration=True
    )
    return {
        "id": uow.ids.new("line_item"),
        "object": "line_item",
        "amount": item["amount"],
        "currency": item["currency"],
        "description": item["description"],
        "discount_amounts": [],
        "discountable": item["discountable"],
        "discounts": [],
        "invoice": invoice_id,
        "livemode": False,
        "metadata": item["metadata"],
        "parent": parent or {"invoice_item_details": {"invoice_item": item["id"]}, "type": "invoice_item_details"},
        "period": item["period"],
        "pretax_credit_amounts": [],
        "pricing": item["pricing"],
        "quantity": item["quantity"],
        "subtotal": item["amount"],
        "taxes": [],
    }


def delete(uow: UnitOfWork, item_id: str, params: Params) -> Json:
    item = uow.get("invoiceitem", item_id)
    if item["invoice"] is not None:
        raise invalid("You cannot delete an invoice item that is on an invoice.", code="invoice_not_editable")
    uow.announce("invoiceitem.deleted", item)
    item["deleted"] = True
    uow.change(item)
    return {"id": item_id, "object": "invoiceitem", "deleted": True}


def retrieve(uow: UnitOfWork, item_id: str, params: Params) -> Json:
    return uow.get("invoiceitem", item_id)


def list_all(uow: UnitOfWork, params: Params) -> Json:
    wants_pending = params.text("pending")
    keep = (lambda item: (item["invoice"] is None) == (wants_pending == "true")) if wants_pending else None
    return list_objects(uow, "invoiceitem", "/v1/invoiceitems", params, ("customer", "invoice"), keep)
