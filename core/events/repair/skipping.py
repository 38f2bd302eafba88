"""If an object cannot be fetched or read, it is skipped for a day, with an incident, so that the others go on."""

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial

from core.db import Database, DatabaseFault
from core.errors import Refused
from core.events.registry import READING_ERRORS, Misshapen, Records, merged
from core.stripe_gateway import Json

FETCH_PAYOUT_CONTENTS = "fetch payout contents"
FETCH_BOOKINGS = "fetch missing balance transactions"
REFETCH = "refetch tied objects"
BACKFILL = "backfill"
COMPARE = "compare mirror"
FETCH_TRACE_IDS = "fetch trace ids"
PULL_BALANCE = "pull balance transactions"
SKIPPABLE = (Refused, DatabaseFault, *READING_ERRORS)


def done_or_skipped(
    db: Database, task: str, object_id: object, work: Callable[[], object], *, now: datetime
) -> Exception | None:
    """Do the work on one object. If the object is refused or unreadable, skip it and return the error, else None.

    Raises `Unavailable` if Stripe or the database does not answer, and `Refused` if Stripe refuses our key.
    """
    try:
        work()
    except SKIPPABLE as error:
        if getattr(error, "code", "") == "stripe_key_refused":
            raise
        db.call("skip_object", task=task, object_id=str(object_id or "without an id"), reason=reason_of(error), now=now)
        return error
    return None


def readable_records(
    db: Database,
    task: str,
    objects: Iterable[Json],
    records_of: Callable[[Json], Records],
    *,
    now: datetime,
) -> Records:
    """The records of all these objects that can be read; the others are skipped."""
    found: list[Records] = []
    for each in objects:
        done_or_skipped(db, task, _id_of(each), partial(_add, found, records_of, each), now=now)
    return merged(found)


def _add(found: list[Records], records_of: Callable[[Json], Records], subject: Json) -> None:
    found.append(records_of(subject))


def _id_of(subject: Json) -> str | None:
    """The object's id; None if it has no valid one."""
    given = subject.get("id") if isinstance(subject, dict) else None
    return given if isinstance(given, str) and len(given) < 256 else None


def reason_of(error: Exception) -> str:
    """What went wrong, without any value from the object."""
    if isinstance(error, Refused):
        return f"Stripe refused it: {error.facts.get('stripe_code') or error.code}"
    if isinstance(error, KeyError | Misshapen):
        return f"{type(error).__name__}: {error}"
    return type(error).__name__
