"""Events in words: what became of one, how long it took, what it told and changed."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from core.events.registry import ignored_types, projected_types
from core.events.repair.backfill import FETCHED
from core.events.replay import Preview, Written
from core.money import Money
from core.periods import span_in_words

Row = Mapping[str, Any]
OUTCOMES = {
    "applied": "Applied",
    "ignored": "Ignored",
    "quarantined": "Quarantined",
    "failed": "Failed, will be retried",
    "dead": "Dead, needs attention",
}
CAME_BY = {"webhook": "Stripe's webhook", "sweep": "our sweep of Stripe's events"}
BAD = frozenset({"quarantined", "failed", "dead"})
HANDLING_TARGET_MS = 500
SHOWN_CHANGES = 3
_EFFECTS = {
    "adds": "Not in the mirror.",
    "changes": "Today's code reads it differently than the mirror has it.",
    "leaves": "The mirror has it so.",
    "older": "The mirror has something newer",
}
_OF_THE_ROW = frozenset({"id", "livemode", "as_of", "state_rank", "event_id", "tied"})


@dataclass(frozen=True)
class Told:
    """One row of the mirror that an event told of: what it is, how the mirror stands to it, and its fields in words.

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
    """`3.4 ms`, `820 ms`, `2.5 s`, `4 minutes`; nothing for no time known."""
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
    """What the list of events can be cut down to: families first, then the types that we know or that came."""
    types = sorted({*seen, *projected_types(), *ignored_types()})
    families = sorted({f"{event_type.rpartition('.')[0]}.*" for event_type in types if "." in event_type})
    return [*families, *types]


def sentence(figures: Row, now: datetime, *, cut_down: bool = False) -> str:
    """What somebody who opens the inbox wants to know first; `cut_down` where the figures are of some events alone."""
    waiting = figures["unapplied"]
    if waiting["events"]:
        since = span_in_words(now - datetime.fromisoformat(waiting["oldest"]))
        return f"{counted(waiting['events'])} could not be applied; the oldest has been waiting for {since}"
    if not figures["events"]:
        return (
            "No event matches in this period"
            if cut_down
            else "No events arrived in this period, and none is waiting to be applied"
        )
    aside = figures["outcomes"].get("quarantined", 0)
    less = f", {aside:,} quarantined" if aside else ""
    came = "match" if cut_down else "arrived"
    if figures["events"] == 1:
        return f"1 event {'matches' if cut_down else came}, and it is handled{less}"
    return f"{counted(figures['events'])} {came}, and all are handled{less}"


@dataclass(frozen=True)
class Cell:
    """One figure of the inbox: the value, what stands beside it, and what it means."""

    title: str
    value: str
    beside: str
    meaning: str


def cells(figures: Row) -> list[Cell]:
    """The figures of the inbox for the days looked at; what waits is as of now."""

    def quick(name: str) -> tuple[str, str]:
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
            *quick("delay"),
            "Median time from the event at Stripe (in whole seconds) to its arrival here.",
        ),
        Cell(
            "Handled in",
            *quick("handling"),
            f"Median time from arrival to the end of the first attempt. The target is under {HANDLING_TARGET_MS} ms.",
        ),
        Cell(
            "Not applied by now",
            f"{figures['unapplied']['events']:,}",
            "failed or dead",
            "All events that could not be applied: failed ones are retried, dead ones need attention.",
        ),
    ]


def counted(events: int) -> str:
    return "1 event" if events == 1 else f"{events:,} events"


def told(records: Mapping[str, Sequence[Row]], written: Sequence[Written], zone: ZoneInfo) -> list[Told]:
    """The rows that an event made, each beside what the mirror has."""
    effects = {(each.table, each.id): each for each in written}
    found = []
    for table, rows in records.items():
        for row in rows:
            each = effects[table, row["id"]]
            effect = _EFFECTS[each.effect]
            if each.effect == "older":
                effect += ", as fetched from Stripe." if each.held_from == FETCHED else f", told by {each.held_from}."
            if each.fields:
                effect += f" It would change {', '.join(_name(field) for field in each.fields)}."
            fields = [
                (_name(name), _value(name, value, row, zone))
                for name, value in row.items()
                if name not in _OF_THE_ROW and value is not None
            ]
            ids = [_name(name) for name in row if name.endswith("_id")]
            found.append(Told(_name(table.removesuffix("s")), row["id"], effect, fields, ids))
    return found


def changes(event: Row) -> list[Change]:
    """What Stripe says it changed, of the fields that are kept."""
    payload = event["payload"]
    return list(_changes(payload.get("previous_attributes") or {}, payload.get("object") or {}, ""))


def changes_in_short(event: Row) -> str:
    """The first few of `changes` in a line; nothing for an event that says none."""
    found = changes(event) if event.get("payload") else []
    more = f", and {len(found) - SHOWN_CHANGES} more" if len(found) > SHOWN_CHANGES else ""
    return ", ".join(f"{each.field}: {each.before} → {each.after}" for each in found[:SHOWN_CHANGES]) + more


def effects_in_words(preview: Preview) -> list[str]:
    """What a replay would do, a line each."""
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
        lines.append(f"{_rows(counts['leaves']).capitalize()} left as the mirror has them.")
    if counts["older"]:
        lines.append(f"{_rows(counts['older']).capitalize()} left alone, since the mirror has something newer.")
    return lines


def _rows(count: int) -> str:
    return "1 row is" if count == 1 else f"{count:,} rows are"


def _changes(before: Any, after: Any, path: str) -> Iterator[Change]:
    for name, old in before.items():
        new = after.get(name) if isinstance(after, dict) else None
        here = f"{path}.{name}" if path else name
        if isinstance(old, dict):
            yield from _changes(old, new, here)
        else:
            yield Change(here, _plainly(old), _plainly(new))


def _plainly(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return f"{len(value)} listed"
    return str(value)


def _name(field: str) -> str:
    words = field.removesuffix("_minor").removesuffix("_id").replace("_", " ")
    return words[:1].upper() + words[1:]


def _value(name: str, value: Any, row: Row, zone: ZoneInfo) -> str:
    if name.endswith("_minor") and isinstance(value, int) and row.get("currency"):
        return str(Money(value, row["currency"]))
    if isinstance(value, str) and "T" in value:
        try:
            return f"{datetime.fromisoformat(value).astimezone(zone):%Y-%m-%d %H:%M:%S %Z}"
        except ValueError:
            return value
    return _plainly(value)
