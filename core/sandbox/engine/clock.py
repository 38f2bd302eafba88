"""The sandbox's clock: wall time plus an offset kept in `DATA_DIR/sandbox-clock.json`."""

import json
import os
import time
from pathlib import Path


def clock_offset_seconds(data_dir: Path) -> float:
    """How far the sandbox's now is ahead of wall time; 0 where no one has moved it."""
    try:
        return float(json.loads((data_dir / "sandbox-clock.json").read_bytes())["offset_seconds"])
    except (FileNotFoundError, ValueError, KeyError):
        return 0.0


def set_clock_offset(data_dir: Path, offset_seconds: float) -> None:
    """Seen whole by every reader: the file is replaced, never written in place."""
    data_dir.mkdir(parents=True, exist_ok=True)
    beside = data_dir / f"sandbox-clock.json.{os.getpid()}"
    beside.write_text(json.dumps({"offset_seconds": offset_seconds}))
    os.replace(beside, data_dir / "sandbox-clock.json")


class Clock:
    """The running sandbox's now; moving it is remembered for the other processes."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self.offset_seconds = clock_offset_seconds(data_dir)

    def now(self) -> int:
        return int(time.time() + self.offset_seconds)

    def move_to(self, moment: int) -> None:
        """Makes `moment` (seconds since 1970) the sandbox's now; it never goes back."""
        ahead = moment - time.time()
        if ahead > self.offset_seconds:
            self.offset_seconds = ahead
            set_clock_offset(self._data_dir, ahead)
