"""Plain parameters that become a field of the same name: texts, whole numbers, flags, lists, addresses."""

import re
from collections.abc import Iterable

from core.sandbox.engine.errors import Json, invalid
from core.sandbox.engine.params import Params

ADDRESS_FIELDS = ("city", "country", "line1", "line2", "postal_code", "state")
WEB_ADDRESS = re.compile(r"https?://[^\s/?#.]+(\.[^\s/?#.]+)*(:\d+)?([/?#]\S*)?", re.ASCII)


def take_texts(obj: Json, params: Params, names: Iterable[str]) -> None:
    """Take each of these texts that was sent; an empty value unsets it."""
    for name in names:
        if params.has(name):
            obj[name] = params.text(name)


def take_flags(obj: Json, params: Params, names: Iterable[str]) -> None:
    for name in names:
        if params.has(name):
            obj[name] = params.flag(name)


def take_wholes(obj: Json, params: Params, names: Iterable[str]) -> None:
    for name in names:
        if params.has(name):
            obj[name] = params.whole(name)


def take_lists(obj: Json, params: Params, names: Iterable[str]) -> None:
    for name in names:
        if params.has(name):
            obj[name] = params.strings(name)


def take_shipping(obj: Json, params: Params) -> None:
    """Take `shipping`: the address and the recipient."""
    if params.has("shipping"):
        asked = params.under("shipping")
        obj["shipping"] = shipping(asked) if asked.raw else None


def shipping(asked: Params) -> Json:
    return {
        "address": address(asked.under("address")),
        "carrier": asked.text("carrier"),
        "name": asked.must_text("name"),
        "phone": asked.text("phone"),
        "tracking_number": asked.text("tracking_number"),
    }


def address(asked: Params) -> Json:
    return {name: asked.text(name) for name in ADDRESS_FIELDS}


def web_address(params: Params, name: str) -> str | None:
    """A parameter that is a page's address: Stripe refuses one without a scheme or host."""
    value = params.text(name)
    if value is not None and WEB_ADDRESS.fullmatch(value) is None:
        raise invalid("Not a valid URL", params.named(name), "url_invalid")
    return value
