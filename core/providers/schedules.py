"""When a provider works: hours in their own time zone, the capacity of each day of the week, and time off."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import TypedDict

from core.db import Database
from core.errors import Refused
from core.periods import Clock
from core.providers import licences
from core.providers.directory import MAX_CAPACITY
from core.staff import roles
from core.staff.roles import Actor

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
# How many schedules are refreshed before one consultation is assigned; the worker refreshes the others.
BEFORE_ONE = 20
IN_ONE_GO = 200


class Hours(TypedDict):
    """From `opens` to `closes` on a day of the week (Monday is 1), as `09:00`; into the next day if that is earlier."""

    weekday: int
    opens: str
    closes: str


class DayCapacity(TypedDict):
    """The capacity on a day of the week; 0 for a day on which no consultation is assigned."""

    weekday: int
    capacity: int


class TimeOff(TypedDict):
    """Days off, the first and the last included, in the provider's time."""

    first_day: str
    last_day: str
    note: str | None


class Schedule(TypedDict):
    """When a provider works; without `hours` always, except for time off."""

    zone: str
    hours: list[Hours]
    capacities: list[DayCapacity]
    time_off: list[TimeOff]


class ScheduleNow(Schedule):
    """A schedule, and what it means now; that stays the same from `since` to `until`."""

    on_duty: bool
    capacity: int | None
    since: str
    until: str


class ComingTimeOff(TypedDict):
    """Somebody's time off that has begun or will, and how many open consultations they have."""

    provider_id: str
    name: str
    first_day: str
    last_day: str
    note: str | None
    open_consultations: int


class Placed(TypedDict):
    """How many waiting consultations were assigned as a result."""

    placed: int


def one(db: Database, provider_id: str, now: datetime) -> ScheduleNow | None:
    """The provider's schedule; None for one who always works."""
    found: ScheduleNow | None = db.call("provider_schedule", provider=provider_id, now=now)
    return found


def put(
    db: Database, actor: Actor, provider_id: str, schedule: Schedule | None, now: datetime, *, reason: str
) -> Placed:
    """The provider works by `schedule` from now on; without one always.

    Raises `Refused` naming every problem before anything is written.
    """
    roles.require(actor, "providers")
    if schedule and (problems := problems_of(schedule)):
        raise Refused("bad_schedule", " ".join(problems))
    saved: Placed = db.call(
        "put_schedule",
        actor=actor.name,
        actor_role=str(actor.role),
        provider=provider_id,
        schedule=schedule,
        reason=reason,
        now=now,
    )
    return saved


def day_from_text(typed: str) -> str:
    """The ISO date of a day as it may be typed, as in the directory's files; what is no day stays as it was typed."""
    try:
        return str(licences.typed_day(typed))
    except ValueError:
        return typed.strip()


def problems_of(schedule: Schedule) -> list[str]:
    """Everything that is wrong with a schedule, in sentences; empty for a valid one."""
    problems = [
        f"The capacity on {WEEKDAYS[each['weekday'] - 1]} must be from 0 to {MAX_CAPACITY:,}."
        for each in schedule["capacities"]
        if not 0 <= each["capacity"] <= MAX_CAPACITY
    ]
    for each in schedule["hours"]:
        if not each["opens"] or not each["closes"]:
            problems.append(f"Enter both times of the hours on {WEEKDAYS[each['weekday'] - 1]}.")
    for off in schedule["time_off"]:
        try:
            if date.fromisoformat(off["last_day"]) < date.fromisoformat(off["first_day"]):
                problems.append(f"The time off from {off['first_day']} ends before it begins.")
        except (TypeError, ValueError):
            problems.append(f"{_unread(off)} Write each day of time off as 2026-11-20 or 20 Nov 2026.")
    return problems + _overlaps(schedule["hours"]) + _repeated(schedule["time_off"])


def _unread(off: TimeOff) -> str:
    """Which of the two days is missing, or no day."""
    for name, day in (("first", off["first_day"]), ("last", off["last_day"])):
        try:
            date.fromisoformat(day)
        except (TypeError, ValueError):
            return f"“{day}” is not a date." if day else f"The {name} day of a time off is missing."
    return ""


def _overlaps(hours: Sequence[Hours]) -> list[str]:
    """Two hours of one day that overlap are most likely a typing error."""
    problems = []
    ordered = sorted(hours, key=lambda each: (each["weekday"], each["opens"]))
    for before, after in zip(ordered, ordered[1:], strict=False):
        ends = before["closes"] if before["closes"] > before["opens"] else "24:00"
        if before["weekday"] == after["weekday"] and after["opens"] < ends:
            problems.append(f"Two of the hours on {WEEKDAYS[after['weekday'] - 1]} overlap.")
    return problems


def _repeated(times: Sequence[TimeOff]) -> list[str]:
    first_days = [each["first_day"] for each in times]
    return [f"Two times off begin on {day}." for day in sorted({d for d in first_days if first_days.count(d) > 1})]


def refresh(db: Database, now: datetime, *, at_most: int = IN_ONE_GO) -> int:
    """Make providers available, or not, whose hours, time off or day changed; answers how many there were."""
    refreshed: int = db.call("refresh_schedules", now=now, limit=at_most)
    return refreshed


def refresh_all(db: Database, clock: Clock, *, rounds: int = 100) -> int:
    """The same for all providers, in short transactions."""
    refreshed = 0
    for _ in range(rounds):
        found = refresh(db, clock())
        refreshed += found
        if found < IN_ONE_GO:
            break
    return refreshed


def coming_time_off(db: Database, until: date, now: datetime) -> list[ComingTimeOff]:
    """Providers who are on time off now or will be by `until`, earliest first."""
    found: list[ComingTimeOff] = db.call("time_off_soon", until=until, now=now)
    return found
