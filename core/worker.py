"""The background work: steps that repeat. A step that fails never stops another, however many workers run."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import structlog

from core import services
from core.billing.missing_terms import fetch_missing_terms
from core.checklist import endpoint_health
from core.db.timezone import PAYMENTS_A_STEP
from core.errors import Refused, Unauthorised, Unavailable
from core.events.recorded import Applying
from core.events.repair.balances import ask_for_bookings, open_payouts, pull_balance_transactions
from core.events.repair.comparison import compare
from core.events.repair.refetch import refetch_tied
from core.events.repair.sweep import sweep_events
from core.events.repair.trace_ids import ask_for_trace_ids
from core.events.retries import retry_failed_events
from core.finance import reconciliation
from core.finance.bank.demo_statement import import_days_until
from core.finance.bank.deposits import match_what_is_clear
from core.finance.scheduled.writing import write_due
from core.heartbeats import Heartbeat
from core.jobs import Jobs, an_hour_ago, last_night
from core.monitoring import overview
from core.monitoring.alerts.database_watch import DatabaseWatch
from core.monitoring.alerts.delivery import Review, deliver
from core.monitoring.alerts.evaluation import Alerting, evaluate
from core.monitoring.alerts.targets import addressed, targets_of
from core.monitoring.incident_kinds import quiet_seconds
from core.monitoring.incidents import Incident, IncidentLog, settle
from core.monitoring.retention import delete_old, delete_old_rows
from core.payments.actions import settle_unknown
from core.payments.operations import requests
from core.payments.recovery import recovery, recovery_facts
from core.periods import business_day, wall_clock
from core.providers import assignment, reminders, schedules
from core.reviews.sending import page_of, send_due
from core.services import Services
from core.settings import PaymentMode
from core.staff.audit_chain import chain_audit_log
from core.staff.roles import SYSTEM

STOP_SECONDS = 5.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Step:
    """A piece of background work and how often it repeats; `alone`: only one worker at a time may do it."""

    name: str
    every_seconds: float
    run: Callable[[], object]
    alone: bool = False
    first_after_seconds: float = 0.0


def steps(running: Services) -> list[Step]:
    """The short steps, each with how often it repeats."""
    incidents = IncidentLog(running.db, running.settings.data_dir)
    db, clock, livemode = running.db, running.clock, running.livemode
    applying = Applying(db, clock)  # events that an API process recorded before it was killed
    return [
        Step("recount stale days", 1, lambda: db.call("recount_stale", most=PAYMENTS_A_STEP)),
        Step("apply recorded events", 1, applying.apply_all),
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
        Step("refresh schedules", 5, lambda: schedules.refresh_all(running.db, clock)),
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
        Step(
            "fetch trace ids of payouts",
            60,
            lambda: ask_for_trace_ids(db, running.stripe, clock=clock, livemode=livemode),
            alone=True,
        ),
        Step("ask about the webhook endpoint", 120, lambda: endpoint_health.ask(running), alone=True),
        Step("match bank deposits", 60, lambda: match_what_is_clear(db, SYSTEM, clock()), alone=True),
        Step("reconcile", 10, lambda: reconciliation.refresh(db, clock()), alone=True),
        Step("settle unanswered money actions", 2, lambda: settle_unknown(running.payment_context)),
        Step("fetch facts about failed payments", 5, lambda: recovery_facts.look(running.payment_context), alone=True),
        Step("charge scheduled retries", 5, lambda: recovery.retry_due(running.payment_context)),
        Step("record spooled incidents", 5, incidents.flush),
        Step("settle incidents", 10, lambda: settle(db, quiet_seconds(), clock()), alone=True),
        Step("switch planned flows", 1, lambda: db.call("switch_planned", now=clock())),
        Step("pause guarded flows", 2, lambda: db.call("pause_guarded", now=clock())),
        Step("delete expired idempotency keys", 3600, lambda: requests.forget_old(db, wall_clock())),
        Step("move running subscriptions", 1, lambda: db.call("move_running_subscriptions", now=clock())),
        Step("count ahead", 2, lambda: overview.count_ahead(db, clock()), alone=True),
        Step("count for Prometheus", 30, lambda: db.call("metric_samples", now=clock())),
        Step("extend the audit chain", 20, lambda: chain_audit_log(running.db, wall_clock())),
    ]


def long_steps(running: Services, jobs: Jobs) -> list[Step]:
    """Steps that take minutes; one of the workers does each, once an hour or once a night."""
    db, clock, livemode = running.db, running.clock, running.livemode
    zone = running.settings.business_zone

    def sweep(heartbeat: Callable[[], None]) -> None:
        sweep_events(db, running.stripe, clock=clock, livemode=livemode, heartbeat=heartbeat)

    def compare_mirror(heartbeat: Callable[[], None]) -> None:
        compare(db, running.stripe, clock=clock, livemode=livemode, wait=jobs.stop.wait, heartbeat=heartbeat)

    def weekly_exports(keep: Callable[[], None]) -> None:
        write_due(running.payment_context, zone, running.settings.data_dir, running.settings.alert_urls, keep)

    def import_bank_statement(_: Callable[[], None]) -> None:
        sandbox, today = services.demo_sandbox(running.settings), business_day(clock(), zone)
        import_days_until(db, partial(sandbox.bank_statement, running.settings.data_dir), today, clock())

    found = [
        Step("sweep events", 20, lambda: jobs.do_once("sweep events", an_hour_ago(clock()), sweep)),
        Step(
            "compare mirror",
            20,
            lambda: jobs.do_once("compare mirror", last_night(clock(), zone), compare_mirror),
            first_after_seconds=60,  # gives a new installation time to fill its mirror first
        ),
        Step(
            "write weekly exports",
            60,
            lambda: jobs.do_once("write weekly exports", an_hour_ago(clock()), weekly_exports),
            first_after_seconds=60,
        ),
    ]
    found.append(Step("remind of ending licences", 600, lambda: remind_of_licences(running), alone=True))
    found.append(Step("send reviews", 60, lambda: send_reviews(running), alone=True, first_after_seconds=60))
    old = "delete old alerts and incidents"
    found.append(
        Step(
            old,
            60,
            lambda: jobs.do_once(old, last_night(clock(), zone), lambda keep: delete_old(db, clock(), keep)),
            first_after_seconds=120,
        )
    )
    rows = "delete old events and calls"
    kept = {"events_kept_days": running.settings.events_kept_days, "calls_kept_days": running.settings.calls_kept_days}
    found.append(
        Step(
            rows,
            60,
            lambda: jobs.do_once(
                rows, last_night(clock(), zone), lambda keep: delete_old_rows(db, clock(), keep, **kept)
            ),
            first_after_seconds=180,
        )
    )
    if running.settings.payment_mode is PaymentMode.SANDBOX:
        demo = "import demo bank statement"
        found.append(Step(demo, 20, lambda: jobs.do_once(demo, last_night(clock(), zone), import_bank_statement)))
    return found


def remind_of_licences(running: Services) -> int:
    """Queue the reminders of licences that end soon, to the admins and to each provider by e-mail."""
    settings = running.settings
    targets = targets_of(settings.alert_urls)
    server = next((target.fingerprint for target in targets if target.sends_email), None)
    mail = partial(addressed, server) if server else None
    fingerprints = [target.fingerprint for target in targets]
    return reminders.queue_due(running.db, fingerprints, mail, running.zone, settings.public_base_url, running.clock())


def send_reviews(running: Services) -> int:
    """Write and send the daily checks and the weekly review that are due."""
    settings = running.settings
    return send_due(
        running.db,
        zone=running.zone,
        data_dir=settings.data_dir,
        urls=settings.alert_urls,
        console=settings.public_base_url,
        now=running.clock(),
    )


def alert_steps(running: Services) -> list[Step]:
    """Steps that alert staff; they run in a thread of their own, so that long steps do not delay them."""
    settings, db, clock = running.settings, running.db, running.clock
    targets = targets_of(settings.alert_urls)
    watch = DatabaseWatch(db, targets, settings.data_dir, settings.public_base_url)
    fingerprints = [target.fingerprint for target in targets]

    def review_page(sent: Review) -> Path | None:
        return page_of(db, sent, zone=settings.business_zone, data_dir=settings.data_dir, now=clock())

    alerting = Alerting(db, clock, settings.business_zone, settings.public_base_url, fingerprints, watch.told)
    return [
        Step("watch the database", 5, watch.look),
        Step("evaluate alert rules", 15, lambda: evaluate(alerting), alone=True, first_after_seconds=10),
        Step("send alerts and reviews", 2, lambda: deliver(db, targets, clock, review_page)),
    ]


def run(running: Services, stop: threading.Event) -> None:
    """Do the background work until `stop` is set. Long steps and alerts run in threads of their own, so that neither
    waits for anything else.
    """
    jobs = Jobs(running.db, running.clock, stop)
    long_work = threading.Thread(target=_repeat, args=(running, jobs, long_steps(running, jobs), stop), daemon=True)
    long_work.start()
    alerts = threading.Thread(target=_repeat, args=(running, jobs, alert_steps(running), stop), daemon=True)
    alerts.start()
    heartbeat = Heartbeat(running, "worker").start()
    _repeat(running, jobs, steps(running), stop)
    for thread in (long_work, alerts):
        thread.join(STOP_SECONDS)
    heartbeat.close()
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
    """Do one step; never raises. A known error is logged and the step repeated; any other is also an incident."""
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
                seen_at=running.clock(),
                sample={"step": step.name, "error": type(error).__name__},
            )
        )
