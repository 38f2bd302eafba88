"""Jobs that only one worker does at a time: a row with an expiry reserves the job, so a dead worker's is taken over."""

import os
import socket
import threading
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from core.db import Database
from core.errors import PayopsError, Refused, Unavailable
from core.periods import Clock

HELD_SECONDS = 120  # since the last heartbeat; a call to Stripe with its retries takes 60 at most
RETRY_SECONDS = 60  # after a failure
NIGHTLY_AT = time(3)


def this_worker() -> str:
    """A name that no other worker has."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"


@dataclass(frozen=True)
class Jobs:
    """The jobs of one worker, `holder`, until `stop` is set; jobs are due by the business's `clock`."""

    db: Database
    clock: Clock
    stop: threading.Event
    holder: str = field(default_factory=this_worker)

    def do_alone(self, name: str, work: Callable[[], object], *, held_seconds: int = HELD_SECONDS) -> bool:
        """Do the work unless another worker holds the job; this one holds it until `release` or `held_seconds` pass."""
        if not self.db.call("claim_job", name=name, holder=self.holder, seconds=held_seconds):
            return False
        work()
        return True

    def do_once(self, name: str, due_before: datetime, work: Callable[[Callable[[], None]], object]) -> bool:
        """Do the work unless it was done since `due_before` or another worker does it; returns whether it was done.

        The work must call the given heartbeat. It raises `Refused` if another worker took the job over, and
        `Unavailable` if this worker is stopping. If the work fails, any worker may retry it after a minute.
        """
        begun_at = self.clock()
        if not self.db.call("claim_job", name=name, holder=self.holder, seconds=HELD_SECONDS, due_before=due_before):
            return False
        try:
            work(lambda: self._heartbeat(name))
        except BaseException:
            with suppress(PayopsError):  # without this, the job expires a little later
                self.db.call("finish_job", name=name, holder=self.holder, again_after_seconds=RETRY_SECONDS)
            raise
        self.db.call("finish_job", name=name, holder=self.holder, done_at=begun_at)
        return True

    def release(self) -> None:
        """Give up all jobs at once, so that other workers can take them."""
        with suppress(PayopsError):
            self.db.call("release_jobs", holder=self.holder)

    def _heartbeat(self, name: str) -> None:
        if self.stop.is_set():
            raise Unavailable("stopping", f"This worker is stopping; another one will continue {name}.")
        if not self.db.call("keep_job", name=name, holder=self.holder, seconds=HELD_SECONDS):
            raise Refused("job_taken_over", f"Another worker has taken over the job {name}.")


def an_hour_ago(now: datetime) -> datetime:
    """An hourly job is due if it was last done before this."""
    return now - timedelta(hours=1)


def last_night(now: datetime, zone: ZoneInfo) -> datetime:
    """A nightly job is due if it was last done before this: the latest 3 o'clock in `zone`."""
    night = datetime.combine(now.astimezone(zone).date(), NIGHTLY_AT, tzinfo=zone)
    return night if night <= now else datetime.combine(night.date() - timedelta(days=1), NIGHTLY_AT, tzinfo=zone)
