"""Schedules: nobody is assigned to a provider who is away, to the second, also through daylight saving."""

from datetime import UTC, datetime, timedelta

import pytest

from core.errors import Refused
from core.providers import assignment, schedules
from core.ui.providers import what_if
from tests.providers.conftest import ADMIN, NOW, OPS

SECOND = timedelta(seconds=1)


def schedule(zone="America/New_York", hours=(), capacities=(), time_off=()):
    return {
        "zone": zone,
        "hours": [{"weekday": day, "opens": opens, "closes": closes} for day, opens, closes in hours],
        "capacities": [{"weekday": day, "capacity": capacity} for day, capacity in capacities],
        "time_off": [{"first_day": first, "last_day": last, "note": None} for first, last in time_off],
    }


def put(clinic, provider_id, now=NOW, **facts):
    return schedules.put(clinic.db, ADMIN, provider_id, schedule(**facts), now, reason="agreed")


def test_a_provider_is_assigned_nobody_outside_their_hours_to_the_second(clinic):
    clinic.provider("ann")
    put(clinic, "ann", hours=[(2, "09:00", "17:00")])  # a Tuesday, Eastern
    opens, closes = datetime(2026, 11, 24, 14, tzinfo=UTC), datetime(2026, 11, 24, 22, tzinfo=UTC)
    early = clinic.ask(now=opens - SECOND)
    assert early["reason"] == "All providers licensed in TX are away or outside their hours."
    assert clinic.ask(now=opens)["providerId"] == "ann"
    assert clinic.ask(now=closes - SECOND)["providerId"] == "ann"
    assert clinic.ask(now=closes)["status"] == "waiting"
    clinic.check()


def test_waiting_consultations_are_assigned_when_the_hours_begin(clinic):
    clinic.provider("ann")
    put(clinic, "ann", hours=[(2, "11:00", "12:00")])
    waiting = clinic.ask(now=NOW)
    assert assignment.drain(clinic.db, NOW + timedelta(hours=1))["assigned"] == 0
    assert assignment.consultation(clinic.db, waiting["consultationId"], NOW)["status"] == "assigned"


@pytest.mark.parametrize(
    ("zone", "day", "opens_at"),
    [
        ("America/New_York", "2026-10-31", datetime(2026, 10, 31, 13, tzinfo=UTC)),  # before the clocks go back
        ("America/New_York", "2026-11-01", datetime(2026, 11, 1, 14, tzinfo=UTC)),  # that day
        ("America/New_York", "2027-03-14", datetime(2027, 3, 14, 13, tzinfo=UTC)),  # when they go forward
        ("America/Phoenix", "2027-03-14", datetime(2027, 3, 14, 16, tzinfo=UTC)),  # where they never do
    ],
)
def test_hours_follow_local_time_through_daylight_saving(clinic, zone, day, opens_at):
    clinic.provider("ann")
    put(clinic, "ann", zone=zone, hours=[(weekday, "09:00", "10:00") for weekday in range(1, 8)])
    assert str(opens_at.date()) == day
    assert clinic.ask(now=opens_at - SECOND)["status"] == "waiting"
    assert clinic.ask(now=opens_at)["status"] == "assigned"


def test_a_night_shift_reaches_into_the_next_day_and_hours_within_the_missing_hour_are_none(clinic):
    clinic.provider("ann")
    put(clinic, "ann", hours=[(6, "22:00", "06:00"), (7, "02:15", "03:00")])  # Saturday night
    sunday = datetime(2027, 3, 14, tzinfo=UTC)  # at 2:00 Eastern it is 3:00
    assert clinic.ask(now=sunday + timedelta(hours=9, minutes=59))["status"] == "assigned"
    assert clinic.ask(now=sunday + timedelta(hours=10))["status"] == "waiting"


def test_time_off_is_whole_days_in_the_providers_time(clinic):
    clinic.provider("ann")
    clinic.provider("ben", capacity=1)
    put(clinic, "ann", zone="Pacific/Honolulu", time_off=[("2026-11-25", "2026-11-26")])
    starts, ends = datetime(2026, 11, 25, 10, tzinfo=UTC), datetime(2026, 11, 27, 10, tzinfo=UTC)
    assert clinic.ask(now=starts - SECOND)["providerId"] == "ann"
    assert clinic.ask(now=starts)["providerId"] == "ben"
    assert clinic.ask(now=ends - SECOND)["status"] == "waiting"
    assert clinic.ask(now=ends)["status"] == "assigned"  # as the one who waited is


def test_each_day_of_the_week_has_its_capacity(clinic):
    clinic.provider("ann", capacity=5)
    put(clinic, "ann", capacities=[(2, 1), (3, 0)])
    assert [clinic.ask()["status"] for _ in range(2)] == ["assigned", "waiting"]
    assert clinic.ask(now=NOW + timedelta(days=1))["status"] == "waiting"  # none on Wednesday
    assert clinic.ask(now=NOW + timedelta(days=2))["status"] == "assigned"
    assert clinic.pending() == {"ann": 4}


def test_only_an_admin_assigns_by_hand_to_a_provider_who_is_away(clinic):
    clinic.provider("ann")
    put(clinic, "ann", time_off=[("2026-11-24", "2026-11-24")])
    asked = clinic.ask()["consultationId"]
    with pytest.raises(Refused) as refused:
        assignment.assign(clinic.db, OPS, asked, NOW, provider_id="ann", reason="knows them")
    assert refused.value.code == "away"
    moved = assignment.assign(clinic.db, ADMIN, asked, NOW, provider_id="ann", reason="called in", override=True)
    assert moved["provider_id"] == "ann"


def test_the_what_if_counts_no_slots_of_providers_who_are_away(clinic):
    clinic.provider("ann")
    clinic.provider("ben")
    clinic.ask()
    (before,) = assignment.without_provider(clinic.db, "ann", NOW)
    put(clinic, "ben", time_off=[("2026-11-24", "2026-11-25")])
    (after,) = assignment.without_provider(clinic.db, "ann", NOW)
    assert (before["their_free_slots"], after["their_free_slots"]) == (10, 0)
    assert before["others"] == after["others"] == 1
    assert [what_if.result(one) for one in (before, after)] == ["Others have capacity", "1 would wait"]
    assert what_if.result(after | {"open_consultations": 0}) == "Others have no capacity now"


def test_a_patient_returns_to_their_provider_if_licensed_and_with_capacity(clinic):
    clinic.provider("ann")
    clinic.provider("ben", capacity=100)
    first = clinic.ask(patientId="pat", preferredProviderId="ann")
    again = clinic.ask(patientId="pat", now=NOW + SECOND)
    assert again["providerId"] == "ann" and "knows" in again["reason"]
    assert clinic.ask(now=NOW + SECOND)["providerId"] == "ben"
    put(clinic, "ann", time_off=[("2026-11-24", "2026-11-24")])
    assert clinic.ask(patientId="pat", now=NOW + 2 * SECOND)["providerId"] == "ben"
    assert first["match"] == again["match"] == "specialty"


def test_among_many_candidates_the_decision_names_the_known_provider_and_why(clinic):
    for number in range(26):  # more than a decision lists
        clinic.provider(f"p{number:02}")
    clinic.ask(patientId="pat", preferredProviderId="p25")
    again = clinic.ask(patientId="pat", now=NOW + SECOND)
    (decision,) = assignment.consultation(clinic.db, again["consultationId"], NOW + SECOND)["decisions"]
    [chosen] = [one for one in decision["candidates"]["items"] if one["provider_id"] == "p25"]
    assert (chosen["eligible"], chosen["tier"], chosen["pending"], chosen["capacity"]) == (True, 1, 1, 10)
    assert not decision["candidates"]["complete"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"zone": "Mars/Olympus"}, "time zone"),
        ({"hours": [(1, "09:00", "12:00"), (1, "11:00", "13:00")]}, "overlap"),
        ({"time_off": [("2026-12-02", "2026-12-01")]}, "ends before"),
        ({"capacities": [(1, -1)]}, "from 0 to"),
        ({"hours": [(8, "09:00", "12:00")]}, "Monday to Sunday"),
        ({"hours": [(2, "09:00", "")]}, "both times of the hours on Tuesday"),
        ({"time_off": [("", "2026-12-01")]}, "The first day of a time off is missing"),
        ({"time_off": [("2026-12-01", "soon")]}, "“soon” is not a date. Write each day of time off as 2026-11-20"),
        ({"hours": [(1, "9 o'clock", "12:00")]}, "times such as"),
    ],
)
def test_an_invalid_schedule_is_refused_and_changes_nothing(clinic, wrong, said):
    clinic.provider("ann")
    put(clinic, "ann", hours=[(2, "09:00", "17:00")])
    before = schedules.one(clinic.db, "ann", NOW)
    with pytest.raises(Refused, match=said):
        put(clinic, "ann", **wrong)
    assert schedules.one(clinic.db, "ann", NOW) == before


@pytest.mark.parametrize(
    ("typed", "day"),
    [
        ("2026-11-20", "2026-11-20"),
        (" 20 Nov  2026 ", "2026-11-20"),
        ("1 November 2026", "2026-11-01"),
        ("61120-11-20", "61120-11-20"),
        ("11/20/2026", "2026-11-20"),
        ("", ""),
    ],
)
def test_a_day_is_typed_as_it_is_shown_or_as_files_have_it(typed, day):
    assert schedules.day_from_text(typed) == day
