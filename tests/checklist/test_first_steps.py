"""The first steps of an installation: the endpoint at Stripe, the backfill in the background, the remaining steps."""

from datetime import UTC, datetime

import pytest

from core.checklist import first_steps, lines, webhook_setup
from core.checklist.finding import Finding, State
from core.errors import Refused, Unauthorised, Unavailable
from core.events.repair import backfill, backfill_job
from core.events.repair.backfill_job import Kind, Reached
from core.sandbox.process import ensure_running, stop
from core.services import Services
from core.settings import load_settings
from core.staff.roles import Actor, Role
from core.stripe_gateway import API_VERSION, StripeGateway

ADMIN = Actor("staff:ana", Role.ADMIN)
NOTHING_READ = Reached((), False, None)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    data_dir = tmp_path_factory.mktemp("stripe")
    yield ensure_running(data_dir)
    stop(data_dir)


@pytest.fixture
def new(database, owner, sandbox):
    """An installation that only knows its key."""
    owner.execute("update payops.business set timezone = 'America/New_York'")
    settings = load_settings({"API_BASE_URL": "http://127.0.0.1:4242"}, env_file=None)
    running = Services(settings, database, lambda: datetime.now(UTC), ())
    gateway = StripeGateway(sandbox.secret_key, api_base=sandbox.base_url, record=lambda _: None)
    running.__dict__["stripe"] = gateway
    yield running
    for endpoint in list(gateway.each("webhook_endpoints")):
        if endpoint["url"].startswith("http://127.0.0.1:4242/"):
            gateway.write(f"webhook_endpoints/{endpoint['id']}", method="delete", key=f"remove-{endpoint['id']}")


def begin(running, stripe=None, actor=ADMIN):
    stripe = stripe or running.stripe
    return backfill_job.start(running.db, stripe, actor, clock=running.clock, livemode=running.livemode)


def test_the_endpoint_is_made_as_payops_needs_it_and_its_secret_is_kept_nowhere(new, owner):
    made = webhook_setup.create_endpoint(new, ADMIN)
    assert made.secret.startswith("whsec_")
    found = {each.name: each.state for each in lines.check(new, first_steps.EVENTS.lines[:3])}
    assert set(found.values()) == {State.PASSED}
    at_stripe = new.stripe.retrieve(f"webhook_endpoints/{made.id}")
    assert at_stripe["enabled_events"] == webhook_setup.event_types() and at_stripe["api_version"] == API_VERSION
    entry = owner.execute("select action, subject, actor, to_jsonb(a)::text from payops.audit_log as a").fetchone()
    assert entry[:3] == ("checklist:webhook-endpoint:created", f"webhook endpoint:{made.id}", "staff:ana")
    assert made.secret not in entry[3]
    with pytest.raises(Refused, match="already"):
        webhook_setup.create_endpoint(new, ADMIN)


def test_only_an_admin_makes_it_or_reads_everything(new):
    for role in (Role.OPS, Role.SUPPORT, Role.FINANCE):
        with pytest.raises(Unauthorised):
            webhook_setup.create_endpoint(new, Actor("staff:sam", role))
        with pytest.raises(Unauthorised):
            begin(new, actor=Actor("staff:sam", role))


def test_everything_is_read_in_the_background_by_one_at_a_time_and_audited(new, owner):
    new.stripe.write("customers", key="one-customer")
    assert backfill_job.reached(new.db) == NOTHING_READ
    assert new.db.call("claim_job", name=backfill_job.JOB, holder="another", seconds=60)
    assert backfill_job.reached(new.db).running
    with pytest.raises(Refused) as refused:
        begin(new)
    assert refused.value.code == "backfill_runs"
    new.db.call("release_jobs", holder="another")
    begin(new).join(60)
    found = backfill_job.reached(new.db)
    assert found.complete_at is not None and not found.running and found.share == 1
    assert {kind.name for kind in found.kinds} == {source.name for source in backfill.SOURCES}
    assert owner.execute("select actor, action from payops.audit_log").fetchall() == [
        ("staff:ana", "events:backfill:started")
    ]


class Away(StripeGateway):
    """Stripe stops answering when invoices are listed."""

    def page(self, path, **params):
        if path == "invoices":
            raise Unavailable("stripe_unavailable", "Stripe does not answer.")
        return super().page(path, **params)


def test_a_stopped_import_says_so_releases_its_job_and_is_continued(new, sandbox):
    away = Away(sandbox.secret_key, api_base=sandbox.base_url, record=lambda _: None)
    begin(new, stripe=away).join(60)
    stopped = backfill_job.reached(new.db)
    assert stopped.complete_at is None and not stopped.running and 0 < stopped.share < 1
    assert stopped.in_words().startswith("Stopped after ")
    begin(new).join(60)
    assert backfill_job.reached(new.db).complete_at is not None


def test_a_step_is_done_when_its_lines_pass_and_says_what_is_left(new):
    passed = [Finding(name, State.PASSED, f"{name} is right.") for name in first_steps.LINES]
    some = (Kind("customers", 1200, True), Kind("payments", 34, False))
    steps = first_steps.progress(passed, Reached(some, True, None))
    assert [step.step for step in steps if not step.done] == [first_steps.HISTORY]
    assert steps[2].said == "1,234 objects read so far, now payments."
    wrong = [
        Finding(each.name, State.FAILED, "Nobody.", "Add one.") if each.name == "Providers" else each for each in passed
    ]
    left = first_steps.progress(wrong, Reached(some, False, datetime(2026, 11, 28, tzinfo=UTC)))
    assert [(step.step, step.said) for step in left if not step.done] == [(first_steps.PROVIDERS, "Nobody.")]
    assert set(first_steps.LINES) <= set(lines.LINES)
