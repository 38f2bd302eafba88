"""Revenue: what customers paid, what refunds, disputes and fees took away, and payouts on their way to the bank.

All amounts are in one settlement currency: a payment of €100.00 that settles as $108.00 counts as $108.00.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from core.db import Database
from core.finance.bank_days import expected_arrival
from core.money import exponent
from core.periods import Period, business_day

NOT_KNOWN, NO_PAYMENT, PAID_ONCE, VISIT = "", "-", "once", "visit:"
# What revenue is broken down by: the word in URLs, which must not change since links contain it, and SQL's name.
DIMENSIONS = {"product": "product", "plan": "plan", "state": "state", "card": "card", "paid in": "presentment"}
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Sums:
    """Sums of balance movements in minor units: gross − refunded − disputed − fees − taxes = net."""

    payments: int = 0
    gross_minor: int = 0
    refunded_minor: int = 0
    disputed_minor: int = 0
    fees_minor: int = 0
    taxes_minor: int = 0
    net_minor: int = 0
    charge_fees_minor: int = 0

    @property
    def refund_rate(self) -> float | None:
        return _share(self.refunded_minor, self.gross_minor)

    @property
    def fee_share(self) -> float | None:
        """All fees divided by gross."""
        return _share(self.fees_minor, self.gross_minor)

    @property
    def effective_rate(self) -> float | None:
        """The fees on payments, without other fees, divided by gross: what accepting cards costs."""
        return _share(self.charge_fees_minor, self.gross_minor)


@dataclass(frozen=True)
class DaySums:
    """The sums of one business day, or of `days` days from `day` on."""

    day: date
    sums: Sums
    days: int = 1


@dataclass(frozen=True)
class Line:
    """One row of a breakdown; `presented_minor` and the rates are set only for the dimension `presentment`."""

    key: str
    sums: Sums
    net_before_minor: int
    presented_minor: int = 0
    lowest_rate: float | None = None
    highest_rate: float | None = None

    def rate(self, currency: str) -> float | None:
        """The average exchange rate: units of the settlement currency for one unit of the currency paid in."""
        if not self.presented_minor or self.key in (currency, NO_PAYMENT):
            return None
        paid = self.presented_minor / 10 ** exponent(self.key)
        return float(self.sums.gross_minor / 10 ** exponent(currency) / paid)


@dataclass(frozen=True)
class Payout:
    """Money on its way to the bank; `expected_on` is the bank day on which it should be there."""

    id: str
    created: datetime
    amount_minor: int
    currency: str
    status: str
    expected_on: date | None
    method: str | None


@dataclass(frozen=True)
class Revenue:
    """The revenue of a period in one settlement currency, with the period before and the same days a year before."""

    period: Period
    currency: str
    fresh_at: datetime | None
    stale_days: int
    totals: Sums | None
    previous: Sums | None
    year_before: Sums | None
    daily: list[DaySums]
    previous_daily: list[DaySums]
    breakdowns: dict[str, list[Line]]
    payouts: list[Payout]
    to_come: list[tuple[date, int]]


def currencies(db: Database) -> list[str]:
    """The currencies that Stripe settles in, the one with the most movements first."""
    found: list[str] = db.call("settlement_currencies")
    return found


def load(db: Database, period: Period, *, currency: str, now: datetime) -> Revenue:
    """Everything that the page Revenue shows, in one call."""
    previous, year_before = period.previous(), a_year_before(period)
    found = db.call(
        "revenue",
        since=period.since,
        until=period.until,
        previous_since=previous.since,
        previous_until=previous.until,
        year_since=year_before.since,
        year_until=year_before.until,
        currency=currency,
        today=business_day(now, period.zone),
        now=now,
    )
    return Revenue(
        period=period,
        currency=currency,
        fresh_at=datetime.fromisoformat(found["fresh_at"]) if found["fresh_at"] else None,
        stale_days=found["stale_days"],
        totals=_sums(found["totals"]),
        previous=_sums(found["previous"]),
        year_before=_sums(found["year_before"]),
        daily=_every_day(period, found["daily"]),
        previous_daily=_every_day(previous, found["previous_daily"]),
        breakdowns={name: [_line(each) for each in lines] for name, lines in found["breakdowns"].items()},
        payouts=[_payout(each) for each in found["payouts"]],
        to_come=[(date.fromisoformat(each["available_on"]), each["net_minor"]) for each in found["to_come"]],
    )


def a_year_before(period: Period) -> Period:
    """The same days of the year before; 29 February becomes 28 February."""
    return Period(_year_before(period.since), _year_before(period.until), period.zone)


def together(sums: Sequence[Sums]) -> Sums:
    """Several sums added up."""
    return Sums(**{name: sum(getattr(each, name) for each in sums) for name in Sums.__dataclass_fields__})


def _year_before(day: date) -> date:
    try:
        return day.replace(year=day.year - 1)
    except ValueError:  # 29 February
        return day.replace(year=day.year - 1, day=28)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole > 0 else None


def _sums(found: Row | None) -> Sums | None:
    return None if found is None else Sums(**{name: found[name] for name in Sums.__dataclass_fields__})


def _every_day(period: Period, found: Sequence[Row]) -> list[DaySums]:
    """Each day of the period, including days without movements."""
    moved = {date.fromisoformat(each["day"]): Sums(**{k: v for k, v in each.items() if k != "day"}) for each in found}
    return [DaySums(day, moved.get(day, Sums())) for day in period]


def _line(found: Row) -> Line:
    return Line(
        key=found["key"],
        sums=Sums(**{name: found[name] for name in Sums.__dataclass_fields__}),
        net_before_minor=found["net_before_minor"],
        presented_minor=found["presented_minor"],
        lowest_rate=found["lowest_rate"],
        highest_rate=found["highest_rate"],
    )


def _payout(found: Row) -> Payout:
    arrives = found["arrival_date"]
    return Payout(
        id=found["id"],
        created=datetime.fromisoformat(found["created"]),
        amount_minor=found["amount_minor"],
        currency=found["currency"],
        status=found["status"],
        expected_on=expected_arrival(date.fromisoformat(arrives)) if arrives else None,
        method=found["method"],
    )


def in_steps(daily: Sequence[DaySums], longest: int = 120) -> list[DaySums]:
    """The days as a chart shows them: each by itself, or by week if more than `longest`; the last week is full."""
    if len(daily) <= longest:
        return list(daily)
    first = len(daily) % 7
    starts = ([0] if first else []) + list(range(first, len(daily), 7))
    parts = [daily[start : first if start < first else start + 7] for start in starts]
    return [
        DaySums(part[0].day, together([each.sums for each in part]), (part[-1].day - part[0].day + timedelta(1)).days)
        for part in parts
    ]
