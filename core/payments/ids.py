"""The formats of Stripe's IDs. A value that does not match is refused before it is stored or sent to Stripe."""

import re

from core.errors import Refused
from core.identifiers import has_card_number

PAYMENT_INTENT, INVOICE, SUBSCRIPTION = (
    r"^pi_[A-Za-z0-9_]{1,100}$",
    r"^in_[A-Za-z0-9_]{1,100}$",
    r"^sub_[A-Za-z0-9_]{1,100}$",
)
PAYMENT_METHOD = r"^(pm|card|src|ba)_[A-Za-z0-9_]{1,100}$"
PRICE = r"^(price|plan)_[A-Za-z0-9_]{1,100}$"
CUSTOMER = r"^cus_[A-Za-z0-9_]{1,100}$"
SESSION = r"^cs_[A-Za-z0-9_]{1,200}$"
DISPUTE = r"^(dp|du|pdp)_[A-Za-z0-9_]{1,100}$"
_STARTS = {
    PAYMENT_INTENT: "pi_",
    INVOICE: "in_",
    SUBSCRIPTION: "sub_",
    PAYMENT_METHOD: "pm_",
    PRICE: "price_",
    CUSTOMER: "cus_",
    SESSION: "cs_",
    DISPUTE: "dp_",
}


def fits(value: str, shape: str) -> bool:
    """Whether the value is an ID of this format, and no card number behind its prefix."""
    if re.fullmatch(shape, value, re.ASCII) is None or not value.isascii() or value.endswith("\n"):
        return False
    return not has_card_number(value)


def expected(shape: str) -> str:
    """What an ID of this format looks like, in a sentence that does not repeat the value."""
    return f"Send a Stripe ID that begins with {_STARTS[shape]}."


def require(value: str, shape: str, subject: str) -> None:
    """Raise `Refused` (`bad_id`) unless the value has this format."""
    if not fits(value, shape):
        raise Refused("bad_id", f"{subject} needs an ID from Stripe that begins with {_STARTS[shape]}.")
