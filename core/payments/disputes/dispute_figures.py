"""The dispute figures of a period beside the period before, as the overview counts them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TypedDict

from core.db import Database
from core.figures.days import Day, DayRow, days_of
from core.figures.definitions import OF_DISPUTES
from core.figures.intervals import with_intervals
from core.figures.wording import Figure, Reading, read
from core.periods import Period

MAY_BE_DISPUTED = timedelta(days=120)


class Counted(TypedDict):
    """What SQL counted of a period and of the one before it."""

    fresh_at: str | None
    metrics: dict[str, Figure]
    previous_metrics: dict[str, Figure]
    daily: list[DayRow]
    previous_daily: list[DayRow]


@dataclass(frozen=True)
class DisputeFigures:
    """The figures by name, and the disputes opened on each day."""

    period: Period
    currency: str
    fresh_at: datetime | None
    figures: Mapping[str, Figure]
    previous: Mapping[str, Figure]
    daily: list[Day]
    previous_daily: list[Day]

    def readings(self, today: date) -> list[Reading]:
        """The figures in words; a rate that may still rise says from when it is final."""
        found = (
            read(each, self.figures.get(each.name), self.previous.get(each.name), self.currency) for each in OF_DISPUTES
        )
        return [self._with_end(reading, today) for reading in found if reading]

    def _with_end(self, reading: Reading, today: date) -> Reading:
        final_on = self.period.until + MAY_BE_DISPUTED
        if reading.definition.name != "dispute_rate" or not reading.rests_on or final_on <= today:
            return reading
        return replace(reading, rests_on=f"{reading.rests_on}; not final before {final_on:%-d %b %Y}")


def load(db: Database, period: Period, *, currency: str) -> DisputeFigures:
    """The figures of `period` and of the one before it, in one call."""
    before = period.previous()
    found: Counted = db.call(
        "dispute_figures",
        since=period.since,
        until=period.until,
        previous_since=before.since,
        previous_until=before.until,
        currency=currency,
    )
    return DisputeFigures(
        period=period,
        currency=currency,
        fresh_at=datetime.fromisoformat(found["fresh_at"]) if found["fresh_at"] else None,
        figures=with_intervals(found["metrics"]),
        previous=with_intervals(found["previous_metrics"]),
        daily=days_of(found["daily"]),
        previous_daily=days_of(found["previous_daily"]),
    )
