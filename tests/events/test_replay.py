"""An event replayed runs today's code over what was stored, or what
Stripe holds now, and it is on record who did it.
"""

import json
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import stripe as stripe_sdk
from typer.testing import CliRunner

from core.errors import Refused, Unauthorised, Unavailable
from core.events import inbox, lookup, registry, replay
from core.events.commands import events_app
from core.events.lookup import EventFilter
from core.events.retries import MAX_ATTEMPTS, next_attempt_at, retry_failed_events
from core.sandbox import process
from core.staff.roles import Actor, Role
from core.stripe_gateway import StripeGateway
from tests.factories import START, body_of, charge, event, intent

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
OPS = Actor("staff:olga", Role.OPS)


def receive(database, *events, now=NOW):
    batch = [inbox.prepare(each, body_of(each), livemode=False) for each in events]
    return inbox.receive(database, batch, now=now)


def no_stripe():
    raise AssertionError("Stripe is not asked for what was stored")


class Away:
    """A Stripe that does not answer."""

    asked = 0

    def retrieve(self, path):
        self.asked += 1
        raise Unavailable("stripe_unavailable")


def replayed(database, sought, *, stripe=no_stripe, actor=OPS, now=NOW, **more):
    return list(replay.replay(database, stripe, actor, sought, clock=lambda: now, livemode=False, **more))


def broken(snapshot):
    return {"charges": [registry.row(snapshot)]}  # without an amount, which the table demands


def misread(snapshot):
    records = registry.projection_of("charge.updated")(snapshot)
    records["charges"][0]["amount_minor"] = 1
    return records


@pytest.fixture
def yesterday(monkeypatch):
    """What is received within it is projected by other code than today's."""

    @contextmanager
    def code(event_type, projection):
        with monkeypatch.context() as patched:
            if projection is None:
                patched.delitem(registry._by_type, event_type)
            else:
                patched.setitem(registry._by_type, event_type, projection)
            yield

    return code


def handling(owner, event_id):
    return owner.execute(
        "select outcome, attempts, next_attempt_at from payops.event_handlings where event_id = %s", (event_id,)
    ).fetchone()


def test_a_dead_event_is_applied_after_a_code_fix(database, owner, yesterday):
    with yesterday("charge.succeeded", broken):
        assert receive(database, event("evt_1", "charge.succeeded", charge())) == ["failed"]
        for hours in range(1, MAX_ATTEMPTS):
            retry_failed_events(database, Away(), clock=lambda h=hours: NOW + timedelta(hours=h), livemode=False)
    assert handling(owner, "evt_1") == ("dead", MAX_ATTEMPTS, None)
    assert owner.execute("select kind from payops.incidents order by kind").fetchall() == [
        ("event_dead",),
        ("event_failed",),
    ]
    assert replayed(database, EventFilter(ids=("evt_1",))) == [replay.Settled("evt_1", "applied", None)]
    assert handling(owner, "evt_1") == ("applied", MAX_ATTEMPTS + 1, None)
    assert owner.execute("select amount_minor from payops.charges").fetchall() == [(4900,)]


def test_a_replay_rewrites_the_events_row_with_todays_code(database, owner, yesterday):
    with yesterday("charge.succeeded", misread):
        receive(database, event("evt_1", "charge.succeeded", charge()))
    assert owner.execute("select amount_minor from payops.charges").fetchall() == [(1,)]
    replayed(database, EventFilter(ids=("evt_1",)))
    assert owner.execute("select amount_minor, tied from payops.charges").fetchall() == [(4900, False)]


def test_a_type_that_was_ignored_is_applied_by_code_that_knows_it(database, owner, yesterday):
    with yesterday("charge.succeeded", None):
        assert receive(database, event("evt_1", "charge.succeeded", charge())) == ["ignored"]
    assert [each.outcome for each in replayed(database, EventFilter(type="charge.*"))] == ["applied"]
    assert owner.execute("select id from payops.charges").fetchall() == [("ch_1",)]


def test_a_replayed_event_never_overwrites_a_newer_state_and_keeps_the_mark_of_a_tie(database, owner):
    receive(
        database,
        event("evt_1", "charge.succeeded", charge()),
        event("evt_2", "charge.refunded", charge(amount_refunded=900), at=START + 60),
        event("evt_3", "charge.updated", charge(amount_refunded=900), at=START + 60),
    )
    before = owner.execute("select event_id, amount_refunded_minor, tied from payops.charges").fetchall()
    assert before == [("evt_3", 900, True)]
    replayed(database, EventFilter(object_id="ch_1"))
    assert owner.execute("select event_id, amount_refunded_minor, tied from payops.charges").fetchall() == before


def test_a_replay_that_fails_again_keeps_the_outcome_and_says_why(database, owner, yesterday):
    receive(database, event("evt_1", "charge.succeeded", charge()))
    with yesterday("charge.succeeded", broken):
        (settled,) = replayed(database, EventFilter(ids=("evt_1",)))
    assert settled.outcome == "failed" and "not-null" in settled.reason
    assert handling(owner, "evt_1") == ("applied", 1, None)
    assert lookup.one(database, "evt_1")["later_attempts"][0]["reason"] == settled.reason


def test_a_replay_with_the_same_outcome_keeps_its_handling_time(database, owner):
    receive(database, event("evt_1", "charge.succeeded", charge()))
    before = lookup.one(database, "evt_1")
    replayed(database, EventFilter(ids=("evt_1",)), now=NOW + timedelta(hours=1))
    after = lookup.one(database, "evt_1")
    assert after["handling_ms"] == before["handling_ms"] is not None
    assert [(each["actor"], each["outcome"]) for each in after["later_attempts"]] == [("staff:olga", "applied")]


def test_many_are_replayed_by_type_and_time_a_batch_at_a_time_each_with_its_audit_entry(database, owner):
    for number in range(replay.BATCH + 5):
        minute = NOW + timedelta(minutes=number)
        receive(database, event(f"evt_{number:03}", "charge.succeeded", charge(id=f"ch_{number}")), now=minute)
    receive(database, event("evt_other", "payment_intent.created", intent()))
    owner.execute("delete from payops.charges")
    sought = EventFilter(type="charge.succeeded", since=NOW + timedelta(minutes=2))
    assert len(replayed(database, sought, reason="a table was emptied")) == replay.BATCH + 3
    assert owner.execute("select count(*) from payops.charges").fetchone() == (replay.BATCH + 3,)
    entries = owner.execute(
        "select actor, role, action, subject, reason, jsonb_array_length(after -> 'events') from payops.audit_log"
        " order by id"
    ).fetchall()
    who = ("staff:olga", "ops", "events:event:replayed")
    assert entries == [(*who, "events:100", "a table was emptied", 100), (*who, "events:3", "a table was emptied", 3)]


def test_replay_stops_at_the_requested_number(database, owner):
    for number in range(5):
        receive(database, event(f"evt_{number}", "charge.succeeded", charge(id=f"ch_{number}")))
    assert len(replayed(database, EventFilter(type="charge.*"), most=3)) == 3


@pytest.mark.parametrize("role", [Role.SUPPORT, Role.FINANCE])
def test_a_viewer_cannot_replay_events(database, owner, role):
    receive(database, event("evt_1", "charge.succeeded", charge()))
    with pytest.raises(Unauthorised):
        replayed(database, EventFilter(ids=("evt_1",)), actor=Actor("staff:x", role))
    assert handling(owner, "evt_1")[1] == 1


def test_a_quarantined_event_stays_without_effect(database, owner):
    receive(database, event("evt_1", "charge.succeeded", charge(), livemode=True))
    assert [each.outcome for each in replayed(database, EventFilter(ids=("evt_1",)))] == ["quarantined"]
    assert owner.execute("select count(*) from payops.charges").fetchone() == (0,)


def test_the_preview_equals_the_result_of_the_replay(database, owner, yesterday):
    with yesterday("charge.succeeded", misread):
        receive(database, event("evt_1", "charge.succeeded", charge()))
    receive(database, event("evt_2", "charge.succeeded", charge(id="ch_2")))
    receive(database, event("evt_3", "charge.succeeded", charge(id="ch_3")))
    receive(database, event("evt_4", "charge.refunded", charge(id="ch_3", amount_refunded=4900), at=START + 9))
    owner.execute("delete from payops.charges where id = 'ch_2'")
    sought = EventFilter(type="charge.succeeded")
    found = replay.preview(database, sought, livemode=False)
    assert (found.events, found.more, found.outcomes) == (3, False, {"applied": 3})
    effects = {row.id: (row.effect, row.fields) for row in found.rows}
    assert effects == {"ch_1": ("changes", {"amount_minor": (1, 4900)}), "ch_2": ("adds", {}), "ch_3": ("older", {})}
    replayed(database, sought)
    after = replay.preview(database, sought, livemode=False)
    assert {row.id: row.effect for row in after.rows} == {"ch_1": "leaves", "ch_2": "leaves", "ch_3": "older"}


def test_a_failing_event_blocks_no_other_and_an_outage_of_stripe_costs_no_attempt(database, owner, yesterday):
    unreadable = charge(id="ch_poison")
    del unreadable["amount"]
    with yesterday("charge.succeeded", broken):
        receive(
            database,
            event("evt_poison", "charge.failed", unreadable),
            *(event(f"evt_{n}", "charge.succeeded", charge(id=f"ch_{n}")) for n in range(20)),
        )
    away, soon = Away(), NOW + timedelta(seconds=20)
    assert retry_failed_events(database, away, clock=lambda: soon, livemode=False) == 20
    assert away.asked == 1
    assert owner.execute("select count(*) from payops.charges").fetchone() == (20,)
    outcome, attempts, due = handling(owner, "evt_poison")
    assert (outcome, attempts) == ("failed", 1) and due == soon + timedelta(minutes=1)


def test_retry_delays_grow_with_jitter_and_end():
    waits = [
        [(next_attempt_at(attempts, NOW) - NOW).total_seconds() for _ in range(50)]
        for attempts in range(2, MAX_ATTEMPTS)
    ]
    for attempts, drawn in enumerate(waits, 2):
        assert all(7.5 * 2**attempts <= wait <= 12.5 * 2**attempts for wait in drawn)
        assert len(set(drawn)) > 10
    assert next_attempt_at(MAX_ATTEMPTS, NOW) is None


@pytest.fixture(scope="module")
def business():
    """A sandbox with one refunded payment, and the gateway to it."""
    with tempfile.TemporaryDirectory(prefix="payops-test-") as folder:
        address = process.ensure_running(Path(folder))
        shop = stripe_sdk.StripeClient(address.secret_key, base_addresses={"api": address.base_url}).v1
        paid = shop.payment_intents.create(
            {
                "amount": 4900,
                "currency": "usd",
                "payment_method": "pm_card_visa",
                "confirm": True,
                "allowed_payment_method_types": ["card"],
            }
        )
        shop.refunds.create({"payment_intent": paid.id, "amount": 900})
        yield StripeGateway(address.secret_key, api_base=address.base_url, record=lambda call: None)
        process.stop(Path(folder))


def test_a_refetch_brings_the_object_as_stripe_holds_it_now(database, owner, business):
    (succeeded,) = business.each("events", type="charge.succeeded")
    receive(database, succeeded)
    assert owner.execute("select amount_refunded_minor from payops.charges").fetchall() == [(0,)]
    (settled,) = replayed(
        database, EventFilter(ids=(succeeded["id"],)), stripe=lambda: business, now=datetime.now(UTC), refetch=True
    )
    assert settled.outcome == "applied"
    assert owner.execute("select amount_refunded_minor, event_id from payops.charges").fetchall() == [(900, "fetch")]


def test_refetching_a_missing_object_says_so(database, owner, business):
    receive(database, event("evt_unheard", "charge.succeeded", charge()))
    (settled,) = replayed(database, EventFilter(ids=("evt_unheard",)), stripe=lambda: business, refetch=True)
    assert (settled.outcome, settled.reason) == ("failed", "Stripe no longer has this event (stripe_refused)")


def test_an_unreadable_event_is_retried_from_stripes_copy(database, owner, business):
    (told,) = business.each("events", type="charge.succeeded")
    receive(database, {"id": told["id"], "type": told["type"], "created": "once"})
    assert handling(owner, told["id"])[0] == "failed"
    retry_failed_events(database, business, clock=lambda: NOW + timedelta(minutes=1), livemode=False)
    assert handling(owner, told["id"])[0] == "applied"
    assert owner.execute("select amount_minor from payops.charges").fetchall() == [(4900,)]


@dataclass(frozen=True)
class Running:
    db: object
    stripe: object = None
    livemode: bool = False
    zone: ZoneInfo = ZoneInfo("America/New_York")

    def clock(self):
        return NOW


@pytest.fixture
def payops_events(database, owner):
    @contextmanager
    def opened():
        yield Running(database)

    app = events_app(opened)
    return lambda *arguments: CliRunner().invoke(app, arguments)


@pytest.fixture
def three_events(database, owner):
    receive(database, event("evt_1", "charge.succeeded", charge()), now=NOW - timedelta(days=2))
    receive(database, event("evt_2", "moon.landed", {"id": "moon_1"}), now=NOW - timedelta(days=1))
    receive(database, event("evt_3", "charge.refunded", charge(amount_refunded=900), at=START + 60))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], ["evt_3", "evt_2", "evt_1"]),
        (["--type", "charge.*"], ["evt_3", "evt_1"]),
        (["--type", "charge.refunded"], ["evt_3"]),
        (["--outcome", "ignored"], ["evt_2"]),
        (["--object", "ch_1"], ["evt_3", "evt_1"]),
        (["--since", "2026-11-23", "--until", "2026-11-23"], ["evt_2"]),
        (["--since", "2026-11-23T07:30"], ["evt_3"]),
        (["--limit", "1"], ["evt_3"]),
        (["--type", "moon%"], []),
    ],
)
def test_events_are_listed_by_type_outcome_object_and_time(three_events, payops_events, options, expected):
    answer = payops_events("list", *options, "--json")
    assert answer.exit_code == 0
    items = json.loads(answer.stdout)["items"]
    assert [item["id"] for item in items] == expected
    assert all(item["delay_ms"] >= 0 and item["handling_ms"] >= 0 for item in items)


def test_a_shown_event_has_its_payload_and_its_neighbours_and_nothing_private(three_events, payops_events):
    shown = payops_events("show", "evt_1")
    assert shown.exit_code == 0 and "evt_3" in shown.stdout and '"last4": "4242"' in shown.stdout
    assert "Ana" not in shown.stdout
    told = json.loads(payops_events("show", "evt_2", "--json").stdout)
    assert (told["outcome"], told["reason"]) == ("ignored", "unknown type")


def test_replay_by_options_or_ids_prints_each_outcome(three_events, payops_events, owner):
    answer = payops_events("replay", "--type", "charge.*", "--reason", "a test", "--json")
    assert answer.exit_code == 0
    assert [(each["id"], each["outcome"]) for each in json.loads(answer.stdout)["items"]] == [
        ("evt_3", "applied"),
        ("evt_1", "applied"),
    ]
    assert "evt_1 is applied" in payops_events("replay", "evt_1").stdout
    ((actor, role),) = set(owner.execute("select actor, role from payops.audit_log").fetchall())
    assert actor.startswith("cli:") and role == "admin"


def test_a_dry_run_writes_nothing(three_events, payops_events, owner):
    owner.execute("delete from payops.charges")
    answer = payops_events("replay", "--type", "charge.*", "--dry-run")
    assert answer.exit_code == 0 and "Adds ch_1 in charges" in answer.stdout
    assert owner.execute("select count(*) from payops.charges").fetchone() == (0,)


def test_a_replay_that_fails_exits_with_1_and_wrong_usage_with_2(three_events, payops_events, yesterday):
    with yesterday("charge.succeeded", broken):
        assert payops_events("replay", "evt_1").exit_code == 1
    assert payops_events("replay", "evt_unheard").exit_code == 1
    for wrong in (["replay"], ["replay", "evt_1", "--type", "x"], ["list", "--outcome", "x"], ["list", "--since", "x"]):
        assert payops_events(*wrong).exit_code == 2


def test_an_event_that_is_not_there_is_refused_in_words(database, owner):
    with pytest.raises(Refused, match="no_such_event"):
        lookup.one(database, "evt_unheard")


def test_a_list_continues_after_its_page(database, owner):
    receive(database, *(event(f"evt_{n}", "charge.succeeded", charge(id=f"ch_{n}")) for n in range(5)))
    seen, place = [], None
    while True:
        page = lookup.newest(database, replace(EventFilter(), before=place), limit=2)
        seen += [found["id"] for found in page.events]
        place = page.next
        if place is None:
            break
    assert seen == [f"evt_{n}" for n in reversed(range(5))]
