"""The weekly exports that users set up: a table with its filters, a weekday, and how the file is delivered."""

from datetime import date, datetime, timedelta
from typing import Literal, TypedDict
from zoneinfo import ZoneInfo

from core.db import Database
from core.errors import Refused
from core.exports.files import MEDIA_TYPES, Format
from core.finance.scheduled.tables import TABLES, Filters
from core.payments.amount_limits import CURRENCIES
from core.periods import Period
from core.staff import roles
from core.staff.roles import Actor

PAGE = "reconciliation"
FROM_HOUR = 6  # hour of the business day, so that events that arrive late at night are included
Delivery = Literal["folder", "alerts"]
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
DELIVERIES: dict[Delivery, str] = {"folder": "Into the folder exports/scheduled", "alerts": "Sent to the alert targets"}


class Schedule(TypedDict):
    """A weekly export and the result of its last run; `weekday` is 1 for Monday."""

    id: int
    table_name: str
    file_format: Format
    weekday: int
    delivery: Delivery
    filters: dict[str, str]
    created_at: str
    created_by: str
    done_for: str | None
    done_at: str | None
    rows: int | None
    file_name: str | None
    problem: str | None


def listed(db: Database, actor: Actor) -> list[Schedule]:
    """The weekly exports, oldest first."""
    roles.require(actor, PAGE)
    rows: list[Schedule] = db.call("list_export_schedules")
    return rows


def add(
    db: Database,
    actor: Actor,
    table: str,
    file_format: Format,
    weekday: int,
    delivery: Delivery,
    filters: Filters,
    now: datetime,
) -> None:
    """Export this table every week on this weekday (1 is Monday). Raises `Refused` if that cannot be scheduled."""
    roles.require(actor, PAGE)
    described = TABLES.get(table)
    if described is None or file_format not in MEDIA_TYPES or delivery not in DELIVERIES or weekday not in range(1, 8):
        raise Refused("bad_schedule", "Choose a table, a format, a weekday and where the file goes.")
    if filters.status is not None and filters.status not in described.statuses:
        raise Refused("bad_status", "Choose one of the table's statuses.")
    if filters.currency is not None and not (described.by_currency and filters.currency in CURRENCIES):
        raise Refused("bad_currency", "Choose a currency that the table can be narrowed to.")
    db.call(
        "add_export_schedule",
        actor=actor.name,
        actor_role=str(actor.role),
        table_name=table,
        file_format=file_format,
        weekday=weekday,
        delivery=delivery,
        filters=filters.kept(),
        now=now,
    )


def remove(db: Database, actor: Actor, schedule_id: int, now: datetime) -> None:
    """Stop this export; files already written stay."""
    roles.require(actor, PAGE)
    db.call("remove_export_schedule", actor=actor.name, actor_role=str(actor.role), id=schedule_id, now=now)


def due_day(schedule: Schedule, now: datetime, zone: ZoneInfo) -> date | None:
    """The day whose export is due: the latest of its weekdays, from six in the morning on; None if that one is done or
    was before the schedule was set up.
    """
    local = now.astimezone(zone)
    today = local.date() if local.hour >= FROM_HOUR else local.date() - timedelta(days=1)
    day = today - timedelta(days=(today.isoweekday() - schedule["weekday"]) % 7)
    set_up = datetime.fromisoformat(schedule["created_at"]).astimezone(zone).date()
    done = date.fromisoformat(schedule["done_for"]) if schedule["done_for"] else date.min
    return day if day > done and day >= set_up else None


def period_of(day: date, zone: ZoneInfo) -> Period:
    """The period of the export of `day`: the seven business days before it."""
    return Period(day - timedelta(days=7), day - timedelta(days=1), zone)
