"""The figures of a period: counted in SQL; confidence intervals and decline categories are added here."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, TypedDict

from core.db import Database
from core.errors import Refused
from core.figures.definitions import METRICS
from core.figures.intervals import with_intervals
from core.money import CURRENCIES
from core.payments.declines import advice
from core.periods import Period

NAMES = tuple(METRICS)
Figures = dict[str, Any]


class Entry(TypedDict):
    """One line of a breakdown."""

    key: str
    count: int
    amount: int


class Failures(TypedDict):
    """How many payments with this method failed with this code and advice code, and their total amount."""

    code: str
    advice_code: str | None
    method_type: str | None
    count: int
    amount: int


class Metrics(TypedDict):
    """What `payops metrics --json` prints."""

    since: str
    until: str
    timezone: str
    currency: str
    fresh_at: str | None
    metrics: Figures


def overview(db: Database, period: Period, *, currency: str, now: datetime) -> Metrics:
    """The figures of the period. One that is not counted yet is None; one without observations has a `value` of None.

    Raises `Refused` for an unknown currency.
    """
    counted = db.call("metrics", since=period.since, until=period.until, currency=known(currency), now=now)
    return {
        "since": period.since.isoformat(),
        "until": period.until.isoformat(),
        "timezone": period.zone.key,
        "currency": currency.lower(),
        "fresh_at": counted["fresh_at"],
        "metrics": figures_of(counted["metrics"]),
    }


def other_movements(db: Database, period: Period, *, currency: str) -> list[Entry]:
    """Movements of Stripe's balance in the period that no figure includes, by reporting category."""
    found: list[Entry] = db.call("other_movements", since=period.since, until=period.until, currency=known(currency))
    return found


def known(currency: str) -> str:
    """The currency in lower case; raises `Refused` if it does not exist."""
    if currency.lower() not in CURRENCIES:
        raise Refused("unknown_currency", f"{currency!r} is not a currency. Use a code such as usd or eur.")
    return currency.lower()


def figures_of(counted: Figures) -> Figures:
    """Every figure by name, from what SQL counted; with intervals for rates, and failures by code and by category."""
    figures = with_intervals({name: figure for name, figure in counted.items() if name in METRICS})
    figures["failures_by_code"] = by_code(counted["failures"])
    figures["failures_by_category"] = by_category(counted["failures"])
    return {name: figures.get(name) for name in NAMES}


def by_code(failures: Sequence[Failures]) -> list[Entry]:
    """The failures by decline code, most frequent first."""
    return _summed((each["code"], each) for each in failures)


def by_category(failures: Sequence[Failures]) -> list[Entry]:
    """The failures by decline category, which also depends on the network's advice code and the payment method."""
    return _summed((_category(each), each) for each in failures)


def _category(failures: Failures) -> str:
    said = advice(failures["code"], advice_code=failures["advice_code"], method=failures["method_type"])
    return str(said.category)


def _summed(keyed: Iterable[tuple[str, Failures]]) -> list[Entry]:
    sums: dict[str, Entry] = {}
    for key, failures in keyed:
        entry = sums.setdefault(key, {"key": key, "count": 0, "amount": 0})
        entry["count"] += failures["count"]
        entry["amount"] += failures["amount"]
    return sorted(sums.values(), key=lambda entry: (-entry["count"], entry["key"]))
