"""The inbox in figures and words, worked out by hand."""

import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from core.events import inbox, lookup, replay, wording
from core.events.lookup import EventFilter
from core.monitoring import metrics
from core.periods import Period
from tests.factories import body_of, charge, event, intent

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
ZONE = ZoneInfo("America/New_York")
STAMP = int(NOW.timestamp())


def receive(database, told, *, now=NOW, waited=0.0, livemode=False):
    arrived = time.monotonic() - waited
    prepared = inbox.prepare(told, body_of(told), livemode=livemode, arrived=arrived, address="198.51.100.1")
    return inbox.receive(database, [prepared], now=now)[0]


@pytest.fixture
def four_events(database, owner):
    """Created 20, 10 and 5 seconds before they came, and one that cannot be applied."""
    for number, delay in enumerate((20, 10, 5)):
        told = event(f"evt_{number}", "charge.succeeded", charge(id=f"ch_{number}"), at=STAMP - delay)
        assert receive(database, told) == "applied"
    broken = event("evt_3", "payment_intent.created", intent(amount="none"), at=STAMP - 60)
    assert receive(database, broken, now=NOW + timedelta(minutes=2)) == "failed"


def test_the_figures_count_arrivals_delays_and_waiting_events(database, four_events):
    found = lookup.figures(database, EventFilter(NOW - timedelta(hours=1), NOW + timedelta(hours=1)))
    assert (found["events"], found["outcomes"]) == (4, {"applied": 3, "failed": 1})
    assert found["types"] == ["charge.succeeded", "payment_intent.created"]
    assert found["delay"]["n"] == 4 and 14_000 < found["delay"]["p50_ms"] < 16_500  # between 10 and 20 seconds
    assert found["handling"]["n"] == 4 and found["handling"]["p50_ms"] >= 0
    assert found["unapplied"]["events"] == 1
    assert wording.sentence(found, NOW + timedelta(minutes=7)) == (
        "1 event could not be applied; the oldest has been waiting for 5 minutes"
    )


@pytest.mark.parametrize(
    ("wanted", "events", "unapplied", "said"),
    [
        ({"type": "charge.succeeded"}, 3, 0, "3 events match, all of them handled"),
        ({"type": "charge.*"}, 3, 0, "3 events match, all of them handled"),
        ({"outcome": "failed"}, 1, 1, "1 event could not be applied; the oldest has been waiting for 5 minutes"),
        ({"object_id": "ch_1"}, 1, 0, "1 event matches and is handled"),
        ({"object_id": "evt_2"}, 1, 0, "1 event matches and is handled"),
        ({"object_id": "evt_2", "type": "payment_intent.*"}, 0, 0, "No event matches in this period"),
    ],
)
def test_the_figures_are_of_the_events_that_the_list_shows(database, four_events, wanted, events, unapplied, said):
    sought = EventFilter(NOW - timedelta(hours=1), NOW + timedelta(hours=1), **wanted)
    found = lookup.figures(database, sought)
    assert (found["events"], found["unapplied"]["events"]) == (events, unapplied)
    assert len(lookup.newest(database, sought).events) == events
    now = NOW + timedelta(minutes=7)
    assert wording.sentence(found, now, filtered=sought.is_filtered) == said


def test_an_objects_events_are_in_order_with_their_changes(database, owner):
    """Within one second what made the object was first, in whatever order they came."""
    paid = event("evt_paid", "payment_intent.succeeded", intent(status="succeeded"), at=STAMP)
    paid["data"]["previous_attributes"] = {"status": "processing"}
    created = event("evt_created", "payment_intent.created", intent(status="processing"), at=STAMP)
    for told in (paid, created, event("evt_late", "payment_intent.processing", intent(), at=STAMP - 60)):
        receive(database, told)
    related = lookup.one(database, "evt_paid")["related"]
    assert [(each["id"], wording.changes_in_short(each)) for each in reversed(related)] == [
        ("evt_late", ""),
        ("evt_created", ""),
        ("evt_paid", "status: processing → succeeded"),
    ]


def test_handling_time_begins_when_the_request_came(database, owner):
    receive(database, event("evt_1", "charge.succeeded", charge(), at=STAMP), waited=2)
    day = Period(NOW.astimezone(ZONE).date(), NOW.astimezone(ZONE).date(), ZONE)
    answered = metrics.overview(database, day, currency="usd", now=NOW)["metrics"]["webhook_handling_time"]
    assert answered["n"] == 1 and 2_000 <= answered["p50_ms"] < 10_000


def test_the_pulse_has_each_of_the_last_sixty_minutes(database, four_events):
    minutes = lookup.pulse(database, NOW + timedelta(minutes=3, seconds=30))
    assert len(minutes) == 60
    counted = {each["minute"][11:16]: (each["events"], each["spoiled"]) for each in minutes if each["events"]}
    assert list(counted.values()) == [(3, 0), (1, 1)]


@pytest.mark.parametrize(
    ("milliseconds", "words"),
    [(None, ""), (3.44, "3.4 ms"), (820.4, "820 ms"), (2_540, "2.5 s"), (240_000, "4 minutes"), (0, "0.0 ms")],
)
def test_a_duration_is_said_in_its_own_unit(milliseconds, words):
    assert wording.duration(milliseconds) == words


def test_changed_fields_are_shown_one_by_one(database, owner):
    told = event("evt_1", "charge.refunded", charge(amount_refunded=900, captured=True), at=STAMP)
    told["data"]["previous_attributes"] = {
        "amount_refunded": 0,
        "captured": None,
        "outcome": {"reason": "x"},
        "billing_details": {"name": "Ana"},
    }
    receive(database, told)
    changed = {each.field: (each.before, each.after) for each in wording.changes(lookup.one(database, "evt_1"))}
    assert changed == {
        "captured": ("none", "yes"),
        "amount_refunded": ("$0.00", "$9.00"),
        "outcome.reason": ("x", "none"),
    }


def test_an_events_records_are_described_in_words(database, owner):
    receive(database, event("evt_1", "charge.succeeded", charge(), at=STAMP))
    receive(database, event("evt_2", "charge.refunded", charge(amount_refunded=900), at=STAMP + 60))
    found = replay.preview(database, EventFilter(ids=("evt_1",)), livemode=False)
    (told,) = wording.described(found.records, found.rows, ZONE)
    assert (told.title, told.id) == ("Charge", "ch_1")
    assert told.effect == "The mirror has a newer version, from event evt_2."
    fields = dict(told.fields)
    assert fields["Amount"] == "$49.00" and fields["Captured"] == "yes" and fields["Payment intent"] == "pi_1"
    assert "As of" not in fields and "Payment intent" in told.ids


def test_a_list_position_survives_being_part_of_a_url():
    place = {"received_at": "2026-11-24T12:00:00.123456+00:00", "id": "evt_1"}
    assert lookup.place_from_text(lookup.place_as_text(place)) == place
    for nonsense in (None, "", "x", "2026-11-24|evt_1", "|", "2026-11-24T12:00:00+00:00|"):
        assert lookup.place_from_text(nonsense) is None


def test_families_and_every_known_type_can_be_chosen_and_types_that_only_came():
    choices = wording.type_choices(["moon.landed"])
    assert {"charge.*", "charge.succeeded", "product.updated", "moon.*", "moon.landed"} <= set(choices)
    assert choices.index("moon.*") < choices.index("charge.succeeded")
