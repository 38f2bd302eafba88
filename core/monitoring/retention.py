"""How long events, calls, alerts and incidents are kept; what is older is deleted every night, a part at a time."""

from collections.abc import Callable
from datetime import datetime, timedelta

from core.db import Database

ALERTS_KEPT = timedelta(days=400)  # with their messages and deliveries: a year can be compared with the one before
INCIDENTS_KEPT = timedelta(days=400)
SAMPLES_KEPT = timedelta(days=90)  # of resolved incidents; they may name a customer
MOST_AT_ONCE = 500  # rows of each kind in one transaction
MOST_ROWS_AT_ONCE = 5_000  # of events or calls, whose rows are small


def delete_old(db: Database, now: datetime, keep: Callable[[], None]) -> int:
    """Delete what is older than its retention; answers how many rows. `keep` is called after each transaction."""
    deleted = 0
    for function, kept in (
        ("delete_old_alerts", ALERTS_KEPT),
        ("delete_old_alert_messages", ALERTS_KEPT),
        ("delete_old_samples", SAMPLES_KEPT),
        ("delete_old_incidents", INCIDENTS_KEPT),
    ):
        while gone := db.call(function, before=now - kept, most=MOST_AT_ONCE):
            deleted += gone
            keep()
    return deleted


def delete_old_rows(
    db: Database, now: datetime, keep: Callable[[], None], *, events_kept_days: int, calls_kept_days: int
) -> int:
    """Delete the events and the calls that the settings no longer keep; answers how many. Figures still count them."""
    deleted = 0
    for function, days in (("delete_old_events", events_kept_days), ("delete_old_calls", calls_kept_days)):
        while gone := db.call(function, before=now - timedelta(days=days), most=MOST_ROWS_AT_ONCE):
            deleted += gone
            keep()
    return deleted
