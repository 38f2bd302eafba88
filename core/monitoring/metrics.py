"""The figures of a period: counted in SQL, given their intervals and categories here."""

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
    """How many payments by this method failed with this code and advice, and what they would have brought."""

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
    """A figure that nothing is counted for yet is None as a whole; one without observations has a `value` of None.

    Raises `Refused` for a currency that there is none of.
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
    """What moved Stripe's balance in the period and is in no figure, by reporting category."""
    found: list[Entry] = db.call("other_movements", since=period.since, until=period.until, currency=known(currency))
    return found


def known(currency: str) -> str:
    """The currency in lower case; raises `Refused` where it is not one."""
    if currency.lower() not in CURRENCIES:
        raise Refused("unknown_currency", f"There is no currency {currency!r}. Use a code such as usd or eur.")
    return currency.lower()


def figures_of(counted: Figures) -> Figures:
    """Every figure by name, from what SQL counted: rates with their intervals, failures by code and by category."""
    figures = with_intervals({name: figure for name, figure in counted.items() if name in METRICS})
    figures["failures_by_code"] = by_code(counted["failures"])
    figures["failures_by_category"] = by_category(counted["failures"])
    return {name: figures.get(name) for name in NAMES}


def by_code(failures: Sequence[Failures]) -> list[Entry]:
    """The failures under their code, most frequent first."""
    return _summed((each["code"], each) for each in failures)


def by_category(failures: Sequence[Failures]) -> list[Entry]:
    """The same failures under the decline table's categories; the network's advice and the method count too."""
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
