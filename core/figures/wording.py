"""Figures and their changes in words, the same on a page, in a report and in an alert."""

from dataclasses import dataclass, replace
from typing import Any, Literal

from core.figures.definitions import Better, Definition
from core.money import Money

MONEY_RATES = frozenset({"recovery_rate", "gross_mrr_churn_rate"})  # of amounts, so they have no interval
FEW = 30
MONEY = frozenset(
    {
        "gross",
        "refunded",
        "fees",
        "net",
        "mrr",
        "mrr_new",
        "mrr_expansion",
        "mrr_contraction",
        "mrr_churned",
        "mrr_reactivated",
    }
)
NBSP = "\N{NO-BREAK SPACE}"
Figure = dict[str, Any]


@dataclass(frozen=True)
class Change:
    """How a figure moved since the period before: `down 1.2 points`, and what from: `from 98.3 %`.

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
    """`97.1 %`; rates under 2 % have two decimals, since there a tenth of a point is much."""
    places = _decimals(fraction) if decimals is None else decimals
    return f"{fraction * 100:.{places}f}{NBSP}%"


def duration(ms: float) -> str:
    """`568 ms`, `2.0 s`, `2 min 8 s`."""
    if ms < 1000:
        return f"{ms:.0f}{NBSP}ms"
    if ms < 120_000:
        return f"{ms / 1000:.1f}{NBSP}s"
    minutes, seconds = divmod(round(ms / 1000), 60)
    return f"{minutes:,}{NBSP}min {seconds}{NBSP}s"


def read(definition: Definition, now: Figure | None, before: Figure | None, currency: str) -> Reading | None:
    """None for a figure that nothing is counted for yet."""
    if now is None:
        return None
    value, earlier = _value(now), None if before is None else _value(before)
    if value is None:
        was = _written(definition, before, earlier, currency) if before and earlier is not None else None
        return Reading(definition, definition.nothing, "", Change("none now", f"from {was}", "same") if was else None)
    change = None if definition.as_of_now else _change(definition, value, before, now, currency)
    return Reading(definition, _written(definition, now, value, currency), _rests_on(definition, now, currency), change)


def interval(rate: Figure) -> str:
    """What a rate of few observations may really be."""
    return f"between {percent(rate['low'])} and {percent(rate['high'])} with 95{NBSP}% certainty"


def points(now: float, before: float) -> Change:
    """A rate against the one before, in percentage points."""
    places = min(_decimals(now), _decimals(before)) if max(now, before) >= 0.02 else 2
    # Of what is shown, so that the two rates and their difference agree for whoever subtracts.
    moved = round(round(now * 100, places) - round(before * 100, places), places)
    if moved == 0:
        return Change("as before", f"at {percent(before, places)}", "same")
    direction: Literal["up", "down"] = "up" if moved > 0 else "down"
    unit = "point" if abs(moved) == 1 else "points"
    return Change(f"{direction} {abs(moved):.{places}f} {unit}", f"from {percent(before, places)}", direction)


def _decimals(fraction: float) -> int:
    return 2 if 0 < fraction < 0.02 else 1


def _value(figure: Figure) -> float | None:
    found: float | None = figure["p50_ms"] if "p50_ms" in figure else figure["value"]
    return found


def _written(definition: Definition, figure: Figure, value: float, currency: str) -> str:
    if "p50_ms" in figure:
        return duration(value)
    if "denominator" in figure or definition.name.endswith("_rate"):
        return percent(value)
    return str(Money(int(value), currency)) if definition.name in MONEY else f"{value:,.0f}"


def _rests_on(definition: Definition, figure: Figure, currency: str) -> str:
    if "p50_ms" in figure:
        return f"slowest 5{NBSP}% over {duration(figure['p95_ms'])}; {figure['n']:,} {definition.counted}"
    if figure.get("denominator") and definition.name in MONEY_RATES:
        return f"{Money(figure['numerator'], currency)} of {Money(figure['denominator'], currency)}"
    if figure.get("denominator"):
        counts = f"{figure['numerator']:,} of {figure['denominator']:,} {definition.counted}"
        return f"{counts}; {interval(figure)}" if figure["denominator"] < FEW else counts
    if "amount" in figure:
        return str(Money(figure["amount"], currency))
    return ""


def _change(definition: Definition, value: float, before: Figure | None, now: Figure, currency: str) -> Change | None:
    earlier = None if before is None else _value(before)
    if before is None or earlier is None:
        return Change("nothing before", "", "same")
    if "denominator" in now or definition.name.endswith("_rate"):
        moved = points(value, earlier)
    else:
        moved = _relative(value, earlier, _written(definition, before, earlier, currency))
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
    return Change(f"{direction} {share:,.{0 if share >= 10 else 1}f}{NBSP}%", f"from {written}", direction)
