"""The parameters of each request, taken from the types of the pinned SDK."""

import re
from ast import literal_eval
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

from stripe import RequestOptions, params

from core.sandbox.engine.errors import StripeError
from core.sandbox.engine.params import Params

# Where the name of the request's type does not follow from its address.
NAMED = {
    "GET account": None,
    "GET invoices/*/lines": "InvoiceListLinesParams",
    "GET customers/*/payment_methods": "CustomerListPaymentMethodsParams",
    "GET customers/*/payment_methods/*": "CustomerRetrievePaymentMethodParams",
    "GET checkout/sessions/*/line_items": "SessionListLineItemsParams",
    "DELETE customers/*/discount": "CustomerDeleteDiscountParams",
    "DELETE subscriptions/*": "SubscriptionCancelParams",
    "GET credit_notes/*/lines": "CreditNoteListLinesParams",
    "GET credit_notes/preview": "CreditNotePreviewParams",
    "POST credit_notes/*/void": "CreditNoteVoidCreditNoteParams",
    "POST invoices/create_preview": "InvoiceCreatePreviewParams",
    "POST invoices/*/finalize": "InvoiceFinalizeInvoiceParams",
    "POST invoices/*/send": "InvoiceSendInvoiceParams",
    "POST invoices/*/void": "InvoiceVoidInvoiceParams",
}
SPACES = ("checkout", "radar")
SINGULAR = {"balance": "Balance", "invoiceitems": "InvoiceItem"}
_NESTED = re.compile(r"\b[A-Z]\w*Params\w+")
_LITERAL = re.compile(r"Literal\[([^\]]*)\]")
NUMBERS, FLAGS = re.compile(r"\d+", re.ASCII), re.compile("true|false")
_OF_THE_SDK = frozenset(RequestOptions.__annotations__)


def check(key: str, sent: Mapping[str, Any]) -> None:
    """Raise Stripe's errors for parameters that the request (`POST refunds`) does not have, and for unlisted values."""
    shape = shape_of(key)
    if shape is None:
        return
    _refuse_unknown(shape, sent)
    for path, value, allowed in _out_of_list(shape, sent, ""):
        listed = ", ".join(allowed[:-1]) + (" or " if len(allowed) > 1 else "") + allowed[-1]
        raise StripeError(400, f"Invalid {path}: must be one of {listed}. You passed {value[:80]}.", param=path)


def refuse_unread(params: Params) -> None:
    """Refuse parameters that Stripe has but that the sandbox does not support, instead of ignoring them."""
    for path in params.unread():
        if path != "expand" and not path.startswith("expand["):
            raise StripeError(
                400, f"The sandbox does not support the parameter {path}.", code="parameter_unknown", param=path
            )


def _refuse_unknown(shape: type, sent: Mapping[str, Any]) -> None:
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
    """The SDK's type of the request's parameters; None if it has none."""
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
    """If a value may have several types, the best matching one counts."""
    return min((list(_unknown(shape, sent, path)) for shape in shapes), key=len)


def _within(value: Any, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(value, Mapping):
        yield path, value
    elif isinstance(value, list):
        for place, item in enumerate(value):
            if isinstance(item, Mapping):
                yield f"{path}[{place}]", item


def _out_of_list(shape: type, sent: Mapping[str, Any], path: str) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Each value outside its parameter's listed values, with the list."""
    fields, choices = _fields(shape), _choices(shape)
    for name, value in sent.items():
        named = f"{path}[{name}]" if path else name
        allowed, others = choices.get(name, ((), None))
        for place, single in _singles(value, named):
            if allowed and single and single not in allowed and not (others and others.fullmatch(single)):
                yield place, single, allowed
        for place, item in _within(value, named):
            for inner in fields.get(name, [])[:1]:
                yield from _out_of_list(inner, item, place)


def _singles(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, list):
        for place, item in enumerate(value):
            if isinstance(item, str):
                yield f"{path}[{place}]", item


@cache
def _choices(shape: type) -> dict[str, tuple[tuple[str, ...], re.Pattern[str] | None]]:
    """The listed values of each parameter, and the pattern of numbers or flags that are allowed besides."""
    found = {}
    for name, annotation in shape.__annotations__.items():
        said = repr(annotation)
        listed = [value for part in _LITERAL.findall(said) for value in literal_eval(f"[{part}]") if value != ""]
        if listed and name not in _OF_THE_SDK:
            numbers, flags = re.search(r"\bint\b", said), re.search(r"\bbool\b", said)
            found[name] = (tuple(map(str, listed)), NUMBERS if numbers else FLAGS if flags else None)
    return found


@cache
def _fields(shape: type) -> dict[str, list[type]]:
    """Each parameter with the types of its nested parameters."""
    home = import_module(shape.__module__)
    found: dict[str, list[type]] = {}
    for name, annotation in shape.__annotations__.items():
        if name in _OF_THE_SDK:
            continue
        said = repr(annotation)
        inner = [getattr(home, nested) for nested in _NESTED.findall(said) if hasattr(home, nested)]
        found[name] = [] if "Dict[" in said else inner
    return found
