"""The sandbox's clock: wall time plus an offset kept in `DATA_DIR/sandbox-clock.json`."""

import json
import os
import time
from pathlib import Path


def clock_offset_seconds(data_dir: Path) -> float:
    """Seconds by which the sandbox's clock is ahead of wall time; 0 if it was never advanced."""
    try:
        return float(json.loads((data_dir / "sandbox-clock.json").read_bytes())["offset_seconds"])
    except (FileNotFoundError, ValueError, KeyError):
        return 0.0


def set_clock_offset(data_dir: Path, offset_seconds: float) -> None:
    """Store the offset. The file is replaced, not written in place, so that readers never see half of it."""
    data_dir.mkdir(parents=True, exist_ok=True)
    beside = data_dir / f"sandbox-clock.json.{os.getpid()}"
    beside.write_text(json.dumps({"offset_seconds": offset_seconds}))
    os.replace(beside, data_dir / "sandbox-clock.json")


class Clock:
    """The clock of the running sandbox; its offset is stored for other processes."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self.offset_seconds = clock_offset_seconds(data_dir)

    def now(self) -> int:
        return int(time.time() + self.offset_seconds)

    def move_to(self, moment: int) -> None:
        """Advance the clock to `moment` (seconds since 1970); it never goes back."""
        ahead = moment - time.time()
        if ahead > self.offset_seconds:
            self.offset_seconds = ahead
            set_clock_offset(self._data_dir, ahead)
