"""Distance to the card networks' limits: what they count this month, and how many more events reach each limit."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_CEILING, Decimal

from core.db import Database
from core.payments.disputes.rows import NetworkRow
from core.staff import roles
from core.staff.roles import Actor

PROGRAMS = {"visa": "Visa VAMP", "mastercard": "Mastercard ECM"}
LEVELS = {
    ("visa", "early"): "non-compliant",
    ("visa", "excessive"): "excessive",
    ("mastercard", "excessive"): "excessive",
    ("mastercard", "high"): "high excessive",
}


@dataclass(frozen=True)
class Limit:
    """A network's limit, reached with both `ratio` and `events`; `left` more events reach it, 0 once it is reached."""

    name: str
    ratio: Decimal
    events: int
    since: date
    source: str
    left: int


@dataclass(frozen=True)
class NetworkMonth:
    """What a network counts this month in one currency, and how many events in all currencies."""

    network: str
    disputes: int
    fraud_warnings: int
    payments: int
    limits: list[Limit]
    events_in_all_currencies: int

    @property
    def title(self) -> str:
        return PROGRAMS[self.network]

    @property
    def events(self) -> int:
        return self.disputes + self.fraud_warnings

    @property
    def ratio(self) -> float | None:
        return self.events / self.payments if self.payments else None


def events_left(events: int, payments: int, ratio: Decimal, least: int) -> int:
    """How many more events reach a limit of both `ratio` of `payments` and `least` events."""
    by_ratio = int((ratio * payments).to_integral_value(ROUND_CEILING))
    return max(max(by_ratio, least) - events, 0)


def month_counts(db: Database, day: date, currency: str) -> list[NetworkMonth]:
    """Each network's count of the month of `day`, up to that day, with the limits of that day."""
    found: list[NetworkRow] = db.call("network_counts", day=day, currency=currency)
    return [_month(each) for each in found]


def set_limit(
    db: Database,
    actor: Actor,
    network: str,
    level: str,
    *,
    ratio: float,
    events: int,
    since: date,
    source: str,
    now: datetime,
) -> None:
    """Set a network's limit from `since` on. Raises `Refused` for an invalid one."""
    roles.require(actor, "disputes")
    db.call(
        "set_network_limit",
        network=network,
        level=level,
        ratio=ratio,
        events=events,
        since=since,
        source=source,
        actor=actor.name,
        role=str(actor.role),
        now=now,
    )


def in_words(month: NetworkMonth) -> str:
    """`14 of 1,200 payments, 1.17%; 46 more reach the non-compliant limit`."""
    counted = f"{month.events:,} of {month.payments:,} payments"
    if month.ratio is not None:
        counted += f", {month.ratio:.2%}"
    told = [
        f"the {limit.name} limit is reached"
        if limit.left == 0 and month.payments
        else f"{limit.left:,} more reach the {limit.name} limit"
        for limit in month.limits
    ]
    return "; ".join([counted, *told])


def _month(found: NetworkRow) -> NetworkMonth:
    network, events, payments = (found["network"], found["disputes"] + found["fraud_warnings"], found["payments"])
    limits = [
        Limit(
            LEVELS[network, each["level"]],
            ratio := Decimal(str(each["ratio"])),
            each["events"],
            date.fromisoformat(each["since"]),
            each["source"],
            events_left(events, payments, ratio, each["events"]),
        )
        for each in found["limits"]
    ]
    every = found["all_currencies"]
    return NetworkMonth(
        network,
        found["disputes"],
        found["fraud_warnings"],
        payments,
        limits,
        every["disputes"] + every["fraud_warnings"],
    )
