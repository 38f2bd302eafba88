"""Events that are recorded first and applied together end as those that are applied at once, whoever applies them."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.db.time_limits import TimeLimits
from core.db.via_psycopg import PsycopgDatabase
from core.errors import Unavailable
from core.events import inbox, recorded
from core.events.lookup import EventFilter
from core.events.recorded import Applier, Applying, InboxWriter
from core.events.retries import retry_failed_events
from tests.events.test_inbox import PAYMENT_LIFE, empty, mirror, receive
from tests.factories import body_of, charge, event, intent

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def prepared(*events):
    return [inbox.prepare(each, body_of(each), livemode=False) for each in events]


def record(database, *events):
    return inbox.record(database, prepared(*events), now=NOW)


def apply_all(database):
    return Applying(database, lambda: NOW).apply_all()


def outcomes(owner):
    return dict(owner.execute("select event_id, outcome from payops.event_handlings").fetchall())


def left(owner):
    return owner.execute("select coalesce(sum(cardinality(ids)), 0) from payops.recorded_batches").fetchone()[0]


def charges(count, start=0):
    return [event(f"evt_{n}", "charge.succeeded", charge(id=f"ch_{n}")) for n in range(start, start + count)]


def until(true, seconds=20):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.01)


def test_an_event_is_recorded_and_applied_once_however_often_it_arrives(database, owner):
    first, second = PAYMENT_LIFE[:2]
    assert record(database, first, first, second) == ["recorded", "duplicate", "recorded"]
    assert record(database, second) == ["duplicate"] == receive(database, first)
    assert outcomes(owner) == {} and mirror(owner)["payment_intents"] == []
    assert apply_all(database) == 2
    assert outcomes(owner) == {"evt_a": "applied", "evt_b": "applied"}
    assert apply_all(database) == 0 == left(owner)
    assert record(database, first) == ["duplicate"] == receive(database, second)


def test_an_unapplied_event_is_shown_as_recorded_and_counted_as_waiting(database, owner):
    record(database, *PAYMENT_LIFE)

    def shown():
        listed = database.call("list_events", sought=EventFilter().as_json(), limit=10)["items"]
        counted = database.call("count_events", sought=EventFilter().as_json(), most=10)
        found = database.call("show_event", id="evt_a")
        queues = database.call("metric_samples", now=NOW + timedelta(minutes=5))["queues"]
        return (
            {each["outcome"] for each in [*listed, *found["related"], found, *counted]},
            sum(each["count"] for each in counted),
            next(each["depth"] for each in queues if each["queue"] == "events_to_apply"),
        )

    assert shown() == ({"recorded"}, 6, 6)
    apply_all(database)
    assert shown() == ({"applied"}, 6, 0)


def test_what_waits_for_minutes_is_still_counted_for_prometheus_once_it_is_applied(database, owner):
    record(database, *PAYMENT_LIFE)
    counted = "select sum(value) from payops.metric_totals where name = 'webhook_events'"
    for minutes in (5, 6):
        database.call("metric_samples", now=NOW + timedelta(minutes=minutes))
    assert owner.execute(counted).fetchone() == (None,)
    apply_all(database)
    for minutes in (7, 8):
        database.call("metric_samples", now=NOW + timedelta(minutes=minutes))
    assert owner.execute(counted).fetchone() == (6,)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    order=st.permutations(PAYMENT_LIFE),
    ways=st.lists(st.sampled_from(("record", "receive", "apply", "again")), min_size=6, max_size=6),
)
def test_the_mirror_does_not_depend_on_order_or_way_of_arrival(database, owner, order, ways):
    empty(owner)
    receive(database, *PAYMENT_LIFE)
    expected = mirror(owner)
    empty(owner)
    for told, way in zip(order, ways, strict=True):
        if way == "receive":
            receive(database, told)
            continue
        record(database, told)
        if way == "apply":
            apply_all(database)
        elif way == "again":
            assert record(database, told, *order[:2])[0] == "duplicate"
    apply_all(database)
    assert mirror(owner) == expected
    assert set(outcomes(owner).values()) == {"applied"} and len(outcomes(owner)) == 6


def test_a_refused_event_fails_alone(database, owner):
    card = {"brand": "visa", "exp_month": '4242 4242 4242 4242 of "Ana" Lima'}
    poison = event("evt_poison", "charge.succeeded", charge(payment_method_details={"type": "card", "card": card}))
    unknown = event("evt_unknown", "moon.landed", {"id": "moon_1"})
    other_mode = event("evt_live", "charge.succeeded", charge(id="ch_live"), livemode=True)
    record(database, *charges(3), poison, unknown)
    record(database, *charges(3, 10), other_mode)
    assert apply_all(database) == 9
    told = outcomes(owner)
    assert (told.pop("evt_poison"), told.pop("evt_unknown"), told.pop("evt_live")) == (
        "failed",
        "ignored",
        "quarantined",
    )
    assert set(told.values()) == {"applied"} and len(mirror(owner)["charges"]) == 6
    reasons = owner.execute("select reason from payops.event_attempts").fetchall()
    assert len(reasons) == 1 and "4242" not in reasons[0][0] and "Lima" not in reasons[0][0]
    kinds = owner.execute("select kind from payops.incidents order by kind").fetchall()
    assert kinds == [("event_failed",), ("mode_mismatch",)]


def test_large_batches_are_taken_oldest_first_and_no_larger_than_asked(database, owner):
    for start in range(0, 30, 10):
        record(database, *charges(10, start))
    took = [database.call("apply_recorded_events", most=15, now=NOW) for _ in range(3)]
    assert took == [20, 10, 0]
    assert len(outcomes(owner)) == 30


def test_concurrent_appliers_apply_each_event_once(database, owner):
    with ThreadPoolExecutor(6) as everybody:
        recording = [everybody.submit(record, database, *charges(7, start)) for start in range(0, 280, 7)]
        applying = [everybody.submit(apply_all, database) for _ in range(30)]
        assert {each for one in recording for each in one.result()} == {"recorded"}
        applied = sum(each.result() for each in applying)
    assert applied + apply_all(database) == 280
    assert outcomes(owner) == {f"evt_{n}": "applied" for n in range(280)}
    assert len(mirror(owner)["charges"]) == 280
    observed = owner.execute("select sum(observations) from payops.observation_changes where measure = 'event'")
    assert observed.fetchone() == (280,)  # handled once each


def test_a_dead_appliers_batch_is_applied_by_the_next(server, database, owner):
    receive(database, event("evt_held", "charge.succeeded", charge(id="ch_3")))
    record(database, *charges(6, 1))
    dying = PsycopgDatabase(server.app_conninfo)
    with psycopg.connect(server.owner_conninfo) as holding, ThreadPoolExecutor(1) as elsewhere:
        holding.execute("select from payops.charges where id = 'ch_3' for update")
        applying = elsewhere.submit(dying.call, "apply_recorded_events", most=500, now=NOW)
        waiting = "select pid from pg_stat_activity where wait_event_type = 'Lock' and query like '%apply_recorded%'"
        until(lambda: owner.execute(waiting).fetchone())
        assert database.call("apply_recorded_events", most=500, now=NOW) is None  # the other is at it
        owner.execute("select pg_terminate_backend(%s)", owner.execute(waiting).fetchone())
        with pytest.raises(Unavailable):
            applying.result(timeout=20)
        assert left(owner) == 6 and len(outcomes(owner)) == 1
    dying.close()
    assert apply_all(database) == 6
    assert set(outcomes(owner).values()) == {"applied"} and len(outcomes(owner)) == 7


def test_a_slow_batch_is_split_then_set_aside_and_retried(server, database, owner):
    """A row that somebody holds for long: its event waits for a retry, and no other waits with it."""
    receive(database, event("evt_held", "charge.succeeded", charge(id="ch_2")))
    record(database, *charges(2, 1))
    record(database, *charges(2, 11))
    impatient = PsycopgDatabase(server.app_conninfo, limits=TimeLimits(2, 0.5, 5))
    applying = Applying(impatient, lambda: NOW)
    with psycopg.connect(server.owner_conninfo) as holding:
        holding.execute("select from payops.charges where id = 'ch_2' for update")
        for _ in range(2):
            with pytest.raises(Unavailable):
                applying.some()
        assert applying.apply_all() == 4
    impatient.close()
    assert outcomes(owner) == {
        "evt_held": "applied",
        "evt_1": "failed",
        "evt_2": "failed",
        "evt_11": "applied",
        "evt_12": "applied",
    }
    later = NOW + timedelta(minutes=1)
    assert retry_failed_events(database, None, clock=lambda: later, livemode=False) == 2
    assert set(outcomes(owner).values()) == {"applied"}


@pytest.fixture
def writer(server, database, owner, monkeypatch):
    """A writer whose applier has a connection of its own; three events in a window are a crowd."""
    monkeypatch.setattr(recorded, "CROWD", 3)
    monkeypatch.setattr(recorded, "BUSY", 0)
    of_the_applier = PsycopgDatabase(server.app_conninfo)
    applier = Applier(of_the_applier, lambda: NOW)
    made = InboxWriter(database, applier, lambda: NOW)
    yield made, applier
    applier.close()
    of_the_applier.close()


def test_a_few_are_applied_before_they_are_answered_and_a_crowd_within_a_second(writer, owner):
    write, applier = writer

    def after_a_window():
        time.sleep(1.2 * recorded.WINDOW_SECONDS)

    assert write(prepared(*charges(3))) == ["applied"] * 3
    after_a_window()
    started = time.monotonic()
    assert write(prepared(*charges(5, 3))) == ["recorded"] * 5
    until(lambda: len(outcomes(owner)) == 8)
    assert time.monotonic() - started < 1
    until(lambda: applier.behind == 0)
    time.sleep(2 * recorded.WINDOW_SECONDS)
    assert write(prepared(*charges(1, 8))) == ["applied"]
    assert [write(prepared(*charges(1, n))) for n in range(9, 14)] == [["applied"]] * 5
    after_a_window()
    assert write(prepared(*charges(1, 14))) == ["applied"]  # many, but each alone


def test_many_events_are_applied_directly_while_a_writer_is_free(writer, monkeypatch):
    monkeypatch.setattr(recorded, "BUSY", 0.9)
    write, _ = writer
    assert write(prepared(*charges(5))) == ["applied"] * 5
    time.sleep(1.2 * recorded.WINDOW_SECONDS)
    assert write(prepared(*charges(5, 5))) == ["applied"] * 5


def test_what_another_process_recorded_before_it_was_killed_is_applied_too(writer, database, owner):
    record(database, *charges(3))
    until(lambda: len(outcomes(owner)) == 3)


def test_senders_wait_while_too_many_are_not_applied(database, owner, monkeypatch):
    for measure in ("CROWD", "COMPANY", "BUSY"):
        monkeypatch.setattr(recorded, measure, 0)
    monkeypatch.setattr(recorded, "MOST_BEHIND", 4)
    monkeypatch.setattr(recorded, "WAIT_FOR_ROOM_SECONDS", 0.5)

    class Stuck:
        let_go = threading.Event()

        def call(self, function, **arguments):
            assert self.let_go.wait(20)
            return database.call(function, **arguments)

    applier = Applier(Stuck(), lambda: NOW)
    write = InboxWriter(database, applier, lambda: NOW)
    try:
        assert write(prepared(*charges(5))) == ["recorded"] * 5
        started = time.monotonic()
        assert write(prepared(*charges(1, 5))) == ["recorded"]
        assert time.monotonic() - started >= 0.5
        Stuck.let_go.set()
        until(lambda: applier.behind == 0)
        assert outcomes(owner) == {f"evt_{n}": "applied" for n in range(6)}
    finally:
        Stuck.let_go.set()
        applier.close()


def test_a_process_is_not_behind_after_another_has_applied(server, database, owner):
    of_the_applier = PsycopgDatabase(server.app_conninfo)
    with psycopg.connect(server.owner_conninfo, autocommit=True) as other:
        other.execute("select pg_advisory_lock(payops.advisory_lock('apply recorded events'))")
        applier = Applier(of_the_applier, lambda: NOW)
        try:
            record(database, *charges(5))
            applier.recorded(5)
            time.sleep(3 * recorded.TAKEN_SECONDS)
            assert applier.behind == 5 == left(owner)
            assert other.execute("select payops_api.apply_recorded_events(500, %s)", (NOW,)).fetchone() == (5,)
            until(lambda: applier.behind == 0)
        finally:
            applier.close()
            of_the_applier.close()


@pytest.mark.parametrize("code", ["database_unavailable", "database_right_missing", "database_not_migrated"])
def test_a_database_outage_only_delays_recorded_events(database, owner, monkeypatch, code):
    monkeypatch.setattr(recorded, "AGAIN_SECONDS", 0.05)

    class Away:
        times = 3

        def call(self, function, **arguments):
            if self.times:
                self.times -= 1
                raise Unavailable(code, "Away.")
            if function == "apply_recorded_events":
                assert arguments["most"] == recorded.EVENTS_AT_ONCE  # an outage says nothing about the events
            return database.call(function, **arguments)

    record(database, event("evt_1", "payment_intent.created", intent()))
    applier = Applier(Away(), lambda: NOW)
    applier.recorded(1)
    try:
        until(lambda: outcomes(owner) == {"evt_1": "applied"})
    finally:
        applier.close()
