"""The background work: steps that repeat. A step that fails never stops another, however many workers run."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from core.billing.missing_terms import fetch_missing_terms
from core.errors import Refused, Unauthorised, Unavailable
from core.events.repair.balances import ask_for_bookings, open_payouts, pull_balance_transactions
from core.events.repair.comparison import compare
from core.events.repair.refetch import refetch_tied
from core.events.repair.sweep import sweep_events
from core.events.retries import retry_failed_events
from core.jobs import Jobs, an_hour_ago, last_night
from core.monitoring.incidents import Incident, IncidentLog
from core.payments.actions import settle_unknown
from core.payments.operations import requests
from core.payments.recovery import recovery, recovery_facts
from core.periods import wall_clock
from core.providers import assignment
from core.services import Services
from core.staff.audit_chain import chain_audit_log

STOP_SECONDS = 5.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Step:
    """A piece of background work and how often it repeats; `alone` means by one worker at a time."""

    name: str
    every_seconds: float
    run: Callable[[], object]
    alone: bool = False
    first_after_seconds: float = 0.0


def steps(running: Services) -> list[Step]:
    """The short steps, each with how often it repeats."""
    incidents = IncidentLog(running.db, running.settings.data_dir)
    db, clock, livemode = running.db, running.clock, running.livemode
    return [
        Step("recount stale days", 1, lambda: db.call("recount_stale")),
        Step("retry failed events", 2, lambda: retry_failed_events(db, running.stripe, clock=clock, livemode=livemode)),
        Step(
            "refetch tied objects",
            2,
            lambda: refetch_tied(db, running.stripe, clock=clock, livemode=livemode),
            alone=True,
        ),
        Step(
            "fetch missing billing terms",
            10,
            lambda: fetch_missing_terms(db, running.stripe, clock=clock, livemode=livemode),
            alone=True,
        ),
        Step("assign waiting consultations", 5, lambda: assignment.drain(running.db, clock())),
        Step(
            "pull balance transactions",
            30,
            lambda: pull_balance_transactions(db, running.stripe, clock=clock, livemode=livemode),
            alone=True,
        ),
        Step(
            "fetch payout contents",
            30,
            lambda: open_payouts(db, running.stripe, clock=clock, livemode=livemode),
            alone=True,
        ),
        Step(
            "fetch missing balance transactions",
            60,
            lambda: ask_for_bookings(db, running.stripe, clock=clock, livemode=livemode),
            alone=True,
        ),
        Step("settle unanswered money actions", 2, lambda: settle_unknown(running.payment_context)),
        Step("fetch facts about failed payments", 5, lambda: recovery_facts.look(running.payment_context), alone=True),
        Step("charge scheduled retries", 5, lambda: recovery.retry_due(running.payment_context)),
        Step("record spooled incidents", 5, incidents.flush),
        Step("delete expired idempotency keys", 3600, lambda: requests.forget_old(db, wall_clock())),
        Step("extend the audit chain", 20, lambda: chain_audit_log(running.db, wall_clock())),
    ]


def long_steps(running: Services, jobs: Jobs) -> list[Step]:
    """Steps that take minutes; one of the workers does each, once an hour or once a night."""
    db, clock, livemode = running.db, running.clock, running.livemode
    zone = running.settings.business_zone

    def sweep(keep: Callable[[], None]) -> None:
        sweep_events(db, running.stripe, clock=clock, livemode=livemode, keep=keep)

    def compare_mirror(keep: Callable[[], None]) -> None:
        compare(db, running.stripe, clock=clock, livemode=livemode, wait=jobs.stop.wait, keep=keep)

    return [
        Step("sweep events", 20, lambda: jobs.do_once("sweep events", an_hour_ago(clock()), sweep)),
        Step(
            "compare mirror",
            20,
            lambda: jobs.do_once("compare mirror", last_night(clock(), zone), compare_mirror),
            first_after_seconds=60,  # a new installation fills its mirror first
        ),
    ]


def run(running: Services, stop: threading.Event) -> None:
    """Do the background work until `stop` is set. Long steps run in a
    thread of their own, so that short ones never wait.
    """
    jobs = Jobs(running.db, running.clock, stop)
    long_work = threading.Thread(target=_repeat, args=(running, jobs, long_steps(running, jobs), stop), daemon=True)
    long_work.start()
    _repeat(running, jobs, steps(running), stop)
    long_work.join(STOP_SECONDS)
    jobs.release()


def _repeat(running: Services, jobs: Jobs, work: list[Step], stop: threading.Event) -> None:
    due = {step.name: time.monotonic() + step.first_after_seconds for step in work}
    while not stop.is_set():
        for step in work:
            if not stop.is_set() and time.monotonic() >= due[step.name]:
                _do(running, jobs, step)
                due[step.name] = time.monotonic() + step.every_seconds
        stop.wait(max(0.05, min(due.values()) - time.monotonic()))


def _do(running: Services, jobs: Jobs, step: Step) -> None:
    """Do one step. What is unavailable is logged and tried again; a defect is an incident too. Never raises."""
    try:
        if step.alone:
            jobs.do_alone(step.name, step.run)
        else:
            step.run()
    except (Refused, Unavailable, Unauthorised) as error:
        log.warning("a background step was not done", step=step.name, code=error.code)
    except Exception as error:
        log.exception("a background step failed", step=step.name)
        IncidentLog(running.db, running.settings.data_dir).report(
            Incident(
                kind="worker_failed",
                fingerprint=f"{step.name} {type(error).__name__}",
                title=f"The background step {step.name!r} failed.",
                seen_at=wall_clock(),
                sample={"step": step.name, "error": type(error).__name__},
            )
        )
