"""Sends the messages that are due: at least once to each target, independently of the others."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypedDict

import structlog

from core.db import Database
from core.errors import PayopsError
from core.monitoring.alerts.targets import Target, named

HELD_SECONDS = 60  # a worker that dies while it sends leaves the message to the next one
AT_ONCE, MOST = 4, 20
PAUSES = tuple(timedelta(seconds=seconds) for seconds in (10, 30, 60, 120, 300, 600, 1800))
GIVEN_UP_AFTER = timedelta(hours=24)

log = structlog.get_logger(__name__)


class Review(TypedDict):
    """The review that a message is about."""

    cadence: str
    day: str


PageOf = Callable[[Review], Path | None]


class Due(TypedDict):
    """One message that one target has not accepted yet; `attempts` counts this one."""

    message_id: int
    target: str
    attempts: int
    kind: str
    severity: str
    title: str
    body: str
    written_at: str
    review: Review | None


def deliver(
    db: Database, targets: Sequence[Target], clock: Callable[[], datetime], page_of: PageOf = lambda _: None
) -> int:
    """Send what is due, several targets at once; answers how many messages a target accepted.

    `page_of` answers where the page of a review is, which goes along with the message about it.
    """
    due: list[Due] = db.call("claim_alert_deliveries", now=clock(), held_seconds=HELD_SECONDS, most=MOST)
    if not due:
        return 0
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="alerts") as pool:
        return sum(pool.map(lambda one: _send(db, named(one["target"], targets), one, clock, page_of), due))


def _send(db: Database, target: Target | None, due: Due, clock: Callable[[], datetime], page_of: PageOf) -> bool:
    if target is None:
        problem: str | None = "This target is no longer in ALERT_URLS."
    else:
        page = page_of(due["review"]) if due["review"] else None
        files = [page] if page else []
        problem = target.tell(due["title"], due["body"], kind=due["kind"], severity=due["severity"], attached=files)
    now = clock()
    try:
        db.call(
            "settle_alert_delivery",
            message_id=due["message_id"],
            target=due["target"],
            sent=problem is None,
            now=now,
            problem=problem,
            next_attempt_at=_again_at(due, now) if problem and target else None,
        )
    except PayopsError as error:  # it is due again after HELD_SECONDS: a message sent twice is better than one lost
        log.warning("a delivery could not be recorded", message=due["message_id"], code=error.code)
    return problem is None


def _again_at(due: Due, now: datetime) -> datetime | None:
    """When the target is tried again; None once it has failed for a day."""
    if now - datetime.fromisoformat(due["written_at"]) > GIVEN_UP_AFTER:
        return None
    return now + PAUSES[min(due["attempts"], len(PAUSES)) - 1]
