"""Sends each review once, in the morning after its day or week: as a page attached to a message to ALERT_URLS."""

from collections.abc import Sequence
from datetime import date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog
from pydantic import SecretStr

from core.db import Database
from core.errors import PayopsError
from core.monitoring.alerts.delivery import Review as Sent
from core.monitoring.alerts.targets import targets_of
from core.periods import business_day
from core.reviews import report
from core.reviews.check import Cadence, newest_period
from core.reviews.report import Report
from core.reviews.signing import PAGES

SENT_FROM = time(7)
log = structlog.get_logger(__name__)


def send_due(
    db: Database, *, zone: ZoneInfo, data_dir: Path, urls: Sequence[SecretStr], console: str, now: datetime
) -> int:
    """Write the latest daily checks and weekly review, each once, and queue them; returns how many were queued now.

    They are delivered like alerts: repeated for each target until it accepts the message, for up to a day.
    """
    if now.astimezone(zone).time() < SENT_FROM:
        return 0
    return sum(_send(db, cadence, zone, data_dir, urls, console, now) for cadence in Cadence)


def _send(
    db: Database,
    cadence: Cadence,
    zone: ZoneInfo,
    data_dir: Path,
    urls: Sequence[SecretStr],
    console: str,
    now: datetime,
) -> bool:
    day = newest_period(cadence, business_day(now, zone), zone).since
    if db.call("review_is_sent", cadence=cadence, day=day):
        return False
    found = report.load(db, cadence, day, zone=zone, now=now)
    _write(found, data_dir)
    targets = [target.fingerprint for target in targets_of(urls)]
    db.call(  # comes last, so that a process killed before this sends the review again
        "record_review_sent",
        cadence=cadence,
        day=day,
        now=now,
        title=f"payops: {found.title}",
        body=_message(found, console),
        targets=targets,
    )
    log.info("a review is on its way", cadence=str(cadence), day=str(day), targets=len(targets))
    return True


def page_of(db: Database, sent: Sent, *, zone: ZoneInfo, data_dir: Path, now: datetime) -> Path | None:
    """The path of the review's page, written again if another machine wrote it. None if it cannot be written."""
    path = _path(data_dir, sent["cadence"], sent["day"])
    try:
        if not path.exists():
            _write(
                report.load(db, Cadence(sent["cadence"]), date.fromisoformat(sent["day"]), zone=zone, now=now), data_dir
            )
    except (OSError, PayopsError) as error:
        log.warning("a review is sent without its page", cadence=sent["cadence"], day=sent["day"], reason=str(error))
        return None
    return path


def _path(data_dir: Path, cadence: str, day: str) -> Path:
    return data_dir / "reviews" / f"{cadence}-{day}.html"


def _write(found: Report, data_dir: Path) -> None:
    path = _path(data_dir, found.review.cadence, str(found.review.day))
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_text(report.html(found), encoding="utf-8")


def _message(found: Report, console: str) -> str:
    said = [found.headline, *(f"{check.title}: {check.finding}" for check in found.review.checks)]
    link = f"{console.rstrip('/')}/{PAGES[found.review.cadence]}?day={found.review.day}"
    return "\n\n".join([*said, link])
