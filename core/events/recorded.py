"""Applies events that were recorded but not applied yet, in large batches; one process at a time does it."""

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
GATHER_SECONDS = 0.1  # pause between two batches, so that the next one is large
LOOK_SECONDS = 1.0  # how often to look for events that a killed process left recorded
AGAIN_SECONDS = 0.5  # wait after an error
TAKEN_SECONDS = 0.05  # wait while another process applies them
MOST_BEHIND = 5_000  # waiting events; beyond this number, senders of new ones are kept waiting too
WAIT_FOR_ROOM_SECONDS = 0.2
WINDOW_SECONDS = 0.25
# Load is high if the last window had this many events, this many per batch, and this share of its time spent writing.
CROWD = 50
COMPANY = 2.5
BUSY = 0.5
STILL_BUSY = 0.5  # factor for BUSY while events are only recorded, because recording takes less time than applying


class Applying:
    """Applies recorded events. After an error it applies a single event; if that fails too, the event is set aside.

    An event that is set aside is marked as failed and retried later, so that it does not block the others.
    """

    def __init__(self, db: Database, clock: Clock):
        self._db, self._clock = db, clock
        self._most, self._set_aside = EVENTS_AT_ONCE, False

    def some(self) -> int | None:
        """Apply the oldest events and return how many; 0 if none is left, None if another process is applying them."""
        try:
            applied: int | None = self._db.call(
                "apply_recorded_events", most=self._most, now=self._clock(), set_aside=self._set_aside
            )
        except PayopsError as error:
            # An unreachable or refusing database is not the events' fault.
            if not isinstance(error, Unavailable) or error.code == "database_too_slow":
                self._most, self._set_aside = 1, self._most == 1
            raise
        if applied:
            self._most, self._set_aside = min(2 * self._most, EVENTS_AT_ONCE), False
        return applied

    def apply_all(self) -> int:
        """Apply all recorded events, unless another process is doing so; returns how many."""
        count = 0
        while applied := self.some():
            count += applied
        return count


class Applier:
    """A thread that applies events once this process records some, and regularly those that other processes left."""

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
        """An upper estimate of the events still to be applied, whichever process recorded them."""
        return self._behind

    def recorded(self, count: int) -> None:
        """Tell the thread that this process recorded `count` more events."""
        with self._counting:
            self._since += count
            self._reckon(self._behind + count)
        self._some.set()

    def wait_for_room(self) -> None:
        """Wait briefly (`WAIT_FOR_ROOM_SECONDS`) if `MOST_BEHIND` events or more are not applied yet."""
        self._room.wait(WAIT_FOR_ROOM_SECONDS)

    def close(self) -> None:
        """Stop the thread, after one last attempt to apply what is left; another process applies the rest."""
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
        """Estimate anew: `left` events, plus those recorded since `_since` was set to 0."""
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
        """Apply until none is left, or until another process is found to be applying them, ours included."""
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
    """Writes a batch of events: applied before they are answered or, at high load, only recorded and applied later.

    Load is high when writing takes up much of the time, so that the limit fits slow and fast machines.
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
        """Begin a new window if the current one is over."""
        passed = time.monotonic() - self._began
        if passed > WINDOW_SECONDS:
            self._before = self._now if passed < 2 * WINDOW_SECONDS else _Window()
            self._began, self._now = time.monotonic(), _Window()


@dataclass
class _Window:
    """What was written within one window of `WINDOW_SECONDS`."""

    events: int = 0
    batches: int = 0
    busy_seconds: float = 0.0
