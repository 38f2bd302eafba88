"""The alert for a database that does not answer or refuses calls. A file in DATA_DIR lists the targets notified."""

import fcntl
import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import structlog

from core.db import Database
from core.errors import Unavailable
from core.monitoring.alerts.targets import Target

FILE = "database-away.json"
TOLD_AFTER_SECONDS = 20.0  # a restart is over by then
FORGOTTEN_AFTER_SECONDS = 3600.0
OUTAGES = frozenset({"database_unavailable", "database_refuses"})  # incidents that this alert reports first
TITLE = "The database does not answer"
REFUSES = "The database refuses payops"

log = structlog.get_logger(__name__)


@dataclass
class DatabaseWatch:
    """Checks the database repeatedly. Each worker machine notifies every target once of an outage that lasts."""

    db: Database
    targets: Sequence[Target]
    data_dir: Path
    console: str
    seconds: Callable[[], float] = time.monotonic
    _away_since: float | None = field(default=None, init=False)
    _told: set[str] = field(default_factory=set, init=False)

    def look(self) -> bool:
        """Check that the database answers, and notify the targets if it does not. Returns whether it does."""
        try:
            self.db.call("schema_fingerprint")
        except Unavailable as error:
            self._away_since = self.seconds() if self._away_since is None else self._away_since
            if self.seconds() - self._away_since >= TOLD_AFTER_SECONDS:
                self._tell(error)
            return False
        self._away_since = None
        return True

    def told(self) -> list[str]:
        """The targets that were notified of the last outage; they are not notified again once it is an incident."""
        file = self.data_dir / FILE
        found = self._told | self._read()
        if file.exists() and time.time() - file.stat().st_mtime > FORGOTTEN_AFTER_SECONDS:
            found = set()  # those of an outage that was part of an incident already open
        self._told = set()
        file.unlink(missing_ok=True)
        return sorted(found)

    def _read(self) -> set[str]:
        try:
            kept: Any = json.loads((self.data_dir / FILE).read_text())
        except (OSError, ValueError):
            return set()
        return {str(each) for each in kept.get("told", [])} if isinstance(kept, dict) else set()

    def _tell(self, error: Unavailable) -> None:
        """Notify each target until it accepts the message; those that did are stored for a restarted worker."""
        with self._alone() as file:
            self._told |= self._read()
            for target in self.targets:
                if target.fingerprint not in self._told and self._took(target, error):
                    self._told.add(target.fingerprint)
            if file is not None:
                file.truncate(0)
                file.write(json.dumps({"told": sorted(self._told)}))

    def _took(self, target: Target, error: Unavailable) -> bool:
        silent, seconds = error.code == "database_unavailable", f"for {TOLD_AFTER_SECONDS:.0f} seconds or more"
        what = f"payops has had no answer from it {seconds}." if silent else f"{error.detail} It does so {seconds}."
        body = f"{what} Webhooks are answered 503, and Stripe repeats them.\n{self.console}/errors?tab=System"
        return target.tell(TITLE if silent else REFUSES, body, kind="firing", severity="critical") is None

    @contextmanager
    def _alone(self) -> Iterator[TextIO | None]:
        """One worker of this machine notifies at a time; None if no file can be written."""
        try:
            file = (self.data_dir / FILE).open("a+")
        except OSError as error:
            log.error("who was alerted about the database cannot be recorded", reason=error.strerror)
            yield None
            return
        with suppress(OSError), file:  # with a full disk, the set in memory still has it
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file
