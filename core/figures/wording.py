"""Figures and their changes in words, the same on a page, in a report, in an alert and from the command line."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import floor
from typing import Any, Literal

from core.figures.definition import Better, Definition, Unit
from core.figures.definitions import METRICS
from core.money import Money

FEW = 30
SMALL_RATE = 0.02
NBSP = "\N{NO-BREAK SPACE}"
Figure = dict[str, Any]


@dataclass(frozen=True)
class Change:
    """How a figure moved since the period before: `down 1.2 points`, and what from: `from 98.3%`.

    `good` is None where neither way is better, or nothing moved.
    """

    words: str
    base: str
    direction: Literal["up", "down", "same"]
    good: bool | None = None

    def __str__(self) -> str:
        return f"{self.words} {self.base}".strip()


@dataclass(frozen=True)
class Reading:
    """A figure as a person reads it: its value, what it rests on, and how it moved."""

    definition: Definition
    value: str
    rests_on: str
    change: Change | None

    @property
    def says_something(self) -> bool:
        """False where there was nothing to count, neither now nor before."""
        return bool(self.rests_on or self.change)


def percent(fraction: float, decimals: int | None = None) -> str:
    """`97.1%`; rates under 2% have two decimals. What is not all is never 100%, and what is not none never 0%."""
    places = _decimals(fraction) if decimals is None else decimals
    shown = _shown(fraction, places)
    if shown == 0 and fraction > 0:
        return f"under {10**-places:.{places}f}%"
    return f"{shown:.{places}f}%"


def decimals_of(fractions: Iterable[float | None]) -> int:
    """How many decimals rates beside one another all have: two only where none of them reaches 2%."""
    return 2 if 0 < max((each for each in fractions if each is not None), default=0.0) < SMALL_RATE else 1


def duration(ms: float) -> str:
    """`568 ms`, `2.0 s`, `2 min 8 s`."""
    if ms < 1000:
        return f"{floor(ms + 0.5)}{NBSP}ms" if ms < 999.5 else f"1.0{NBSP}s"
    if ms < 119_950:
        return f"{ms / 1000:.1f}{NBSP}s"
    minutes, seconds = divmod(round(ms / 1000), 60)
    return f"{minutes:,}{NBSP}min {seconds}{NBSP}s"


def counted(count: int, one: str, several: str = "") -> str:
    """`1 payment`, `1,204 payments`; `several` where the plural is not `one` with an s."""
    return f"{count:,} {one if count == 1 else several or one + 's'}"


def interval(rate: Figure) -> str:
    """What a rate of few observations may really be."""
    places = decimals_of((rate["low"], rate["high"]))
    return f"between {percent(rate['low'], places)} and {percent(rate['high'], places)} with 95% certainty"


def lines(overview: Mapping[str, Any], other_movements: Sequence[Mapping[str, Any]] = ()) -> Iterator[str]:
    """What `payops metrics` prints: one line a figure; one that nothing is counted for yet is left out."""
    currency = overview["currency"]
    yield f"{overview['since']} to {overview['until']} ({overview['timezone']}), {currency.upper()}"
    for name, figure in overview["metrics"].items():
        if figure is not None:
            yield f"{METRICS[name].title}: {_line(METRICS[name], figure, currency)}"
    if other_movements:
        yield f"Other movements of the balance, in no figure above: {_entries(other_movements, currency)}"


def read(definition: Definition, now: Figure | None, before: Figure | None, currency: str) -> Reading | None:
    """None for a figure that nothing is counted for yet."""
    if now is None:
        return None
    value, earlier = _value(now), None if before is None else _value(before)
    if value is None:
        was = _written(definition, earlier, currency) if earlier is not None else None
        return Reading(definition, definition.nothing, "", Change("none now", f"from {was}", "same") if was else None)
    change = None if definition.as_of_now else _change(definition, value, earlier, currency)
    return Reading(definition, _written(definition, value, currency), _rests_on(definition, now, currency), change)


def points(now: float, before: float) -> Change:
    """A rate against the one before, in percentage points."""
    places = decimals_of((now, before))
    # Computed from the rounded rates, so that the shown rates and their difference agree.
    moved = round(_shown(now, places) - _shown(before, places), places)
    if moved == 0:
        return Change("as before", f"at {percent(before, places)}", "same")
    direction: Literal["up", "down"] = "up" if moved > 0 else "down"
    unit = "point" if abs(moved) == 1 else "points"
    return Change(f"{direction} {abs(moved):.{places}f} {unit}", f"from {percent(before, places)}", direction)


def _shown(fraction: float, places: int) -> float:
    """The percentage that is shown: rounded, but never up to 100."""
    rounded = round(fraction * 100, places)
    return floor(fraction * 100 * 10**places) / 10**places if fraction < 1 and rounded >= 100 else rounded


def _decimals(fraction: float) -> int:
    return 2 if 0 < fraction < SMALL_RATE else 1


def _value(figure: Figure) -> float | None:
    found: float | None = figure["p50_ms"] if "p50_ms" in figure else figure["value"]
    return found


def _written(definition: Definition, value: float, currency: str) -> str:
    if definition.unit is Unit.TIME:
        return duration(value)
    if definition.is_rate:
        return percent(value)
    return str(Money(int(value), currency)) if definition.unit is Unit.MONEY else f"{value:,.0f}"


def _line(definition: Definition, figure: Any, currency: str) -> str:
    if definition.unit is Unit.BREAKDOWN:
        return _entries(figure, currency) or "none"
    value = _value(figure)
    if value is None:
        return definition.nothing
    basis = _rests_on(definition, figure, currency)
    return _written(definition, value, currency) + (f" ({basis})" if basis else "")


def _entries(several: Sequence[Mapping[str, Any]], currency: str) -> str:
    return ", ".join(f"{each['key']} {each['count']:,} ({Money(each['amount'], currency)})" for each in several)


def _rests_on(definition: Definition, figure: Figure, currency: str) -> str:
    if definition.unit is Unit.TIME:
        return f"slowest 5% over {duration(figure['p95_ms'])}; {_counted_by(definition, figure['n'])}"
    if definition.unit is Unit.RATE_BY_AMOUNT and figure.get("denominator"):
        return f"{Money(figure['numerator'], currency)} of {Money(figure['denominator'], currency)}"
    if figure.get("denominator"):
        counts = f"{figure['numerator']:,} of {_counted_by(definition, figure['denominator'])}"
        return f"{counts}; {interval(figure)}" if figure["denominator"] < FEW else counts
    if "amount" in figure:
        return f"{Money(figure['amount'], currency)} {definition.amount_is}".rstrip()
    return ""


def _counted_by(definition: Definition, count: int) -> str:
    """`1 payment set up`, `3 payments set up`."""
    noun, *rest = definition.counted.split(" ")
    return f"{count:,} {' '.join([noun.removesuffix('s') if count == 1 else noun, *rest])}"


def _change(definition: Definition, value: float, earlier: float | None, currency: str) -> Change:
    if earlier is None:
        return Change("nothing before", "", "same")
    if definition.is_rate:
        moved = points(value, earlier)
    else:
        moved = _relative(value, earlier, _written(definition, earlier, currency))
    if moved.direction == "same" or definition.better is Better.NEITHER:
        return moved
    good = (moved.direction == "up") == (definition.better is Better.MORE)
    return replace(moved, good=good)


def _relative(value: float, earlier: float, written: str) -> Change:
    if value == earlier:
        return Change("as before", f"at {written}", "same")
    direction: Literal["up", "down"] = "up" if value > earlier else "down"
    if earlier <= 0:
        return Change(direction, f"from {written}", direction)
    share = abs(value - earlier) / earlier * 100
    if share < 0.05:
        return Change("as before", f"at {written}", "same")
    return Change(f"{direction} {share:,.{0 if share >= 100 else 1}f}%", f"from {written}", direction)
