"""Business days and periods, and the clock that says which day it is."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

Clock = Callable[[], datetime]
EARLIEST = date(2010, 1, 1)  # before the first payment of any clinic that uses Stripe


def wall_clock() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Period:
    """Business days from `since` to `until`, both included, each ending at midnight in `zone`."""

    since: date
    until: date
    zone: ZoneInfo

    def __post_init__(self) -> None:
        if self.until < self.since:
            raise ValueError(f"the period ends ({self.until}) before it starts ({self.since})")

    @classmethod
    def last_days(cls, days: int, *, now: datetime, zone: ZoneInfo) -> "Period":
        """`days` business days of which the last is the one `now` is in."""
        today = business_day(now, zone)
        return cls(today - timedelta(days=days - 1), today, zone)

    @property
    def days(self) -> int:
        return (self.until - self.since).days + 1

    def previous(self) -> "Period":
        """The period of the same length that ends the day before this one starts."""
        return Period(self.since - timedelta(days=self.days), self.since - timedelta(days=1), self.zone)

    def bounds(self) -> tuple[datetime, datetime]:
        """The period as instants in UTC: from the first midnight, up to but without the last."""
        return _midnight(self.since, self.zone), _midnight(self.until + timedelta(days=1), self.zone)

    def __iter__(self) -> Iterator[date]:
        return (self.since + timedelta(days=n) for n in range(self.days))


def business_day(moment: datetime, zone: ZoneInfo) -> date:
    """The business day an aware `moment` falls on."""
    if moment.tzinfo is None:
        raise ValueError("a time without a zone has no business day")
    return moment.astimezone(zone).date()


def span_in_words(span: timedelta) -> str:
    """`3 days`, `5 hours`, `1 minute`: the largest unit, rounded down."""
    seconds = int(abs(span).total_seconds())
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= length:
            count = seconds // length
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return "less than a minute"


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)
