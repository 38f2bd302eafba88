"""One check of a review: its finding in a sentence, whether somebody must look at it, and the figures behind it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from core.errors import Refused
from core.periods import Period


class Cadence(StrEnum):
    DAILY = "daily"
    WEEKLY = "weekly"


class State(StrEnum):
    GOOD = "good"
    LOOK = "needs a look"
    UNKNOWN = "no data"


@dataclass(frozen=True)
class Bars:
    """A bar chart of a finding: one bar for each label, in `unit`, beside a faint bar with the compared value."""

    title: str
    unit: str
    labels: Sequence[str]
    values: Sequence[float]
    compared: Sequence[float] = ()
    compared_name: str = ""
    name: str = ""


@dataclass(frozen=True)
class Check:
    """The result of one check. `facts` are (name, value) lines shown under it, `link` the page that shows its rows."""

    name: str
    title: str
    state: State
    finding: str
    facts: tuple[tuple[str, str], ...] = ()
    bars: Bars | None = None
    link: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Review:
    """The checks of a day or a week."""

    cadence: Cadence
    period: Period
    checks: tuple[Check, ...] = field(default=())

    @property
    def day(self) -> date:
        """The day that identifies the review: the day itself, or the week's Monday."""
        return self.period.since


def period_of(cadence: Cadence, day: date, zone: ZoneInfo) -> Period:
    """The business day or, for the weekly review, its week from Monday to Sunday."""
    if cadence is Cadence.DAILY:
        return Period(day, day, zone)
    monday = day - timedelta(days=day.weekday())
    return Period(monday, monday + timedelta(days=6), zone)


def newest_period(cadence: Cadence, today: date, zone: ZoneInfo) -> Period:
    """The latest day or week that is over."""
    if cadence is Cadence.DAILY:
        return period_of(cadence, today - timedelta(days=1), zone)
    return period_of(cadence, today - timedelta(days=7), zone)


def require_over(period: Period, today: date) -> None:
    """Raises `Refused` for a day or a week that is not over: its figures would still change."""
    if period.until >= today:
        raise Refused("not_over", f"{period.until:%-d %b %Y} is not over yet. Choose an earlier day.")
