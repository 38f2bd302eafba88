"""The background work: each step again and again, one failing step never stopping another."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from core.errors import PayopsError
from core.events.balances import open_payouts, pull_balance_transactions
from core.events.refetch import refetch_tied
from core.events.retries import retry_failed_events
from core.monitoring.incidents import Incident, IncidentLog
from core.payments.actions import settle_unknown
from core.periods import wall_clock
from core.providers import assignment
from core.services import Services
from core.staff.audit_chain import chain_audit_log

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Step:
    """A piece of background work and how often it is done."""

    name: str
    every_seconds: float
    run: Callable[[], object]


def steps(running: Services) -> list[Step]:
    """What the worker does, with the parts of `running`."""
    incidents = IncidentLog(running.db, running.settings.data_dir)
    db, clock, livemode = running.db, running.clock, running.livemode
    return [
        Step("count touched payments", 1, lambda: db.call("count_touched_payments")),
        Step(
            "retry failed events",
            2,
            lambda: retry_failed_events(db, running.stripe, clock=clock, livemode=livemode),
        ),
        Step(
            "refetch tied rows",
            2,
            lambda: refetch_tied(db, running.stripe, clock=clock, livemode=livemode),
        ),
        Step("place who waits", 5, lambda: assignment.drain(running.db, clock())),
        Step(
            "pull balance transactions",
            30,
            lambda: pull_balance_transactions(db, running.stripe, clock=clock, livemode=livemode),
        ),
        Step("open payouts", 30, lambda: open_payouts(db, running.stripe)),
        Step("settle unanswered actions", 2, lambda: settle_unknown(running.desk)),
        Step("record spooled incidents", 5, incidents.flush),
        Step("chain the audit log", 20, lambda: chain_audit_log(running.db, wall_clock())),
    ]


def run(running: Services, stop: threading.Event) -> None:
    """Do the background work until `stop` is set."""
    work = steps(running)
    due = {step.name: 0.0 for step in work}
    while not stop.is_set():
        for step in work:
            if time.monotonic() >= due[step.name]:
                _do(running, step)
                due[step.name] = time.monotonic() + step.every_seconds
        stop.wait(max(0.05, min(due.values()) - time.monotonic()))


def _do(running: Services, step: Step) -> None:
    """A part that is away is logged and tried again; a defect is an incident as well."""
    try:
        step.run()
    except PayopsError as error:
        log.warning("a step of the background work did not get done", step=step.name, code=error.code)
    except Exception as error:
        log.exception("a step of the background work failed", step=step.name)
        IncidentLog(running.db, running.settings.data_dir).report(
            Incident(
                kind="worker_failed",
                fingerprint=f"{step.name} {type(error).__name__}",
                title=f"The step {step.name!r} of the background work failed.",
                seen_at=wall_clock(),
                sample={"step": step.name, "error": type(error).__name__},
            )
        )
