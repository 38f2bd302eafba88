"""The settings for collecting and billing a subscription, shared by creating and updating one."""

from core.sandbox.engine.errors import Json, invalid
from core.sandbox.engine.fields import take_texts
from core.sandbox.engine.params import Params
from core.sandbox.engine.unit_of_work import UnitOfWork
from core.sandbox.objects.billing import invoice_items
from core.sandbox.objects.payments import payment_methods


def take(uow: UnitOfWork, subscription: Json, params: Params) -> None:
    """Take these settings; the caller stores and announces the subscription."""
    subscription["metadata"] = params.metadata(subscription["metadata"])
    take_texts(subscription, params, ("description",))
    _take_collection(subscription, params)
    _take_payment_method(uow, subscription, params)
    saves = params.under("payment_settings").text("save_default_payment_method")
    if saves:
        subscription["payment_settings"]["save_default_payment_method"] = saves
    missing = params.under("trial_settings").under("end_behavior").text("missing_payment_method")
    if missing == "pause":
        raise invalid("The sandbox cannot pause a trial that ends.", "trial_settings[end_behavior]")
    if missing:
        subscription["trial_settings"] = {"end_behavior": {"missing_payment_method": missing}}
    _add_invoice_items(uow, subscription, params)


def _take_collection(subscription: Json, params: Params) -> None:
    """Take the collection method: sent invoices have `days_until_due`, automatically charged ones do not."""
    method = params.text("collection_method") or subscription["collection_method"]
    days = params.whole("days_until_due")
    if days is not None and method != "send_invoice":
        raise invalid("You can only set `days_until_due` if `collection_method` is `send_invoice`.", "days_until_due")
    if days is not None and days < 0:
        raise invalid("Invalid non-negative integer", "days_until_due", "parameter_invalid_integer")
    due = subscription["days_until_due"] if days is None else days
    if method == "send_invoice" and due is None:
        due = 30
    subscription |= {"collection_method": method, "days_until_due": due if method == "send_invoice" else None}


def _take_payment_method(uow: UnitOfWork, subscription: Json, params: Params) -> None:
    if not params.has("default_payment_method"):
        return
    given = params.text("default_payment_method")
    if given is None:
        subscription["default_payment_method"] = None
        return
    method = payment_methods.resolve(uow, given, subscription["customer"], "default_payment_method")
    if method["customer"] != subscription["customer"]:
        raise invalid(
            f"The customer does not have a payment method with the ID {method['id']}. The payment method must be "
            "attached to the customer.",
            "default_payment_method",
            "resource_missing",
        )
    subscription["default_payment_method"] = method["id"]


def _add_invoice_items(uow: UnitOfWork, subscription: Json, params: Params) -> None:
    """Add amounts to the next invoice, which for a new subscription is its first."""
    for asked in params.each("add_invoice_items"):
        invoice_items.add_price(uow, subscription["customer"], asked)
