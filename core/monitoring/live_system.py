"""The state of the running system, for the panel that operators keep open."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypedDict

from core.db import Database
from core.figures.wording import counted, duration, percent

QUEUES = {
    "events_to_apply": "Events to apply",
    "events_to_retry": "Events to retry",
    "events_dead": "Events given up",
    "patients_waiting": "Patients waiting for a provider",
    "actions_unanswered": "Money actions without an answer",
    "refunds_awaiting_approval": "Refunds awaiting approval",
    "incidents_open": "Open incidents",
}


class Process(TypedDict):
    """A running process as it last reported."""

    process: str
    kind: str
    pool: dict[str, int]
    silent_seconds: float
    up_seconds: float
    alive: bool


class Queue(TypedDict):
    """How many items wait, and since when the oldest does."""

    queue: str
    depth: int
    since: str | None


@dataclass(frozen=True)
class Cell:
    """One figure of the panel, with a note and what it means; `wrong` where somebody should look."""

    title: str
    value: str
    beside: str
    meaning: str
    wrong: bool = False


@dataclass(frozen=True)
class LiveSystem:
    """The panel's content."""

    processes: Sequence[Process]
    queues: Sequence[Queue]
    cells: Sequence[Cell]

    @property
    def sentence(self) -> str:
        wrong = [cell.title for cell in self.cells if cell.wrong]
        if not wrong:
            return "Everything runs"
        return f"Look at {', '.join(wrong[:-1]) + ' and ' if len(wrong) > 1 else ''}{wrong[-1]}"


def load(db: Database, now: datetime) -> LiveSystem:
    said = db.call("live_system", now=now)
    processes: list[Process] = said["processes"]
    cells = [
        _running("API", "api", processes, "Processes that take webhooks and payment API calls."),
        _running("Worker", "worker", processes, "Processes that do the background work."),
        _pool(processes),
        _stripe(said["stripe"]),
        _last_event(said["last_event_at"], now),
        _sweep(said, now),
        _mirror(said["comparison"], now),
    ]
    return LiveSystem(processes, said["queues"], cells)


def _running(title: str, kind: str, processes: Sequence[Process], meaning: str) -> Cell:
    alive = [each for each in processes if each["kind"] == kind and each["alive"]]
    if not alive:
        return Cell(title, "not running", "no sign of life", meaning, wrong=True)
    heard = min(each["silent_seconds"] for each in alive)
    return Cell(title, counted(len(alive), "process", "processes"), f"heard {heard:.0f} s ago", meaning)


def _pool(processes: Sequence[Process]) -> Cell:
    """The connections of all processes together, and how many requests are waiting for one."""
    pools = [each["pool"] for each in processes if each["alive"] and each["pool"]]
    meaning = "Connections to the database that are in use, of those that the processes have open."
    if not pools:
        return Cell("Database pool", "unknown", "no pool is used", meaning)
    size = sum(pool.get("pool_size", 0) for pool in pools)
    busy = size - sum(pool.get("pool_available", 0) for pool in pools)
    waiting = sum(pool.get("requests_waiting", 0) for pool in pools)
    return Cell("Database pool", f"{busy:,} of {size:,} in use", f"{waiting:,} waiting", meaning, wrong=waiting > 0)


def _stripe(said: dict[str, Any]) -> Cell:
    meaning = "The 95th percentile of calls to Stripe in the last 15 minutes."
    if not said["calls"]:
        return Cell("Stripe latency", "no calls", "in the last 15 minutes", meaning)
    failed = f", {said['failed']:,} failed" if said["failed"] else ""
    beside = f"{counted(said['calls'], 'call')}{failed}"
    return Cell("Stripe latency", duration(said["p95_ms"]), beside, meaning, wrong=bool(said["failed"]))


def _last_event(at: str | None, now: datetime) -> Cell:
    meaning = "When the last event of Stripe's was received."
    if at is None:
        return Cell("Last event", "none yet", "", meaning)
    return Cell("Last event", f"{_span(at, now)} ago", "", meaning)


def _sweep(said: dict[str, Any], now: datetime) -> Cell:
    meaning = "When Stripe's list of events was last read for events that never came; it is done every hour."
    if said["sweep"] is None:
        return Cell("Last sweep", "running" if said["sweep_running"] else "none yet", "", meaning)
    late = (now - datetime.fromisoformat(said["sweep"]["done_at"])).total_seconds() > 3 * 3600
    found = counted(said["sweep"]["found"], "missed event")
    return Cell("Last sweep", f"{_span(said['sweep']['done_at'], now)} ago", found, meaning, wrong=late)


def _mirror(said: dict[str, Any] | None, now: datetime) -> Cell:
    meaning = "Of the objects compared last night, how many were as Stripe holds them."
    if said is None or not said["equal"] + said["wrong"]:
        return Cell("Mirror accuracy", "not compared yet", "", meaning)
    score = said["equal"] / (said["equal"] + said["wrong"])
    beside = f"{_span(said['done_at'], now)} ago"
    return Cell("Mirror accuracy", percent(score, 2), beside, meaning, wrong=said["wrong"] > said["healed"])


def _span(at: str, now: datetime) -> str:
    """A duration, short enough for a card: `8 s`, `12 min`, `3 h`, `2 days`."""
    seconds = max((now - datetime.fromisoformat(at)).total_seconds(), 0)
    for limit, length, unit in ((90, 1, "s"), (90 * 60, 60, "min"), (48 * 3600, 3600, "h")):
        if seconds < limit:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds / 86400:.0f} days"
