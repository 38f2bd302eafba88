"""What Stripe says of our webhook endpoint is asked in the background, and read without Stripe."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from core.checklist import endpoint_health, webhook_setup
from core.checklist.stripe_checks import address_of
from core.errors import Unavailable
from core.events.registry import projected_types
from core.services import Services
from core.settings import load_settings
from core.stripe_gateway import API_VERSION

NOW = datetime(2026, 11, 20, 15, tzinfo=UTC)


class Stripe:
    """A Stripe that has these endpoints and undelivered events, or does not answer."""

    def __init__(self, *endpoints, undelivered=(), silent=False):
        self.endpoints, self.undelivered, self.silent = endpoints, undelivered, silent
        self.asked = {}

    def each(self, path):
        if self.silent:
            raise Unavailable("stripe_unavailable", "Stripe did not answer.")
        assert path == "webhook_endpoints"
        return iter(self.endpoints)

    def page(self, path, **asked):
        assert path == "events"
        self.asked = asked
        return list(self.undelivered), False


@pytest.fixture
def running(database, owner):
    owner.execute("update payops.business set timezone = 'America/New_York'")
    settings = load_settings({"API_BASE_URL": "http://127.0.0.1:4242"}, env_file=None)
    return Services(settings, database, lambda: NOW, ())


def endpoint(running, **changed):
    ours = {"id": "we_1", "url": address_of(running), "status": "enabled", "api_version": API_VERSION}
    return ours | {"enabled_events": webhook_setup.event_types()} | changed


def found(running, stripe):
    running.__dict__["stripe"] = stripe
    endpoint_health.ask(running)
    return endpoint_health.read(running.db, address_of(running), NOW)


def test_it_says_nothing_before_stripe_was_asked(running):
    health = endpoint_health.read(running.db, address_of(running), NOW)
    assert (health.said, health.problems, health.answered_at) == (None, (), None)
    assert health.requests() == "No request today."


def test_a_good_endpoint_has_no_problem_and_events_just_made_are_not_asked_for(running):
    stripe = Stripe(endpoint(running))
    health = found(running, stripe)
    assert health.problems == () and health.answered_at == NOW
    assert health.undelivered() == "No event waits for delivery."
    assert stripe.asked["delivery_success"] == "false"
    assert stripe.asked["created"]["lte"] == int((NOW - timedelta(minutes=1)).timestamp())


@pytest.mark.parametrize(
    ("changed", "problem", "step"),
    [
        ({"status": "disabled"}, "we_1 is disabled", "Enable it"),
        ({"url": "https://elsewhere.example/hook"}, "no webhook endpoint with the address", "Create it"),
        ({"api_version": "2020-08-27"}, "API version 2020-08-27", "Add an endpoint with API version"),
        (
            {"enabled_events": sorted(projected_types())[1:]},
            f"1 type of event .*{sorted(projected_types())[0]}",
            "docs",
        ),
    ],
)
def test_each_fault_of_the_endpoint_is_named_with_the_next_step(running, changed, problem, step):
    (only,) = found(running, Stripe(endpoint(running, **changed))).problems
    assert step in only.mend
    assert re.search(problem, only.detail)


def test_this_machine_is_found_by_either_of_its_names(running):
    url = address_of(running).replace("127.0.0.1", "localhost")
    assert found(running, Stripe(endpoint(running, url=url))).problems == ()


def test_undelivered_events_count_and_those_that_payops_lacks_are_a_problem(running, owner):
    waiting = [{"id": f"evt_{n}", "created": int((NOW - timedelta(hours=n + 1)).timestamp())} for n in range(3)]
    health = found(running, Stripe(endpoint(running), undelivered=waiting))
    assert health.said["undelivered"] == health.said["missing"] == 3
    assert datetime.fromisoformat(health.said["oldest_missing"]) == NOW - timedelta(hours=3)
    assert "3 events of the last three days were not delivered" in health.problems[0].detail
    owner.execute(
        "insert into payops.events (id, type, created, received_at, livemode, payload, body_sha256, came_by)"
        " select 'evt_' || n, 'charge.updated', %s, %s, false, '{}', '', 'sweep' from generate_series(0, 2) n",
        [NOW, NOW],
    )
    health = found(running, Stripe(endpoint(running), undelivered=waiting))
    assert health.problems == ()
    assert health.undelivered() == "3 events wait for delivery; payops has read them all."


def test_a_silent_stripe_leaves_what_it_said_before(running):
    found(running, Stripe(endpoint(running, status="disabled")))
    health = found(running, Stripe(silent=True))
    assert health.silence == "Stripe did not answer."
    assert "is disabled" in health.problems[0].detail and health.answered_at == NOW


def test_requests_of_today_are_counted_with_those_refused(running):
    running.db.call(
        "record_webhook_counters",
        rejections=[{"address": "192.0.2.1", "reason": "bad_signature", "times": 1}],
        verified=[{"fingerprint": "abc", "times": 3, "last_used_at": NOW}],
        now=NOW,
    )
    health = endpoint_health.read(running.db, address_of(running), NOW)
    assert health.requests() == "4 requests today, 1 refused (25.0%)."
