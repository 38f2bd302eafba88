"""A complete backfill in the background of a process, one at a time in an installation; everybody sees its progress."""

import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

import structlog

from core.db import Database
from core.errors import PayopsError, Refused, Unavailable
from core.events.repair import backfill
from core.figures.wording import counted
from core.jobs import HELD_SECONDS, this_worker
from core.periods import Clock
from core.staff import audit
from core.staff.roles import Actor, require
from core.stripe_gateway import StripeGateway

JOB = "backfill"
HEARTBEAT_SECONDS = 20
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Kind:
    """One kind of object, and how many of it were read; `done` once its list was read to the end."""

    name: str
    objects: int
    done: bool


@dataclass(frozen=True)
class Reached:
    """What the backfill has read so far; `complete_at` is when the last complete one began, None before the first."""

    kinds: tuple[Kind, ...]
    running: bool
    complete_at: datetime | None

    @property
    def objects(self) -> int:
        return sum(kind.objects for kind in self.kinds)

    @property
    def share(self) -> float:
        """The share of the kinds that are read, from 0 to 1. Stripe does not say how many objects there are."""
        return sum(kind.done for kind in self.kinds) / len(backfill.SOURCES)

    def in_words(self) -> str:
        read = f"{counted(self.objects, 'object')} read"
        if self.running:
            now = next((kind.name.replace("_", " ") for kind in self.kinds if not kind.done), "the next kind")
            return f"{read} so far, now {now}."
        if self.complete_at is not None:
            return f"{read}. Every kind of object was read to its end."
        return (
            f"Stopped after {counted(self.objects, 'object')}. It continues from there." if self.kinds else "Not begun."
        )


def reached(db: Database) -> Reached:
    """The progress of the backfill of everything, whichever process runs it."""
    found = db.call("backfill_progress")
    order = {name: place for place, name in enumerate(backfill.NAMES)}
    kinds = (Kind(**each) for each in found["kinds"])
    at = found["complete_at"]
    return Reached(
        tuple(sorted(kinds, key=lambda kind: order.get(kind.name, len(order)))),
        found["running"],
        datetime.fromisoformat(at) if at else None,
    )


def start(db: Database, stripe: StripeGateway, actor: Actor, *, clock: Clock, livemode: bool) -> threading.Thread:
    """Begin the backfill, or continue one that stopped; it goes on when the page is left. The audit log has an entry.

    Raises `Refused` (`backfill_runs`) while one runs anywhere.
    """
    require(actor, "settings")
    holder = this_worker()
    if not db.call("claim_job", name=JOB, holder=holder, seconds=HELD_SECONDS):
        raise Refused("backfill_runs", "A backfill runs already. Its progress is shown here.")
    audit.record(db, actor, "events:backfill:started", "backfill:everything", clock())

    def work() -> None:
        kept_at = time.monotonic()

        def tell(_: backfill.Progress) -> None:
            nonlocal kept_at
            if time.monotonic() - kept_at > HEARTBEAT_SECONDS:
                kept_at = time.monotonic()
                if not db.call("keep_job", name=JOB, holder=holder, seconds=HELD_SECONDS):
                    raise Refused("job_taken_over", "Another process has taken over the backfill.")

        try:
            backfill.run(db, stripe, clock=clock, livemode=livemode, tell=tell)
        except (Refused, Unavailable) as error:
            log.warning("the backfill stopped; it continues where it was", reason=error.detail)
        except Exception:  # nothing waits for this thread, so a defect is seen only in the log
            log.exception("the backfill failed; it continues where it was")
        finally:
            with suppress(PayopsError):  # without this, the job expires a little later
                db.call("release_jobs", holder=holder)

    thread = threading.Thread(target=work, name=JOB, daemon=True)
    thread.start()
    return thread
