"""Which parameters each of Stripe's requests takes, as the SDK's types of the pinned version have them."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

from stripe import RequestOptions, params

from core.sandbox.engine.errors import StripeError

# Where the name of the request's type does not follow from its address.
NAMED = {
    "GET account": None,
    "GET invoices/*/lines": "InvoiceListLinesParams",
    "GET customers/*/payment_methods": "CustomerListPaymentMethodsParams",
    "GET customers/*/payment_methods/*": "CustomerRetrievePaymentMethodParams",
    "GET checkout/sessions/*/line_items": "SessionListLineItemsParams",
    "DELETE customers/*/discount": "CustomerDeleteDiscountParams",
    "DELETE subscriptions/*": "SubscriptionCancelParams",
    "POST invoices/*/finalize": "InvoiceFinalizeInvoiceParams",
    "POST invoices/*/send": "InvoiceSendInvoiceParams",
    "POST invoices/*/void": "InvoiceVoidInvoiceParams",
}
SPACES = ("checkout", "radar")
SINGULAR = {"balance": "Balance", "invoiceitems": "InvoiceItem"}
_NESTED = re.compile(r"\b[A-Z]\w*Params\w+")
_OF_THE_SDK = frozenset(RequestOptions.__annotations__)


def refuse_unknown(key: str, sent: Mapping[str, Any]) -> None:
    """Raises Stripe's refusal where the request of this address (`POST refunds`) takes no such parameter."""
    shape = shape_of(key)
    if shape is None:
        return
    unknown = [name for name in _unknown(shape, sent, "") if name != "expand"]
    if "payment_method_types" in unknown:
        raise StripeError(
            400,
            "The `payment_method_types` parameter is no longer supported on this API version. Use "
            "`allowed_payment_method_types` or `excluded_payment_method_types` instead.",
            code="payment_method_types_no_longer_supported",
            param="payment_method_types",
        )
    if unknown:
        noun = "parameter" if len(unknown) == 1 else "parameters"
        raise StripeError(
            400, f"Received unknown {noun}: {', '.join(unknown)}", code="parameter_unknown", param=unknown[0]
        )


@cache
def shape_of(key: str) -> type | None:
    """The SDK's type of the request; None where it takes none."""
    method, path = key.split(" ", 1)
    space, _, rest = path.partition("/")
    module: ModuleType = getattr(params, space) if space in SPACES else params
    name = NAMED[key] if key in NAMED else _name(method, rest if space in SPACES else path)
    shape: type | None = getattr(module, name) if name else None
    return shape


def _name(method: str, path: str) -> str:
    resource, *rest = path.split("/")
    noun = SINGULAR.get(resource) or _camel(resource.removesuffix("s"))
    if method == "DELETE":
        verb = "Delete"
    elif method == "POST":
        verb = {0: "Create", 1: "Update"}.get(len(rest)) or _camel(rest[-1])
    elif rest:
        verb = "Search" if rest == ["search"] else "Retrieve"
    else:
        verb = "Retrieve" if resource == "balance" else "List"
    return f"{noun}{verb}Params"


def _camel(words: str) -> str:
    return "".join(word.capitalize() for word in words.split("_"))


def _unknown(shape: type, sent: Mapping[str, Any], path: str) -> Iterator[str]:
    fields = _fields(shape)
    for name, value in sent.items():
        named = f"{path}[{name}]" if path else name
        if name not in fields:
            yield named
            continue
        inner = fields[name]
        for place, item in _within(value, named):
            if inner:
                yield from _unknown_in_any(inner, item, place)


def _unknown_in_any(shapes: list[type], sent: Mapping[str, Any], path: str) -> list[str]:
    """Of several shapes that a value may have, the one that fits best counts."""
    return min((list(_unknown(shape, sent, path)) for shape in shapes), key=len)


def _within(value: Any, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(value, Mapping):
        yield path, value
    elif isinstance(value, list):
        for place, item in enumerate(value):
            if isinstance(item, Mapping):
                yield f"{path}[{place}]", item


@cache
def _fields(shape: type) -> dict[str, list[type]]:
    """Each parameter with the shapes of what is in it; none where anything may be."""
    home = import_module(shape.__module__)
    found: dict[str, list[type]] = {}
    for name, annotation in shape.__annotations__.items():
        if name in _OF_THE_SDK:
            continue
        said = repr(annotation)
        inner = [getattr(home, nested) for nested in _NESTED.findall(said) if hasattr(home, nested)]
        found[name] = [] if "Dict[" in said else inner
    return found
