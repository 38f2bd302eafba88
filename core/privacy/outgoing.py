"""Checks everything sent to Stripe: no text may reveal a patient's health or identity."""

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any

from core.errors import Refused
from core.privacy.patterns import Kind, kinds_in

# Free text, wherever it stands in an object of Stripe's; everything under metadata and evidence is free text too.
TEXTS = frozenset(
    {
        "comment",
        "description",
        "footer",
        "message",
        "name",
        "note",
        "statement_descriptor",
        "statement_descriptor_suffix",
        "statement_descriptor_prefix",
        "unit_label",
    }
)
FREE = frozenset({"metadata", "evidence", "custom_fields", "custom_text"})
ADDRESSES = frozenset({"success_url", "cancel_url", "return_url", "url"})
# Stripe's own fields for who the customer is; banks ask for them in a dispute.
ABOUT_THE_CUSTOMER = frozenset(
    {
        "billing_address",
        "customer_email_address",
        "customer_name",
        "customer_purchase_ip",
        "shipping_address",
        "shipping_tracking_number",
    }
)
IN_ADDRESSES = frozenset({Kind.EMAIL, Kind.PHONE, Kind.BIRTH_DATE, Kind.CARD})
HEALTH = frozenset({Kind.CLINICAL_WORD, Kind.DIAGNOSIS_CODE, Kind.CARD})
# How callers of the payment API name what Stripe calls otherwise.
CALLERS_NAMES = {"success_url": "options.success_url", "cancel_url": "options.cancel_url"}


class Screen:
    """Refuses private text; `words` gives the clinical words, `today` the day that ages are counted from."""

    def __init__(self, words: Callable[[], frozenset[str]], today: Callable[[], date]):
        self._words = words
        self._today = today

    def __call__(self, params: Mapping[str, Any]) -> None:
        """Raise `Refused` (`private_text`) for the first text that tells too much; the text itself is not repeated."""
        for path, text in texts_of(params):
            if found := self.kinds(path, text):
                field = path.rpartition(".")[2]
                raise Refused(
                    "private_text",
                    f"The {field.replace('_', ' ')} holds {sorted(found)[0]}, which must not be sent to Stripe. "
                    "Leave it out and try again.",
                    facts={"path": CALLERS_NAMES.get(field, field)},
                )

    def kinds(self, path: str, text: str) -> set[Kind]:
        """The kinds of private information in the text of this field."""
        field = path.rpartition(".")[2]
        found = kinds_in(text, self._words(), self._today())
        if field in ADDRESSES:
            return found & IN_ADDRESSES
        return found & HEALTH if field in ABOUT_THE_CUSTOMER else found


def texts_of(params: Mapping[str, Any], path: str = "", free: bool = False) -> Iterator[tuple[str, str]]:
    """Each free text of an object or of a request's parameters, with its path such as `metadata.orderId`."""
    for name, value in params.items():
        here = f"{path}.{name}" if path else name
        inside = free or name in FREE
        for each in value if isinstance(value, list | tuple) else [value]:
            if isinstance(each, Mapping):
                yield from texts_of(each, here, inside)
            elif isinstance(each, str) and each and (inside or name in TEXTS or name in ADDRESSES):
                yield here, each
