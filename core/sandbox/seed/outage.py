"""The outage day: many attempts fail because of the processor, not the card."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from core.sandbox.seed.book import Book
from core.sandbox.seed.business import OUTAGE_DECLINE_RATE, OUTAGE_MIX

NEW_YORK = ZoneInfo("America/New_York")


@dataclass(frozen=True)
class Outage:
    """From `since` (included) to `until` (excluded), in seconds since 1970."""

    since: int
    until: int

    def covers(self, at: int) -> bool:
        return self.since <= at < self.until

    def decline_code(self, book: Book, at: int) -> str | None:
        """The decline code of an attempt at that moment; `None` if the outage does not affect it."""
        return book.one_of(OUTAGE_MIX) if self.covers(at) and book.happens(OUTAGE_DECLINE_RATE) else None


def outage_before(until: int) -> Outage:
    """The whole Tuesday (New York) that lies 15 to 21 days back."""
    back = datetime.fromtimestamp(until, UTC).astimezone(NEW_YORK).date() - timedelta(days=15)
    tuesday = back - timedelta(days=(back.weekday() - 1) % 7)
    first, last = (
        datetime.combine(day, datetime.min.time(), NEW_YORK) for day in (tuesday, tuesday + timedelta(days=1))
    )
    return Outage(int(first.timestamp()), int(last.timestamp()))
