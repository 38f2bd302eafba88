"""The business's time zone: stored in the database, and the same in every process that uses it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import Any
from zoneinfo import ZoneInfo

from cachetools import TTLCache

from core.db import Database
from core.errors import Refused

COMPARED = timedelta(days=2 * 366)  # how far back and ahead of now the rules are compared
STEP = timedelta(minutes=30)  # all zones change on the hour or half hour
PAYMENTS_A_STEP = 5_000
REFUSALS = frozenset({"other_timezone", "time_zones_differ", "unknown_timezone"})
_agreed: TTLCache[str, bool] = TTLCache(maxsize=8, ttl=3600)


@dataclass(frozen=True)
class Change:
    """From `at` on, the zone is `seconds` ahead of UTC."""

    at: datetime
    seconds: int


def require(db: Database, timezone: str, now: datetime) -> None:
    """Raises `Refused` if the database counts days in another zone, or has other rules for this zone."""
    owned = db.call("business_timezone")["timezone"]
    if owned != timezone:
        raise Refused(
            "other_timezone",
            f"BUSINESS_TIMEZONE is {timezone}, but this database counts its days in {owned}. "
            f"Set BUSINESS_TIMEZONE={owned}, or run `payops migrate --timezone {timezone}` to count every day anew.",
        )
    if timezone not in _agreed:
        require_same_rules(db, timezone, now)
        _agreed[timezone] = True


def require_same_rules(db: Database, timezone: str, now: datetime) -> None:
    """Raises `Refused` with the first moment of the last and next two years for which Python and Postgres disagree."""
    since = (now - COMPARED).replace(hour=0, minute=0, second=0, microsecond=0)
    until = since + 2 * COMPARED
    ours = list(_changes(ZoneInfo(timezone), since, until))
    theirs = [_change(each) for each in db.call("zone_changes", timezone=timezone, since=since, until=until)]
    if ours != theirs:
        at = min(each.at for each in {*ours} ^ {*theirs})
        raise Refused(
            "time_zones_differ",
            f"Python and Postgres disagree about {timezone}: at {at.astimezone(UTC):%Y-%m-%d %H:%M} UTC it is "
            f"{_local(ours, at)} for Python (tzdata {version('tzdata')}) and {_local(theirs, at)} for Postgres. "
            "Install versions with the same rules for this zone, or choose another zone.",
        )


def choose(db: Database, timezone: str, *, actor: str, role: str, now: datetime, unless_chosen: bool = False) -> int:
    """Set the zone in which days are counted, with an audit entry; returns how many payments must be recounted.

    With `unless_chosen`, a zone that was set before stays.
    """
    counted: int = db.call(
        "choose_business_timezone",
        timezone=timezone,
        actor=actor,
        actor_role=role,
        now=now,
        unless_chosen=unless_chosen,
    )
    return counted


def recount(db: Database, tell: Callable[[int], None] = lambda _: None) -> None:
    """Recount stale payments, some at a time; `tell` is called with the number counted in each step."""
    while counted := db.call("recount_stale", most=PAYMENTS_A_STEP):
        tell(counted)


def _changes(zone: ZoneInfo, since: datetime, until: datetime) -> Iterator[Change]:
    at, known = since, None
    while at <= until:
        offset = at.astimezone(zone).utcoffset()
        assert offset is not None  # the time is aware
        if offset != known:
            yield Change(at, int(offset.total_seconds()))
        at, known = at + STEP, offset


def _change(row: dict[str, Any]) -> Change:
    return Change(datetime.fromisoformat(row["at"]), row["seconds"])


def _local(changes: list[Change], at: datetime) -> str:
    seconds = [each.seconds for each in changes if each.at <= at][-1]
    return f"{at.astimezone(UTC) + timedelta(seconds=seconds):%H:%M}"
