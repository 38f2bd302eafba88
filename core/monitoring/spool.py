"""Incidents that the database cannot store now: in a file of DATA_DIR, or in memory while that cannot be written."""

import fcntl
import json
import os
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, BinaryIO

import structlog

SPOOL_FILE = "incidents.spool"
SPOOL_MAX_BYTES = 5 * 1024 * 1024
MEMORY_MOST = 1000  # the most causes kept, however often each occurred

Record = dict[str, Any]
log = structlog.get_logger(__name__)


class Spool:
    """Keeps records until `flush` hands them over; if space is short, one record per cause."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / SPOOL_FILE

    def keep_record(self, record: Record) -> str | None:
        """Keep the record; answers why it is only in memory, if it is."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                if file.seek(0, os.SEEK_END) >= SPOOL_MAX_BYTES:  # a database that stays away must not fill the disk
                    _replace(file, merged(_lines(file)))
                file.write((b"" if _ends_whole(file) else b"\n") + _line(record))
            return None
        except OSError as error:
            _remember(self._path, record)
            return error.strerror or type(error).__name__

    def flush(self, hand_over: Callable[[list[Record]], list[Record]]) -> int:
        """Hand over all records; those that `hand_over` returns are kept. Returns how many were handed over."""
        return self._flush_memory(hand_over) + self._flush_file(hand_over)

    def _flush_memory(self, hand_over: Callable[[list[Record]], list[Record]]) -> int:
        waiting = _forget(self._path)
        if not waiting:
            return 0
        left = hand_over(waiting)
        for record in left:
            _remember(self._path, record)
        return len(waiting) - len(left)

    def _flush_file(self, hand_over: Callable[[list[Record]], list[Record]]) -> int:
        try:
            with self._path.open("r+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                waiting = _lines(file)
                left = hand_over(waiting) if waiting else []
                if len(left) < len(waiting):
                    _replace(file, left)
                return len(waiting) - len(left)
        except FileNotFoundError:
            return 0
        except OSError as error:
            log.warning("the spool of incidents cannot be read", reason=error.strerror)
            return 0


def merged(records: Iterable[Record]) -> list[Record]:
    """One record for each kind and fingerprint, the newest, with the occurrences of all."""
    by_cause: dict[tuple[str, str], Record] = {}
    for record in records:
        key = (record["kind"], record["fingerprint"])
        before = by_cause.pop(key, {"occurrences": 0})
        times = before["occurrences"] + record.get("occurrences", 1)
        by_cause[key] = record | {"occurrences": times}
    return list(by_cause.values())


def _lines(file: BinaryIO) -> list[Record]:
    """The complete lines: one that a full disk cut off is no record."""
    file.seek(0)
    found = []
    for line in file:
        try:
            found.append(json.loads(line))
        except ValueError:
            log.warning("a line of the spool of incidents is no record")
    return found


def _line(record: Record) -> bytes:
    return json.dumps(record).encode() + b"\n"


def _ends_whole(file: BinaryIO) -> bool:
    """Whether the file ends with a complete line."""
    if file.seek(0, os.SEEK_END) == 0:
        return True
    file.seek(-1, os.SEEK_END)
    return file.read(1) == b"\n"


def _replace(file: BinaryIO, records: list[Record]) -> None:
    """Replace the file's content by these records; if the disk refuses, keep them in memory."""
    file.truncate(0)
    file.seek(0)
    try:
        file.writelines(_line(record) for record in records)
        file.flush()
    except OSError:
        for record in records:
            _remember(Path(file.name), record)


_memory: dict[Path, list[Record]] = {}
_memory_lock = threading.Lock()


def _remember(path: Path, record: Record) -> None:
    with _memory_lock:
        _memory[path] = merged([*_memory.get(path, []), record])[-MEMORY_MOST:]


def _forget(path: Path) -> list[Record]:
    with _memory_lock:
        return _memory.pop(path, [])
