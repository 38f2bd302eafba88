"""Free text that a person types is refused with a card number in it, whichever function it is meant for."""

from collections.abc import Iterator, Mapping
from typing import Any

from core.errors import Refused
from core.identifiers import has_card_number

TYPED = frozenset({"reason", "override_reason", "note", "notes", "comment", "text", "sentence", "resolution"})


def refuse_card_numbers(arguments: Mapping[str, Any]) -> None:
    """Raise `Refused` (`card_number`) if a person's action carries a card number; the text is not repeated.

    A call without an actor is the system's own: what it reports must never be lost.
    """
    if "actor" not in arguments:
        return
    for name, text in _typed(arguments):
        if has_card_number(text):
            raise Refused(
                "card_number",
                f"The {name.replace('_', ' ')} contains a card number. Remove it; the last four digits are enough.",
            )


def _typed(arguments: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in arguments.items():
        if isinstance(value, Mapping):
            yield from _typed(value)
        elif isinstance(value, str) and name in TYPED:
            yield name, value
