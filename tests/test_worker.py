"""The background work's steps: what is only away is tried again, and a defect is an incident as well."""

import threading
from dataclasses import dataclass
from pathlib import Path

import pytest

from core import worker
from core.db import Database, DatabaseFault
from core.errors import Refused, Unavailable
from core.jobs import Jobs
from core.periods import Clock, wall_clock


@dataclass(frozen=True)
class Settings:
    data_dir: Path


@dataclass(frozen=True)
class Running:
    """Of the services, what a step's failure needs."""

    db: Database
    settings: Settings
    clock: Clock = wall_clock


def do(database, tmp_path, error):
    def run():
        raise error

    jobs = Jobs(database, wall_clock, threading.Event())
    worker._do(Running(database, Settings(tmp_path)), jobs, worker.Step("recount stale days", 1, run))


@pytest.mark.parametrize("error", [KeyError("amount"), DatabaseFault("database_fault", "22003: out of range")])
def test_a_step_with_a_defect_is_an_incident_the_databases_own_included(database, owner, tmp_path, error):
    do(database, tmp_path, error)
    assert owner.execute("select kind, fingerprint from payops.incidents").fetchall() == [
        ("worker_failed", f"recount stale days {type(error).__name__}")
    ]


@pytest.mark.parametrize("error", [Unavailable("stripe_unavailable"), Refused("job_taken_over")])
def test_a_postponed_step_is_no_incident(database, owner, tmp_path, error):
    do(database, tmp_path, error)
    assert owner.execute("select kind from payops.incidents").fetchall() == []
