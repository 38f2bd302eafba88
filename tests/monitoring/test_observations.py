"""Sums by day: equal to the rows they stand for after any order of changes, and percentiles within 2 %."""

import math
import random
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest

from core.monitoring import retention


def percentile(times, percent):
    """As the textbook has it: between the two nearest of the sorted times."""
    place = (len(times) - 1) * percent / 100
    lower, upper = sorted(times)[math.floor(place)], sorted(times)[math.ceil(place)]
    return lower + (upper - lower) * (place % 1)


DAY = date(2026, 11, 20)
NOON = datetime(2026, 11, 20, 17, tzinfo=UTC)
SHAPES = {
    "even": lambda chance: chance.uniform(1, 900),
    "long tail": lambda chance: chance.lognormvariate(4, 1.5),
    "two kinds": lambda chance: chance.gauss(20, 2) if chance.random() < 0.7 else chance.gauss(4000, 300),
    "all alike": lambda chance: 250.0,
}


@pytest.mark.parametrize("shape", SHAPES)
def test_percentiles_of_many_times_are_within_two_percent_of_the_exact_ones(owner, shape):
    chance = random.Random(7)
    times = [SHAPES[shape](chance) for _ in range(3_000)]
    with owner.cursor().copy("copy payops.api_calls (at, operation, status, own_ms, stripe_ms) from stdin") as rows:
        for ms in times:
            rows.write_row((NOON, "process-payment", 200, ms, 0))
    owner.execute("select payops.refresh_observations()")
    (found,) = owner.execute("select payops.times_of_days('api_own', %s, %s)", (DAY, DAY)).fetchone()
    assert found["n"] == 3_000
    for quantile in (50, 95):
        assert found[f"p{quantile}_ms"] == pytest.approx(percentile(times, quantile), rel=0.0201)


def test_a_few_times_are_exact(owner):
    times = [12.5, 80.25, 81.0, 7.125]
    for ms in times:
        owner.execute(
            "insert into payops.api_calls (at, operation, status, own_ms, stripe_ms) values (%s, '', 200, %s, 0)",
            (NOON, ms),
        )
    owner.execute("select payops.refresh_observations()")
    (found,) = owner.execute("select payops.times_of_days('api_own', %s, %s)", (DAY, DAY)).fetchone()
    assert found == {
        "p50_ms": percentile(times, 50),
        "p95_ms": pytest.approx(percentile(times, 95)),
        "n": 4,
    }


SUMS = """
select measure, type, outcome, bucket, sum(observations)::bigint from payops.daily_observations
group by 1, 2, 3, 4 having sum(observations) <> 0 order by 1, 2, 3, 4
"""
ROWS = """
select o.measure, k.type, k.outcome, o.bucket, sum(o.observations)::bigint
from payops.observations_between('-infinity', 'infinity') as o
cross join lateral (select o.type, o.outcome union select '', '') as k
group by 1, 2, 3, 4 order by 1, 2, 3, 4
"""


def test_the_sums_equal_the_rows_after_events_that_failed_were_applied_or_died(owner):
    chance = random.Random(3)
    for number in range(60):
        received = NOON + timedelta(minutes=chance.randrange(600))
        owner.execute(
            "insert into payops.events (id, type, created, received_at, livemode, payload, body_sha256, came_by)"
            " values (%s, %s, %s, %s, false, '{}', '', %s)",
            (
                f"evt_{number}",
                f"charge.{number % 3}",
                received - timedelta(seconds=number % 7),
                received,
                "sweep" if number % 9 == 0 else "webhook",
            ),
        )
        owner.execute(
            "insert into payops.event_handlings (event_id, outcome, handled_at) values (%s, %s, %s)",
            (f"evt_{number}", chance.choice(["applied", "failed"]), received + timedelta(milliseconds=number)),
        )
        if number % 4 == 0:
            owner.execute("select payops.refresh_observations()")
        if number % 3 == 0:
            owner.execute(
                "update payops.event_handlings set outcome = %s, attempts = attempts + 1 where event_id = %s",
                (chance.choice(["applied", "dead"]), f"evt_{chance.randrange(number + 1)}"),
            )
    owner.execute("select payops.refresh_observations()")
    expected = owner.execute(ROWS).fetchall()
    assert len(expected) > 20 and owner.execute(SUMS).fetchall() == expected
    assert owner.execute("select sum(events)::integer from payops.event_minutes").fetchone() == (60,)

    # Counted anew, with a change that is not in the sums yet.
    owner.execute("update payops.event_handlings set outcome = 'ignored' where event_id = 'evt_1'")
    owner.execute("insert into payops.stale_observation_days (day) values (%s), (%s)", (DAY, DAY + timedelta(days=1)))
    before = owner.execute(
        "select * from payops.events_counted(%s, %s, '{}', null, null) order by 1, 2", (DAY, DAY + timedelta(days=1))
    ).fetchall()
    assert owner.execute("select payops.refresh_observations(5)").fetchone() == (2,)
    assert owner.execute(SUMS).fetchall() == owner.execute(ROWS).fetchall() != expected
    after = owner.execute(
        "select * from payops.events_counted(%s, %s, '{}', null, null) order by 1, 2", (DAY, DAY + timedelta(days=1))
    ).fetchall()
    assert before == after and sum(row[2] for row in after) == 60
    assert owner.execute("select sum(events)::integer from payops.event_minutes").fetchone() == (60,)


def test_times_of_several_outcomes_come_from_the_days_of_each(owner):
    outcomes = ["applied"] * 3 + ["failed"] * 4 + ["dead"] * 5
    for number, outcome in enumerate(outcomes):
        owner.execute(
            "insert into payops.events (id, type, created, received_at, livemode, payload, body_sha256, came_by)"
            " values (%s, 'charge.failed', %s, %s, false, '{}', '', 'webhook')",
            (f"evt_{number}", NOON, NOON + timedelta(seconds=2)),
        )
        owner.execute(
            "insert into payops.event_handlings (event_id, outcome, handled_at) values (%s, %s, %s)",
            (f"evt_{number}", outcome, NOON + timedelta(seconds=3)),
        )
    owner.execute("select payops.refresh_observations()")
    for asked, expected in (("failed,dead", 9), ("dead", 5), (None, 12)):
        counted = owner.execute(
            "select sum(c.observations)::integer from payops.counted_buckets('webhook_delay', %s, %s, null, %s) as c",
            (DAY, DAY, asked),
        ).fetchone()
        assert counted == (expected,)


def test_an_answer_that_comes_later_counts_for_the_day_on_which_the_patient_came(owner):
    owner.execute(
        "insert into payops.consultations"
        " (id, submission_id, body_sha256, patient_id, state, specialty, received_at, status, reason)"
        " select 'cons_' || n, 'sm_' || n, '', 'patient_1', 'NY', 'dermatology', %s, 'waiting', ''"
        " from generate_series(1, 3) as n",
        (NOON,),
    )
    owner.execute("update payops.consultations set first_answer = '{\"status\": \"waiting\"}' where id = 'cons_1'")
    owner.execute("update payops.consultations set first_answer = '{\"status\": \"assigned\"}' where id = 'cons_2'")
    owner.execute("update payops.consultations set reason = 'again'")
    owner.execute("select payops.refresh_observations()")
    (found,) = owner.execute("select payops.assignment_metrics(%s, %s)", (DAY, DAY)).fetchone()
    assert (found["assignment_success_rate"]["numerator"], found["assignment_success_rate"]["denominator"]) == (1, 3)


def test_old_events_and_calls_are_deleted_in_parts_and_their_days_keep_their_sums(owner, database, monkeypatch):
    monkeypatch.setattr(retention, "MOST_ROWS_AT_ONCE", 4)
    old = NOON - timedelta(days=40)
    for number in range(10):
        at, outcome = (old, "failed" if number == 0 else "applied") if number < 7 else (NOON, "applied")
        owner.execute(
            "insert into payops.events (id, type, created, received_at, livemode, payload, body_sha256)"
            " values (%s, 'charge.updated', %s, %s, false, '{}', '')",
            (f"evt_{number}", at, at),
        )
        owner.execute(
            "insert into payops.event_handlings (event_id, outcome, handled_at) values (%s, %s, %s)",
            (f"evt_{number}", outcome, at),
        )
        owner.execute(
            "insert into payops.api_calls (at, operation, status, own_ms, stripe_ms) values (%s, '', 200, 5, 0)", (at,)
        )
    owner.execute("select payops.refresh_observations()")
    before = owner.execute(SUMS).fetchall()
    parts = []
    days = {"events_kept_days": 30, "calls_kept_days": 30}
    deleted = retention.delete_old_rows(database, NOON, lambda: parts.append(1), **days)
    assert (deleted, len(parts)) == (6 + 7, 4)  # the one still to be retried stays
    assert owner.execute("select count(*) from payops.events").fetchone() == (4,)
    assert owner.execute("select count(*) from payops.event_handlings").fetchone() == (4,)
    owner.execute("insert into payops.stale_observation_days (day) values (%s)", (old.date(),))
    owner.execute("select payops.refresh_observations(5)")
    assert owner.execute(SUMS).fetchall() == before
    with pytest.raises(psycopg.errors.RaiseException, match="append_only"):
        owner.execute("delete from payops.events")
