"""`python -m core.events.document > docs/events.md`: what becomes of each event type, as the registry has it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from core.events import ignored, projections
from core.events.field_allowlist import fields_of, kinds
from core.events.registry import UNKNOWN_TYPE, ignored_types, projected_types, projection_of

__all__ = ["ignored", "projections", "text"]  # the two modules register every type

OPENING = f"""# Stripe's events

Made by `python -m core.events.document` from the registry; change it there.

Whatever arrives with Stripe's signature is stored once and answered with 200. A type is projected into the mirror, or
stored and ignored for a reason given here. Any other type, and so a thin `v2` event, is stored and ignored as
"{UNKNOWN_TYPE}".
"""
KEPT = """
## What is stored of an event's object

These fields and no other: no name, e-mail, phone, address or client secret, and of a card its brand, last four, expiry
and country. A projection sees nothing else either, so that today's code can project a stored event again. Where an
object stands in the place of an id, its id is stored; a text that is no word or id is not stored. The two texts of the shop's own choice, `metadata.orderId` and
`metadata.patientId`, are stored without what looks like an address, a phone number, a card number or a secret.
"""


def text() -> str:
    """The whole document."""
    return "".join(f"{line}\n" for line in _lines())


def _lines() -> Iterator[str]:
    yield OPENING
    yield "## Projected\n"
    yield from _table(("event types", "by"), _projected())
    yield "\n## Ignored\n"
    yield from _table(("event types", "because"), _ignored())
    yield KEPT
    anything = fields_of("")
    yield from _table(
        ("kind", "fields"),
        [("of any kind", _named(anything))]
        + [(f"`{kind}`", _named(name for name in fields_of(kind) if name not in anything)) for kind in kinds()],
    )


def _projected() -> Iterator[tuple[str, str]]:
    types = defaultdict(list)
    for event_type in projected_types():
        if projection := projection_of(event_type):
            types[projection].append(event_type)
    for projection, of_it in types.items():
        module = projection.__module__.rpartition(".")[2]
        yield _named(of_it), f"`{module}.{projection.__name__}`"


def _ignored() -> Iterator[tuple[str, str]]:
    types = defaultdict(list)
    for event_type, reason in ignored_types().items():
        types[reason].append(event_type)
    for reason, of_it in types.items():
        yield _named(of_it), reason


def _named(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _table(head: tuple[str, str], rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    for cells in (head, ("---", "---"), *rows):
        yield f"| {cells[0]} | {cells[1]} |"


if __name__ == "__main__":
    print(text(), end="")
