"""Work that one worker at a time does, however many run: held by a row
that expires, so that a dead one's is taken over.
"""

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

HELD_SECONDS = 120  # without a sign of life; a call to Stripe with its retries takes 60 at most
AGAIN_AFTER_SECONDS = 60  # where it did not get done
NIGHT = time(3)


def this_worker() -> str:
    """A name no other worker has."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"


@dataclass(frozen=True)
class Jobs:
    """What one worker, `holder`, may do until it is told to `stop`;
    `clock` is the business's, by which jobs come due.
    """

    db: Database
    clock: Clock
    stop: threading.Event
    holder: str = field(default_factory=this_worker)

    def do_alone(self, name: str, work: Callable[[], object], *, held_seconds: int = HELD_SECONDS) -> bool:
        """Do the work unless another worker does it; it stays this one's until `release` or silence."""
        if not self.db.call("claim_job", name=name, holder=self.holder, seconds=held_seconds):
            return False
        work()
        return True

    def do_once(self, name: str, due_before: datetime, work: Callable[[Callable[[], None]], object]) -> bool:
        """Do the work unless it was done since `due_before` or another worker does it; whether this one did.

        The work calls what it is given as a sign of life; that raises `Refused` where the job was taken over, and
        `Unavailable` where this worker stops. Where the work raises, anybody may try again in a minute.
        """
        begun_at = self.clock()
        if not self.db.call("claim_job", name=name, holder=self.holder, seconds=HELD_SECONDS, due_before=due_before):
            return False
        try:
            work(lambda: self._keep(name))
        except BaseException:
            with suppress(PayopsError):  # silence has the same effect, a little later
                self.db.call("finish_job", name=name, holder=self.holder, again_after_seconds=AGAIN_AFTER_SECONDS)
            raise
        self.db.call("finish_job", name=name, holder=self.holder, done_at=begun_at)
        return True

    def release(self) -> None:
        """Leave everything to the other workers at once."""
        with suppress(PayopsError):
            self.db.call("release_jobs", holder=self.holder)

    def _keep(self, name: str) -> None:
        if self.stop.is_set():
            raise Unavailable("stopping", f"This worker stops; another one goes on with {name}.")
        if not self.db.call("keep_job", name=name, holder=self.holder, seconds=HELD_SECONDS):
            raise Refused("job_taken_over", f"Another worker has taken over the job {name}.")


def an_hour_ago(now: datetime) -> datetime:
    """An hourly job done before this is due."""
    return now - timedelta(hours=1)


def last_night(now: datetime, zone: ZoneInfo) -> datetime:
    """A nightly job done before this is due: the latest 3 o'clock in `zone`."""
    night = datetime.combine(now.astimezone(zone).date(), NIGHT, tzinfo=zone)
    return night if night <= now else datetime.combine(night.date() - timedelta(days=1), NIGHT, tzinfo=zone)
