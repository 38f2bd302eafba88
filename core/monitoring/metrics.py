"""The figures of a period: counted in SQL, given their intervals and categories here."""

from datetime import datetime
from typing import Any

from core.db import Database
from core.figures.definitions import METRICS
from core.figures.intervals import with_intervals
from core.payments.declines import advice
from core.periods import Period

NAMES = tuple(METRICS)


def overview(db: Database, period: Period, *, currency: str, now: datetime) -> dict[str, Any]:
    """`since`, `until`, `timezone`, `currency`, `fresh_at` and under `metrics` one entry a name.

    A figure that nothing is counted for yet is None as a whole; one without observations has a `value` of None.
    """
    counted = db.call("metrics", since=period.since, until=period.until, currency=currency, now=now)
    return {
        "since": period.since.isoformat(),
        "until": period.until.isoformat(),
        "timezone": period.zone.key,
        "currency": currency,
        "fresh_at": counted["fresh_at"],
        "metrics": figures_of(counted["metrics"]),
    }


def figures_of(counted: dict[str, Any]) -> dict[str, Any]:
    """Every figure by name, from what SQL counted: rates with their intervals, failures with their categories."""
    figures = with_intervals(counted)
    figures["failures_by_category"] = by_category(figures["failures_by_code"])
    return {name: figures.get(name) for name in NAMES}


def by_category(by_code: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same failures under the decline table's categories, most frequent first."""
    sums: dict[str, dict[str, Any]] = {}
    for failures in by_code:
        category = advice(failures["key"]).category
        entry = sums.setdefault(category, {"key": str(category), "count": 0, "amount": 0})
        entry["count"] += failures["count"]
        entry["amount"] += failures["amount"]
    return sorted(sums.values(), key=lambda entry: (-entry["count"], entry["key"]))
