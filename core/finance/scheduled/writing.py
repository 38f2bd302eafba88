"""Writes the weekly exports that are due, and sends those that are set up to be sent."""

import logging
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from apprise import Apprise, AppriseAttachment, NotifyFormat, NotifyType
from pydantic import SecretStr

from core.db import Database, DatabaseFault
from core.errors import PayopsError, Refused
from core.exports import files
from core.exports.table import Stamp
from core.finance.scheduled import schedules
from core.finance.scheduled.schedules import PAGE, Schedule
from core.finance.scheduled.tables import TABLES, Filters
from core.payments.context import PaymentContext
from core.periods import wall_clock
from core.staff import audit, roles, users
from core.staff.roles import SYSTEM, Actor, Right, Role

DEFECT = "The export failed. The error is in the log and on the errors page. It is tried again within the hour."
KEPT_DAYS = 91  # 13 weeks
NOT_MINE = ("stopping", "job_taken_over")  # the job stops here or went to another worker, which continues

log = structlog.get_logger(__name__)


def folder_of(data_dir: Path) -> Path:
    """The folder of the files, which only payops's own system user can read."""
    return data_dir / "exports" / "scheduled"


def write_due(
    context: PaymentContext, zone: ZoneInfo, data_dir: Path, urls: Sequence[SecretStr], keep: Callable[[], None]
) -> int:
    """Write every weekly export that is due; returns how many. One that fails is retried at the next call, and the page
    shows its problem. `keep` is called after each page of rows, to keep hold of the job.
    """
    made, defects = 0, []
    for schedule in schedules.listed(context.db, SYSTEM):
        if (day := schedules.due_day(schedule, context.clock(), zone)) is None:
            continue
        try:
            made += _write(context, zone, folder_of(data_dir), urls, keep, schedule, day)
        except PayopsError:
            raise
        except Exception as defect:  # a defect in one export must not stop the others
            _finish(context, schedule, day, problem=DEFECT)
            defects.append(defect)
        keep()
    _forget_old(folder_of(data_dir), wall_clock())
    if defects:
        raise defects[0]
    return made


def file_name(schedule: Schedule, day: date) -> str:
    """`payments-2026-11-16-to-2026-11-22-7.xlsx`: the table, its days, and the schedule's number."""
    last = day - timedelta(days=1)
    return f"{schedule['table_name']}-{day - timedelta(days=7)}-to-{last}-{schedule['id']}.{schedule['file_format']}"


def _write(
    context: PaymentContext,
    zone: ZoneInfo,
    folder: Path,
    urls: Sequence[SecretStr],
    keep: Callable[[], None],
    schedule: Schedule,
    day: date,
) -> bool:
    path, now = folder / file_name(schedule, day), context.clock()
    try:
        if schedule["table_name"] not in TABLES:
            raise Refused("unknown_table", "This version of payops has no such table. Remove this export.")
        actor = maker(context.db, schedule)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        period, filters = schedules.period_of(day, zone), Filters.of(schedule["filters"])
        table = TABLES[schedule["table_name"]].build(context, actor, period, filters)
        rows = files.write(table, schedule["file_format"], path, Stamp(now, actor.name, zone), lambda _: keep())
    except DatabaseFault:
        raise
    except PayopsError as error:
        if error.code in NOT_MINE:
            raise
        _finish(context, schedule, day, problem=error.detail)
        log.warning("a weekly export was not made", schedule=schedule["id"], code=error.code)
        return False
    audit.record_export(
        context.db, actor, table.name, now, file_format=schedule["file_format"], rows=rows, filters=table.filters
    )
    problem = (
        send(urls, path, f"payops: {table.title}, week before {day:%-d %b %Y}", rows)
        if (schedule["delivery"] == "alerts")
        else None
    )
    _finish(context, schedule, day, rows=rows, file_name=path.name, problem=problem)
    return True


def _finish(context: PaymentContext, schedule: Schedule, day: date, **ended: Any) -> None:
    context.db.call("finish_scheduled_export", id=schedule["id"], day=day, now=context.clock(), **ended)


def maker(db: Database, schedule: Schedule) -> Actor:
    """The user who set up the export, with their current role. Raises `Refused` if they may no longer export it."""
    source, _, name = schedule["created_by"].partition(":")
    if source != "staff":
        return Actor(schedule["created_by"], Role.ADMIN)
    for user in users.everybody(db, SYSTEM):
        if user["name"] == name and user["active"] and roles.right(Role(user["role"]), PAGE) >= Right.ACT:
            return Actor(schedule["created_by"], Role(user["role"]))
    raise Refused("maker_gone", f"{name}, who set this export up, may no longer export it. Set it up again.")


def send(urls: Sequence[SecretStr], path: Path, title: str, rows: int) -> str | None:
    """Send the file to every target; a target without attachments gets only the message.

    Returns None if all accepted it, else a sentence about the problem. It is not sent again; the file stays stored.
    """
    if not urls:
        return "ALERT_URLS is not set, so the file was written to the folder and not sent."
    logging.getLogger("apprise").setLevel(logging.CRITICAL)  # Apprise logs addresses with the passwords in them
    body = f"{rows:,} rows in {path.name}. The file is also in exports/scheduled of payops' data folder."
    failed = sum(not _sent(url.get_secret_value(), path, title, body) for url in urls)
    targets = "the alert target" if len(urls) == 1 else f"{failed} of {len(urls)} alert targets"
    return f"The file was written to the folder, but {targets} did not accept it." if failed else None


def _sent(url: str, path: Path, title: str, body: str) -> bool:
    target = Apprise.instantiate(url)
    if target is None:
        return False
    attached = AppriseAttachment(str(path)) if target.attachment_support else None
    sent = target.notify(
        title=title, body=body, notify_type=NotifyType.INFO, body_format=NotifyFormat.TEXT, attach=attached
    )
    return sent is True


def _forget_old(folder: Path, now: datetime) -> None:
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.stat().st_mtime < (now - timedelta(days=KEPT_DAYS)).timestamp():
            path.unlink(missing_ok=True)
