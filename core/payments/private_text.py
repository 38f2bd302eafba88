"""Free text that staff type: card numbers are refused, e-mail addresses and phone numbers warned about."""

from core.errors import Refused
from core.identifiers import has_card_number
from core.logs import REDACTED, redacted


def refuse(text: str | None, subject: str) -> None:
    """Raise `Refused` (`card_number`) if the text contains a card number; the text is not repeated."""
    if has_card_number(text or ""):
        raise Refused("card_number", f"{subject} contains a card number. Remove it; the last four digits are enough.")


def warning(text: str | None) -> str:
    """A warning about private data in this text; empty if it can be stored as it is."""
    if has_card_number(text or ""):
        return "This contains a card number. Remove it; the last four digits are enough."
    if REDACTED in redacted(text or ""):
        return "This looks like it contains an e-mail address or a phone number. Remove what is not needed."
    return ""
