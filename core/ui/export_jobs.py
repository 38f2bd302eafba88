"""Exports of large tables: written in the background with progress, kept on disk for one hour for their maker."""

import secrets
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal

import structlog

from core.db import Database, DatabaseFault
from core.errors import PayopsError, Refused
from core.exports import files
from core.exports.files import Format
from core.exports.table import Stamp, Table
from core.staff import audit
from core.staff.roles import Actor
from core.ui import session

KEPT_SECONDS = 3600
AT_ONCE = 2  # exports written at once; further ones wait
WAITING_SECONDS = 0.2  # how soon a waiting export notices that it was canceled
STILL_ALLOWED_SECONDS = 5  # how often it is checked that the maker may still see the table
STOPPED = Refused("export_canceled", "The export was canceled. No file was made.")
FAILED = "The export failed and no file was made. The error is in the log. Try again, or choose a shorter period."

log = structlog.get_logger(__name__)
State = Literal["waiting", "writing", "ready", "failed", "canceled", "gone"]


@dataclass
class Export:
    """One export of a table for one user (`owner`, the name they sign in with); `rows` of `count` are written."""

    id: str
    owner: str
    table: str
    file_format: Format
    path: Path
    count: int | None = None
    rows: int = 0
    state: State = "waiting"
    problem: str = ""
    bytes: int = 0
    made_at: float = field(default_factory=time.monotonic)
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def running(self) -> bool:
        return self.state in ("waiting", "writing")

    @property
    def file_name(self) -> str:
        return f"{self.table}.{self.file_format}"


@dataclass(frozen=True)
class Wanted:
    """A requested export; `acting` returns the user, and raises if they may no longer see the table."""

    name: str
    file_format: Format
    table: Callable[[Actor], Table]
    acting: Callable[[], Actor]
    stamp: Callable[[Actor], Stamp]


class Exports:
    """The exports of this process, with files in `folder`, which no other process uses."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._exports: dict[str, Export] = {}
        self._places = threading.Semaphore(AT_ONCE)

    def start(self, db: Database, wanted: Wanted) -> Export:
        """Start an export; it replaces the user's last one of the same table."""
        self.sweep()
        owner = wanted.acting().name.partition(":")[2]
        if (last := self.of(owner, wanted.name)) is not None:
            self.discard(last)
        folder = self._folder / secrets.token_urlsafe(16)
        folder.mkdir(mode=0o700, parents=True)
        path = folder / f"table.{wanted.file_format}"
        export = Export(folder.name, owner, wanted.name, wanted.file_format, path)
        with self._lock:
            self._exports[export.id] = export
        threading.Thread(
            target=self._make, args=(export, db, wanted), name=f"export {wanted.name}", daemon=True
        ).start()
        return export

    def of(self, owner: str, table: str) -> Export | None:
        """The user's last export of this table; None if there is none or it was deleted."""
        with self._lock:
            found = [one for one in self._exports.values() if (one.owner, one.table) == (owner, table)]
        return found[-1] if found else None

    def ready(self, owner: str, export_id: str) -> Export | None:
        """The finished export with this id, if it is this user's; else None."""
        self.sweep()
        with self._lock:
            found = self._exports.get(export_id)
        return found if found and found.owner == owner and found.state == "ready" else None

    def discard(self, export: Export) -> None:
        """Stop the export and delete its file."""
        export.stop.set()
        export.state = "canceled" if export.running else "gone"
        with self._lock:
            self._exports.pop(export.id, None)
        shutil.rmtree(export.path.parent, ignore_errors=True)

    def sweep(self, now: float | None = None) -> None:
        """Delete exports made more than an hour ago, also those of processes that have ended."""
        moment = time.monotonic() if now is None else now
        with self._lock:
            known = list(self._exports.values())
        for export in known:
            if not export.running and moment - export.made_at > KEPT_SECONDS:
                self.discard(export)
        for left in self._folder.iterdir() if self._folder.is_dir() else ():
            if left.name not in {each.id for each in known} and time.time() - left.stat().st_mtime > KEPT_SECONDS:
                shutil.rmtree(left, ignore_errors=True)

    def close(self) -> None:
        """Stop running exports and delete all files."""
        with self._lock:
            known = list(self._exports.values())
        for export in known:
            self.discard(export)

    def _make(self, export: Export, db: Database, wanted: Wanted) -> None:
        while not self._places.acquire(timeout=WAITING_SECONDS):
            if export.stop.is_set():
                return
        try:
            self._write(export, db, wanted)
        except DatabaseFault:
            self._failed(export, FAILED)
        except PayopsError as error:
            self._failed(export, error.detail)
        except Exception:
            self._failed(export, FAILED)
        finally:
            self._places.release()

    def _write(self, export: Export, db: Database, wanted: Wanted) -> None:
        if export.stop.is_set():
            return
        actor = wanted.acting()
        described = wanted.table(actor)
        export.count, export.state = described.count, "writing"
        asked = time.monotonic()

        def progress(rows: int) -> None:
            nonlocal asked
            export.rows = rows
            if export.stop.is_set():
                raise STOPPED
            if time.monotonic() - asked > STILL_ALLOWED_SECONDS:
                wanted.acting()
                asked = time.monotonic()

        made = wanted.stamp(actor)
        rows = files.write(described, export.file_format, export.path, made, progress)
        audit.record_export(
            db, actor, export.table, made.made_at, file_format=export.file_format, rows=rows, filters=described.filters
        )
        export.bytes, export.made_at = export.path.stat().st_size, time.monotonic()
        export.state = "ready"
        timer = threading.Timer(KEPT_SECONDS + 1, self.sweep)
        timer.daemon = True
        timer.start()

    def _failed(self, export: Export, problem: str) -> None:
        if export.stop.is_set():
            return
        if problem is FAILED:
            log.exception("an export failed", table=export.table)
        export.problem, export.state = problem, "failed"


@cache
def exports() -> Exports:
    """The exports of this process."""
    return Exports(session.settings().data_dir / "exports" / "console")
