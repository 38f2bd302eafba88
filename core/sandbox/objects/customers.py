"""Customers, found by e-mail or by the patient's id in their metadata."""

from core.sandbox.engine.errors import Json, no_such
from core.sandbox.engine.fields import address, take_lists, take_shipping, take_texts, take_wholes
from core.sandbox.engine.lists import list_objects, search_objects
from core.sandbox.engine.params import Params
from core.sandbox.engine.unit_of_work import UnitOfWork
from core.sandbox.objects.payments import payment_methods

DEFAULT_METHOD = "invoice_settings[default_payment_method]"


def build(customer_id: str, created: int, *, email: str | None, name: str | None, metadata: Json, prefix: str) -> Json:
    """A customer; `prefix` begins the numbers of their invoices."""
    return {
        "id": customer_id,
        "object": "customer",
        "address": None,
        "balance": 0,
        "business_name": None,
        "created": created,
        "currency": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": email,
        "individual_name": None,
        "invoice_prefix": prefix,
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": metadata,
        "name": name,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }


def create(uow: UnitOfWork, params: Params) -> Json:
    customer = build(
        uow.ids.new("customer"),
        uow.now,
        email=params.text("email"),
        name=params.text("name"),
        metadata=params.metadata(),
        prefix=uow.ids.letters(8).upper(),
    )
    _take(uow, customer, params)
    uow.add(customer, "customer.created")
    given = params.text("payment_method")
    if given:
        method = payment_methods.attach(uow, given, Params({"customer": customer["id"]}))
        _default_to(uow, customer, params, method["id"])
    elif params.under("invoice_settings").has("default_payment_method"):
        _default_to(uow, customer, params, None)
    return customer


def update(uow: UnitOfWork, customer_id: str, params: Params) -> Json:
    customer = retrieve_live(uow, customer_id)
    for name in ("email", "name"):
        if params.has(name):
            customer[name] = params.text(name)
    customer["metadata"] = params.metadata(customer["metadata"])
    _take(uow, customer, params)
    chosen = params.under("invoice_settings")
    if chosen.has("default_payment_method"):
        given = chosen.text("default_payment_method")
        method = payment_methods.resolve(uow, given, customer_id, DEFAULT_METHOD) if given else None
        customer["invoice_settings"]["default_payment_method"] = method["id"] if method else None
    return uow.change(customer, "customer.updated")


def retrieve(uow: UnitOfWork, customer_id: str, params: Params) -> Json:
    """A deleted one is answered as Stripe does: its id and that it is deleted."""
    return uow.get("customer", customer_id)


def retrieve_live(uow: UnitOfWork, customer_id: str, param: str = "id") -> Json:
    customer = uow.get("customer", customer_id, param)
    if customer.get("deleted"):
        raise no_such("customer", customer_id, param)
    return customer


def delete(uow: UnitOfWork, customer_id: str, params: Params) -> Json:
    """Delete a customer: their subscriptions end at once, their payments stay."""
    customer = retrieve_live(uow, customer_id)
    uow.follow_up("customer_deleted", customer)
    uow.announce("customer.deleted", customer)
    gone = {"id": customer_id, "object": "customer", "deleted": True}
    customer.clear()
    customer.update(gone)
    uow.change(customer)
    return customer


def drop_discount(uow: UnitOfWork, customer: Json) -> None:
    """Remove the customer's discount."""
    uow.announce("customer.discount.deleted", customer["discount"])
    customer["discount"] = None
    uow.change(customer, "customer.updated")


def delete_discount(uow: UnitOfWork, customer_id: str, params: Params) -> Json:
    customer = retrieve_live(uow, customer_id)
    if customer["discount"] is None:
        raise no_such("discount", customer_id)
    gone = {**customer["discount"], "deleted": True}
    drop_discount(uow, customer)
    return gone


def list_all(uow: UnitOfWork, params: Params) -> Json:
    return list_objects(uow, "customer", "/v1/customers", params, ("email", "test_clock"))


def search(uow: UnitOfWork, params: Params) -> Json:
    return search_objects(uow, "customer", "/v1/customers/search", params)


def _take(uow: UnitOfWork, customer: Json, params: Params) -> None:
    take_texts(customer, params, ("business_name", "description", "individual_name", "invoice_prefix", "phone"))
    take_wholes(customer, params, ("balance", "next_invoice_sequence"))
    take_lists(customer, params, ("preferred_locales",))
    take_shipping(customer, params)
    if params.has("tax_exempt"):
        customer["tax_exempt"] = params.text("tax_exempt") or "none"
    if params.has("address"):
        asked = params.under("address")
        customer["address"] = address(asked) if asked.raw else None
    take_texts(customer["invoice_settings"], params.under("invoice_settings"), ("footer",))
    if params.has("next_invoice_sequence"):
        uow.hide(f"invoices:{customer['id']}", {"next": customer["next_invoice_sequence"]})


def _default_to(uow: UnitOfWork, customer: Json, params: Params, attached: str | None) -> None:
    chosen = params.under("invoice_settings").text("default_payment_method")
    if chosen is None:
        return
    method = attached if chosen.startswith("pm_card_") and attached else chosen
    if attached is None:
        payment_methods.check_exists(uow, chosen, DEFAULT_METHOD)
        method = payment_methods.attach(uow, chosen, Params({"customer": customer["id"]}))["id"]
    customer["invoice_settings"]["default_payment_method"] = method
    uow.change(customer, "customer.updated")
