"""Free text that staff type: card numbers are refused, e-mail addresses and phone numbers warned about."""

from core.errors import Refused
from core.identifiers import has_card_number
from core.logs import REDACTED, redacted


def refuse(text: str | None, subject: str) -> None:
    """Raise `Refused` (`card_number`) where the text holds a card number; nothing of the text is repeated."""
    if has_card_number(text or ""):
        raise Refused("card_number", f"{subject} holds a card number. Leave it out; the last four digits are enough.")


def warning(text: str | None) -> str:
    """What to tell whoever types this, in a sentence; empty for text that can be stored as it is."""
    if has_card_number(text or ""):
        return "This holds a card number. Leave it out; the last four digits are enough."
    if REDACTED in redacted(text or ""):
        return "This looks like it holds an e-mail address or a phone number. Leave out what is not needed."
    return ""
