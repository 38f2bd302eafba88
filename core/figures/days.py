"""The days of a chart: what happened on each business day, or each week of a long period."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypedDict

WEEKLY_OVER_DAYS = 120


class DayRow(TypedDict):
    """What SQL counted of one business day."""

    day: str
    succeeded: int
    failed: int
    amount_minor: int
    disputes: int
    disputed_minor: int


@dataclass(frozen=True)
class Day:
    """Payments, their amount and disputes opened, from business day `day` on for `days` days."""

    day: date
    succeeded: int
    failed: int
    amount_minor: int
    disputes: int
    disputed_minor: int
    days: int = 1

    @property
    def payments(self) -> int:
        return self.succeeded + self.failed

    @property
    def success_rate(self) -> float | None:
        return self.succeeded / self.payments if self.payments else None


def days_of(found: Sequence[DayRow]) -> list[Day]:
    """The days as the database counted them."""
    return [_day(each) for each in found]


def in_steps(daily: Sequence[Day]) -> list[Day]:
    """The days as a chart shows them: one by one, or by week for long periods."""
    if len(daily) <= WEEKLY_OVER_DAYS:
        return list(daily)
    # Counted from the last day, so that the last step is a whole week and only the first may be shorter.
    first = len(daily) % 7
    starts = ([0] if first else []) + list(range(first, len(daily), 7))
    return [_together(daily[start : first if start < first else start + 7]) for start in starts]


def _day(found: DayRow) -> Day:
    return Day(
        day=date.fromisoformat(found["day"]),
        succeeded=found["succeeded"],
        failed=found["failed"],
        amount_minor=found["amount_minor"],
        disputes=found["disputes"],
        disputed_minor=found["disputed_minor"],
    )


def _together(days: Sequence[Day]) -> Day:
    return Day(
        day=days[0].day,
        succeeded=sum(each.succeeded for each in days),
        failed=sum(each.failed for each in days),
        amount_minor=sum(each.amount_minor for each in days),
        disputes=sum(each.disputes for each in days),
        disputed_minor=sum(each.disputed_minor for each in days),
        days=(days[-1].day - days[0].day + timedelta(days=1)).days,
    )
