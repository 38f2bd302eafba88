"""Refuses card numbers in text that a user typed, for every function of the database."""

from collections.abc import Iterator, Mapping
from typing import Any

from core.errors import Refused
from core.identifiers import has_card_number

TYPED = frozenset({"reason", "override_reason", "note", "notes", "comment", "text", "sentence", "resolution"})


def refuse_card_numbers(arguments: Mapping[str, Any]) -> None:
    """Raise `Refused` (`card_number`), without the text, if a call with an actor has a card number in its arguments.

    A call without an actor is the system's own report, such as an incident, and must not be lost.
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
