"""Texts about events: outcomes, durations, the rows that an event gives, and what it changed."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from core.events.registry import ignored_types, projected_types
from core.events.repair.backfill import FETCHED
from core.events.replay import Preview, RowEffect
from core.money import Money
from core.periods import span_in_words

Row = Mapping[str, Any]
OUTCOMES = {
    "recorded": "Recorded, about to be applied",
    "applied": "Applied",
    "ignored": "Ignored",
    "quarantined": "Quarantined",
    "failed": "Failed, will be retried",
    "dead": "Dead, needs attention",
}
CAME_BY = {"webhook": "Webhook", "sweep": "Hourly sweep for missed events"}
PROBLEMS = frozenset({"quarantined", "failed", "dead"})
HANDLING_TARGET_MS = 500
SHOWN_CHANGES = 3
_EFFECTS = {
    "adds": "Not in the mirror.",
    "changes": "Today's code gives different values than the mirror has.",
    "leaves": "Same as in the mirror.",
    "older": "The mirror has a newer version",
}
_NOT_SHOWN = frozenset({"id", "livemode", "as_of", "state_rank", "event_id", "tied"})


@dataclass(frozen=True)
class DescribedRow:
    """One mirror row that an event gives: its title, how it compares with the mirror, and its fields as text.

    `ids` are the names of the fields that are ids.
    """

    title: str
    id: str
    effect: str
    fields: list[tuple[str, str]]
    ids: list[str]


@dataclass(frozen=True)
class Change:
    """A field that Stripe says the event changed."""

    field: str
    before: str
    after: str


def duration(milliseconds: float | None) -> str:
    """`3.4 ms`, `820 ms`, `2.5 s`, `4 minutes`; empty for None."""
    if milliseconds is None:
        return ""
    if milliseconds < 10:
        return f"{milliseconds:.1f} ms"
    if milliseconds < 1_000:
        return f"{milliseconds:.0f} ms"
    if milliseconds < 60_000:
        return f"{milliseconds / 1000:.1f} s"
    return span_in_words(timedelta(milliseconds=milliseconds))


def type_choices(seen: Iterable[str]) -> list[str]:
    """The choices of the type filter: families first, then every known or received type."""
    types = sorted({*seen, *projected_types(), *ignored_types()})
    families = sorted({f"{event_type.rpartition('.')[0]}.*" for event_type in types if "." in event_type})
    return [*families, *types]


def sentence(figures: Row, now: datetime, *, filtered: bool = False) -> str:
    """The opening sentence of the inbox; `filtered` if the figures are about some events only."""
    waiting = figures["unapplied"]
    if waiting["events"]:
        since = span_in_words(now - datetime.fromisoformat(waiting["oldest"]))
        return f"{counted(waiting['events'])} could not be applied; the oldest has been waiting for {since}"
    if not figures["events"]:
        return (
            "No event matches in this period"
            if filtered
            else "No events arrived in this period, and none is waiting to be applied"
        )
    aside = figures["outcomes"].get("quarantined", 0)
    less = f", {aside:,} quarantined" if aside else ""
    came = "match" if filtered else "arrived"
    if figures["events"] == 1:
        return f"1 event {'matches' if filtered else came} and is handled{less}"
    return f"{counted(figures['events'])} {came}, all of them handled{less}"


@dataclass(frozen=True)
class Cell:
    """One figure of the inbox: its value, a note beside it, and its meaning."""

    title: str
    value: str
    beside: str
    meaning: str


def cells(figures: Row) -> list[Cell]:
    """The figures of the inbox for the chosen days; events not applied are counted as of now."""

    def durations(name: str) -> tuple[str, str]:
        found = figures[name]
        if not found["n"]:
            return "no events", ""
        return duration(found["p50_ms"]), f"95% within {duration(found['p95_ms'])}"

    types = len(figures["types"])
    return [
        Cell(
            "Received",
            f"{figures['events']:,}",
            "1 type" if types == 1 else f"{types} types",
            "Events received in this period, each counted once.",
        ),
        Cell(
            "Delivery delay",
            *durations("delay"),
            "Median time from the event at Stripe (in whole seconds) to its arrival here.",
        ),
        Cell(
            "Handled in",
            *durations("handling"),
            f"Median time from arrival to the end of the first attempt. The target is under {HANDLING_TARGET_MS} ms.",
        ),
        Cell(
            "Not applied yet",
            f"{figures['unapplied']['events']:,}",
            "failed or dead",
            "All events that could not be applied: failed ones are retried, dead ones need attention.",
        ),
    ]


def counted(events: int) -> str:
    return "1 event" if events == 1 else f"{events:,} events"


def described(records: Mapping[str, Sequence[Row]], written: Sequence[RowEffect], zone: ZoneInfo) -> list[DescribedRow]:
    """The rows that an event gives, each compared with the mirror."""
    effects = {(each.table, each.id): each for each in written}
    found = []
    for table, rows in records.items():
        for row in rows:
            each = effects[table, row["id"]]
            effect = _EFFECTS[each.effect]
            if each.effect == "older":
                effect += ", fetched from Stripe." if each.held_from == FETCHED else f", from event {each.held_from}."
            if each.fields:
                effect += f" It would change {', '.join(_name(field) for field in each.fields)}."
            fields = [
                (_name(name), _value(name, value, row, zone))
                for name, value in row.items()
                if name not in _NOT_SHOWN and value is not None
            ]
            ids = [_name(name) for name in row if name.endswith("_id")]
            found.append(DescribedRow(_name(table.removesuffix("s")), row["id"], effect, fields, ids))
    return found


def changes(event: Row) -> list[Change]:
    """What Stripe says the event changed, of the stored fields."""
    payload = event["payload"]
    after = payload.get("object") or {}
    return list(_changes(payload.get("previous_attributes") or {}, after, "", after.get("currency")))


def changes_in_short(event: Row) -> str:
    """The first few changes in a line; empty for an event without changes."""
    found = changes(event) if event.get("payload") else []
    more = f", and {len(found) - SHOWN_CHANGES} more" if len(found) > SHOWN_CHANGES else ""
    return ", ".join(f"{each.field}: {each.before} → {each.after}" for each in found[:SHOWN_CHANGES]) + more


def effects_in_words(preview: Preview) -> list[str]:
    """What a replay would do, one line for each kind of effect."""
    counts = {effect: sum(row.effect == effect for row in preview.rows) for effect in _EFFECTS}
    outcomes = ", ".join(f"{count:,} {OUTCOMES[name].lower()}" for name, count in sorted(preview.outcomes.items()))
    lines = [f"{counted(preview.events)}: {outcomes}." if preview.events else "No event matches."]
    if counts["adds"] or counts["changes"]:
        done = [
            f"{_rows(counts[effect])} {word}"
            for effect, word in (("adds", "added"), ("changes", "changed"))
            if counts[effect]
        ]
        lines.append(f"In the mirror {' and '.join(done)}.")
    elif preview.rows:
        lines.append("Nothing changes in the mirror.")
    if counts["leaves"]:
        lines.append(f"{_rows(counts['leaves']).capitalize()} equal already.")
    if counts["older"]:
        lines.append(f"{_rows(counts['older']).capitalize()} left alone, because the mirror has a newer version.")
    return lines


def _rows(count: int) -> str:
    return "1 row is" if count == 1 else f"{count:,} rows are"


def _changes(before: Any, after: Any, path: str, currency: str | None) -> Iterator[Change]:
    for name, old in before.items():
        new = after.get(name) if isinstance(after, dict) else None
        here = f"{path}.{name}" if path else name
        if isinstance(old, dict):
            yield from _changes(old, new, here, currency)
        elif name.startswith("amount") and currency and isinstance(old, int) and isinstance(new, int):
            yield Change(here, str(Money(old, currency)), str(Money(new, currency)))
        else:
            yield Change(here, _value_in_words(old), _value_in_words(new))


def _value_in_words(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return f"{len(value)} in a list"
    return str(value)


def _name(field: str) -> str:
    words = field.removesuffix("_minor").removesuffix("_id").replace("_", " ")
    return words[:1].upper() + words[1:]


def _value(name: str, value: Any, row: Row, zone: ZoneInfo) -> str:
    if name.endswith("_minor") and isinstance(value, int) and row.get("currency"):
        return str(Money(value, row["currency"]))
    if isinstance(value, str) and "T" in value:
        try:
            return f"{datetime.fromisoformat(value).astimezone(zone):%-d %b %Y, %H:%M:%S %Z}"
        except ValueError:
            return value
    return _value_in_words(value)
