"""Eighteen months of history of a telehealth business, written directly into the sandbox's database."""

import time
from pathlib import Path

from core.sandbox.engine.clock import set_clock_offset
from core.sandbox.seed.business import HISTORY_DAYS
from core.sandbox.seed.writing import AlreadySeeded, SeedSummary, write_history

__all__ = ["AlreadySeeded", "SeedSummary", "seed_sandbox"]


def seed_sandbox(data_dir: Path, *, seed: int = 1, until: int | None = None, days: int = HISTORY_DAYS) -> SeedSummary:
    """Writes the history and, where it is to end at another time than now, sets the sandbox's clock to that end.

    The same for the same `seed`, `until` and `days`; raises `AlreadySeeded` where the sandbox is not empty.
    """
    ends = int(time.time()) if until is None else until
    written = write_history(data_dir, seed=seed, until=ends, days=days)
    if until is not None:
        set_clock_offset(data_dir, until - time.time())
    return written
