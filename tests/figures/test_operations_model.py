"""Assignment and webhook times against plain Python over what was asked and recorded, in 300 random periods."""

import random
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from core.events import inbox
from core.providers import intake
from tests.factories import body_of, charge, event

ZONE = ZoneInfo("America/New_York")
BEGIN = datetime(2026, 10, 20, tzinfo=UTC)  # the clocks go back on 1 November
DAYS, CONSULTATIONS, EVENTS, PERIODS = 30, 250, 200, 300
STATES = ("TX", "TX", "CA", "WY")  # nobody is licensed in Wyoming
PROVIDERS = [
    {"id": f"p{n}", "name": f"P {n}", "specialties": ["dermatology"], "capacity": 40, "licences": [{"state": state}]}
    for n, state in enumerate(("TX", "CA"))
]


@pytest.fixture
def recorded(database, owner):
    """What was asked and when, with each first answer; and the raw rows of handlings and choices."""
    dice = random.Random(11)
    database.call("put_providers", actor="cli:test", actor_role="admin", documents=PROVIDERS, now=BEGIN)
    asked = []
    for n in range(CONSULTATIONS):
        at = BEGIN + timedelta(seconds=dice.randrange(DAYS * 86_400))
        body = {
            "submissionId": f"sub-{n}",
            "patientId": f"patient-{n}",
            "patientState": dice.choice(STATES),
            "specialty": "dermatology",
        }
        answer = intake.submit(database, intake.Submission.model_validate(body), body, now=at)
        asked.append((at, answer["status"]))
    for n in range(EVENTS):
        told = event(f"evt_{n}", "charge.succeeded", charge(id=f"ch_{n}"), at=int(BEGIN.timestamp()) + n)
        received = BEGIN + timedelta(seconds=dice.randrange(DAYS * 86_400))
        inbox.receive(database, [inbox.prepare(told, body_of(told), livemode=False)], now=received)
    # Handlings take what they take; they are spread here, so that their percentiles differ.
    owner.execute("set session_replication_role = replica")
    owner.execute(
        "update payops.event_handlings as h set handled_at = e.received_at + "
        "abs(hashtext(e.id)) % 900 * interval '1 ms'"
        " from payops.events as e where e.id = h.event_id"
    )
    owner.execute("update payops.assignment_decisions set took_us = abs(hashtext(id::text)) % 90000")
    owner.execute("set session_replication_role = origin")
    choices = owner.execute("select at, took_us from payops.assignment_decisions where kind = 'intake'").fetchall()
    handlings = owner.execute(
        "select e.received_at, e.created, h.handled_at, h.attempts from payops.events as e"
        " join payops.event_handlings as h on h.event_id = e.id where e.came_by = 'webhook'"
    ).fetchall()
    return asked, choices, handlings


def percentile(values: list[float], share: float) -> float | None:
    """With linear interpolation between the two nearest, as percentile_cont has it."""
    if not values:
        return None
    values = sorted(values)
    place = share * (len(values) - 1)
    low = int(place)
    high = min(low + 1, len(values) - 1)
    return values[low] + (values[high] - values[low]) * (place - low)


def spread(values: list[float]) -> dict:
    return {"p50_ms": percentile(values, 0.5), "p95_ms": percentile(values, 0.95), "n": len(values)}


def same(found: dict, expected: dict) -> bool:
    return found["n"] == expected["n"] and all(
        float(found[name]) == pytest.approx(expected[name], abs=0.001) for name in ("p50_ms", "p95_ms") if expected["n"]
    )


def test_assignment_and_webhook_times_are_those_of_a_plain_model(database, recorded):
    asked, choices, handlings = recorded
    dice = random.Random(12)
    assert {status for _, status in asked} == {"assigned", "waiting"}

    def on(moment: datetime) -> date:
        return moment.astimezone(ZONE).date()

    for _ in range(PERIODS):
        since = BEGIN.date() + timedelta(days=dice.randrange(-2, DAYS))
        until = since + timedelta(days=dice.choice((0, 0, 1, 6, 29)))
        found = database.call("metrics", since=since, until=until, currency="usd", now=BEGIN + timedelta(days=40))[
            "metrics"
        ]
        answers = [status for at, status in asked if since <= on(at) <= until]
        rate = found["assignment_success_rate"]
        assert (rate["numerator"], rate["denominator"]) == (answers.count("assigned"), len(answers)), (since, until)
        assert same(found["assignment_time"], spread([us / 1000 for at, us in choices if since <= on(at) <= until]))
        mine = [row for row in handlings if since <= on(row[0]) <= until]
        delays = [max(0.0, (received - created).total_seconds() * 1000) for received, created, _, _ in mine]
        times = [
            (handled - received).total_seconds() * 1000 for received, _, handled, attempts in mine if attempts == 1
        ]
        assert same(found["webhook_delay"], spread(delays)), (since, until)
        assert same(found["webhook_handling_time"], spread(times)), (since, until)
