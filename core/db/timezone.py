"""The business's time zone: the database owns it, and every process that works with it has to agree."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import Any
from zoneinfo import ZoneInfo

from cachetools import TTLCache

from core.db import Database
from core.errors import Refused

COMPARED = timedelta(days=2 * 366)  # before now and after it
STEP = timedelta(minutes=30)  # no zone changes at another time of the hour
PAYMENTS_A_STEP = 5_000
REFUSALS = frozenset({"other_timezone", "time_zones_differ", "unknown_timezone"})
_agreed: TTLCache[str, bool] = TTLCache(maxsize=8, ttl=3600)


@dataclass(frozen=True)
class Change:
    """From `at` on, the zone is `seconds` ahead of UTC."""

    at: datetime
    seconds: int


def require(db: Database, timezone: str, now: datetime) -> None:
    """Raises `Refused` where the database counts its days in another zone, or knows other rules for this one."""
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
    """Make this the zone in which days are counted, audited; answers how many payments are to be counted anew.

    With `unless_chosen`, a zone that was chosen before stays.
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
    """Count what is stale, some payments at a time; `tell` hears how many were counted in each step."""
    while counted := db.call("recount_stale", most=PAYMENTS_A_STEP):
        tell(counted)


def _changes(zone: ZoneInfo, since: datetime, until: datetime) -> Iterator[Change]:
    at, known = since, None
    while at <= until:
        offset = at.astimezone(zone).utcoffset()
        assert offset is not None  # of an aware time
        if offset != known:
            yield Change(at, int(offset.total_seconds()))
        at, known = at + STEP, offset


def _change(row: dict[str, Any]) -> Change:
    return Change(datetime.fromisoformat(row["at"]), row["seconds"])


def _local(changes: list[Change], at: datetime) -> str:
    seconds = [each.seconds for each in changes if each.at <= at][-1]
    return f"{at.astimezone(UTC) + timedelta(seconds=seconds):%H:%M}"
