"""Events that are recorded and not applied yet: applied in large batches, by whichever process is first."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from core.db import Database
from core.errors import PayopsError, Unavailable
from core.events import inbox
from core.periods import Clock

log = structlog.get_logger(__name__)
EVENTS_AT_ONCE = 500
GATHER_SECONDS = 0.1  # between two batches, so that the second is large
LOOK_SECONDS = 1.0  # for events that a process recorded before it was killed
AGAIN_SECONDS = 0.5  # after an error
TAKEN_SECONDS = 0.05  # another process applies them
MOST_BEHIND = 5_000  # events of this process that wait; with more of them its senders have to wait as well
WAIT_FOR_ROOM_SECONDS = 0.2
WINDOW_SECONDS = 0.25
# A crowd, as the window before saw it: so many events, so many in a batch, and the writer busy for this share of it.
CROWD = 50
COMPANY = 2.5
BUSY = 0.5
STILL_BUSY = 0.5  # of that share, while events are recorded first: recording takes the writer less time than applying


class Applying:
    """Applies recorded events. After an error it tries one batch alone, and sets aside what fails even so.

    What is set aside is kept as failed and retried event by event, so that it holds up no other.
    """

    def __init__(self, db: Database, clock: Clock):
        self._db, self._clock = db, clock
        self._most, self._set_aside = EVENTS_AT_ONCE, False

    def some(self) -> int | None:
        """Apply the oldest, and answer how many; 0 if none is left, None if another process is at it."""
        try:
            applied: int | None = self._db.call(
                "apply_recorded_events", most=self._most, now=self._clock(), set_aside=self._set_aside
            )
        except PayopsError as error:
            # That the database is away or refuses says nothing about the events.
            if not isinstance(error, Unavailable) or error.code == "database_too_slow":
                self._most, self._set_aside = 1, self._most == 1
            raise
        if applied:
            self._most, self._set_aside = min(2 * self._most, EVENTS_AT_ONCE), False
        return applied

    def apply_all(self) -> int:
        """Apply all of them, unless another process is at it; answers how many."""
        count = 0
        while applied := self.some():
            count += applied
        return count


class Applier:
    """A thread that applies events as soon as this process has recorded some, and looks for those of others."""

    def __init__(self, db: Database, clock: Clock):
        self._db, self._applying = db, Applying(db, clock)
        self._some, self._room, self._stop = threading.Event(), threading.Event(), threading.Event()
        self._behind = self._since = 0
        self._counting = threading.Lock()
        self._room.set()
        self._thread = threading.Thread(target=self._run, name="apply recorded events", daemon=True)
        self._thread.start()

    @property
    def behind(self) -> int:
        """How many events may still have to be applied, whoever recorded them."""
        return self._behind

    def recorded(self, count: int) -> None:
        """So many more are recorded."""
        with self._counting:
            self._since += count
            self._reckon(self._behind + count)
        self._some.set()

    def wait_for_room(self) -> None:
        """Wait a moment if too many are not applied yet."""
        self._room.wait(WAIT_FOR_ROOM_SECONDS)

    def close(self) -> None:
        """Apply what is left if that goes well at once; otherwise another process will."""
        self._stop.set()
        self._some.set()
        self._thread.join(10)

    def _reckon(self, behind: int) -> None:
        self._behind = behind
        if behind < MOST_BEHIND:
            self._room.set()
        else:
            self._room.clear()

    def _reckon_from(self, left: int) -> None:
        """So many were left when `_since` was set to 0."""
        with self._counting:
            self._reckon(left + self._since)

    def _recorded_from_now(self) -> None:
        with self._counting:
            self._since = 0

    def _run(self) -> None:
        away = False
        while not self._stop.is_set():
            self._some.wait(LOOK_SECONDS)
            self._some.clear()
            try:
                self._apply()
                away = False
            except PayopsError as error:
                if not away:
                    log.warning("recorded events were not applied yet", code=error.code)
                away = True
                self._stop.wait(AGAIN_SECONDS)
            except Exception:
                log.exception("applying recorded events failed")
                self._stop.wait(AGAIN_SECONDS)

    def _apply(self) -> None:
        """Apply until none is left. Another process may be at it instead, with our events among its own."""
        while True:
            self._recorded_from_now()
            applied = self._applying.some()
            if applied == 0:
                self._reckon_from(0)
                return
            self._recorded_from_now()
            self._reckon_from(self._db.call("recorded_left"))
            if applied is None and self._stop.wait(TAKEN_SECONDS):
                return
            if applied is not None and applied < EVENTS_AT_ONCE:
                self._stop.wait(GATHER_SECONDS)


class InboxWriter:
    """Writes a batch of events: applied before they are answered, or in a crowd recorded first and applied together.

    There is a crowd where applying each batch keeps the writer busy, however quick the machine is.
    """

    def __init__(self, db: Database, applier: Applier, clock: Clock):
        self._db, self._applier, self._clock = db, applier, clock
        self._began, self._now, self._before = 0.0, _Window(), _Window()
        self._counting, self._recording = threading.Lock(), False

    def __call__(self, batch: Sequence[inbox.Received]) -> list[str]:
        started = time.monotonic()
        try:
            self._recording = self._crowded() or self._applier.behind > 0
            if not self._recording:
                return inbox.receive(self._db, batch, now=self._clock())
            self._applier.wait_for_room()
            outcomes = inbox.record(self._db, batch, now=self._clock())
            self._applier.recorded(outcomes.count("recorded"))
            return outcomes
        finally:
            self._count(len(batch), time.monotonic() - started)

    def _crowded(self) -> bool:
        with self._counting:
            self._roll()
            seen, share = self._before, BUSY * (STILL_BUSY if self._recording else 1)
        return seen.events >= max(CROWD, COMPANY * seen.batches) and seen.busy_seconds >= share * WINDOW_SECONDS

    def _count(self, events: int, seconds: float) -> None:
        with self._counting:
            self._roll()
            self._now.events += events
            self._now.batches += 1
            self._now.busy_seconds += seconds

    def _roll(self) -> None:
        """Begin another window where this one is over."""
        passed = time.monotonic() - self._began
        if passed > WINDOW_SECONDS:
            self._before = self._now if passed < 2 * WINDOW_SECONDS else _Window()
            self._began, self._now = time.monotonic(), _Window()


@dataclass
class _Window:
    """What was written in a short time."""

    events: int = 0
    batches: int = 0
    busy_seconds: float = 0.0
