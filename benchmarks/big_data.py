"""A database as large as asked for, made set-wise: payments with their events, subscriptions, invoices and care."""

from collections.abc import Callable
from pathlib import Path

import psycopg

HERE = Path(__file__).parent
PART = 250_000
RECOUNTED_A_STEP = 20_000
NOW = "2026-11-27T17:00:05Z"  # just after the newest payment
OTHER_COUNTS = {
    "stale_subscriptions": "refresh_subscriptions(10000)",
    "stale_revenue_days": "refresh_revenue(30)",
    "stale_observation_days": "refresh_observations(30)",
    "stale_recovery": "refresh_recovery(20000)",
}


def fill(conninfo: str, payments: int, tell: Callable[[str], None] = lambda _: None, *, days: int = 540) -> None:
    """Fill a new database; each part is a transaction of its own, so that any size fits on the disk twice at most."""
    part = (HERE / "big_data.sql").read_text()
    with psycopg.connect(conninfo, autocommit=True) as owner:
        for first in range(1, payments + 1, PART):
            last = min(first + PART - 1, payments)
            with owner.transaction():
                owner.execute(_with(part, first=first, last=last, payments=payments, days=days))
            tell(f"{last:,} of {payments:,} payments are written")
        owner.execute((HERE / "big_data_end.sql").read_text())
        owner.execute("vacuum analyze")


def recount(conninfo: str, tell: Callable[[str], None] = lambda _: None) -> None:
    """Count everything that is stale, some payments at a time, as the worker does."""
    done = 0
    with psycopg.connect(conninfo, autocommit=True) as owner:
        while counted := _first(owner, f"select payops_api.recount_stale({RECOUNTED_A_STEP})"):
            done += counted
            tell(f"{done:,} payments are counted")
        for table, refresh in OTHER_COUNTS.items():
            while _first(owner, f"select exists (select from payops.{table})"):
                _first(owner, f"select payops.{refresh}")
            tell(f"{table} is counted")
        while _first(owner, f"select payops_api.move_running_subscriptions('{NOW}')"):
            pass
        tell("running subscriptions are placed")
        owner.execute("vacuum analyze")


def _first(owner: psycopg.Connection, query: str) -> int:
    row = owner.execute(query.encode()).fetchone()
    assert row
    return int(row[0] or 0)


def _with(text: str, **values: int) -> bytes:
    for name, value in values.items():
        text = text.replace(f":{name}", str(value))
    return text.encode()
