"""Which provider is chosen, and why: licensed today, with capacity, specialty first, then the least loaded."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from core.errors import Refused, Unauthorised
from core.providers import assignment
from core.staff.roles import Actor, Role
from tests.providers.conftest import ADMIN, NOW, OPS

GP = {"specialties": ["general_practice"]}


def test_the_least_loaded_by_capacity_is_chosen(clinic):
    clinic.provider("half", capacity=2)
    clinic.provider("tenth", capacity=10)
    clinic.ask()  # equal at nothing: by id
    assert clinic.pending() == {"half": 1, "tenth": 0}
    assert [clinic.ask()["providerId"] for _ in range(5)] == ["tenth"] * 5
    clinic.check()


def test_among_equals_the_provider_unassigned_for_longest_is_chosen(clinic):
    for name in ("ann", "ben"):
        clinic.provider(name)
    first = clinic.ask(now=NOW)
    second = clinic.ask(now=NOW + timedelta(seconds=1))
    assert (first["providerId"], second["providerId"]) == ("ann", "ben")
    clinic.end(first["consultationId"])
    clinic.end(second["consultationId"])
    assert clinic.ask(now=NOW + timedelta(seconds=2))["providerId"] == "ann"


def test_a_thousand_patients_over_fifty_equal_providers_end_within_one_of_each_other(clinic):
    clinic.put(
        *(
            {
                "id": f"p{n:02}",
                "name": f"P {n}",
                "specialties": ["dermatology"],
                "capacity": 100,
                "licences": [{"state": "TX"}],
            }
            for n in range(50)
        )
    )
    for n in range(1000):
        clinic.ask(now=NOW + timedelta(seconds=n))
    assert set(clinic.pending().values()) == {20}
    clinic.check()


def test_without_the_specialty_general_practice_takes_it_then_anybody_and_the_answer_says_so(clinic):
    clinic.provider("gp", capacity=1, **GP)
    clinic.provider("mind", capacity=1, specialties=["mental_health"])
    answers = [clinic.ask() for _ in range(3)]
    assert [answer["providerId"] for answer in answers] == ["gp", "mind", None]
    assert [answer["match"] for answer in answers] == ["fallback", "fallback", None]
    assert "general practice" in answers[0]["reason"] and "least loaded of all" in answers[1]["reason"]
    assert (answers[2]["status"], answers[2]["reason"]) == ("waiting", "All providers licensed in TX are at capacity.")


def test_a_preferred_provider_is_taken_if_eligible(clinic):
    clinic.provider("ann")
    clinic.provider("ben")
    clinic.provider("cal", states="CA")
    for _ in range(3):
        assert clinic.ask(preferredProviderId="ben")["providerId"] == "ben"
    assert clinic.ask(preferredProviderId="cal")["providerId"] == "ann"  # not licensed here


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"states": "CA"}, "No provider is licensed in TX."),
        ({"states": "TX:2026-11-20"}, "No licence in TX is valid today."),
        ({"active": False}, "All providers licensed in TX are deactivated."),
    ],
)
def test_a_waiting_patient_is_told_why(clinic, facts, reason):
    clinic.provider("ann", **facts)
    answer = clinic.ask()
    assert (answer["status"], answer["providerId"], answer["reason"]) == ("waiting", None, reason)


@pytest.mark.parametrize(
    ("state", "last_second"),
    [
        ("NY", datetime(2026, 12, 1, 4, 59, 59, tzinfo=UTC)),
        ("CA", datetime(2026, 12, 1, 7, 59, 59, tzinfo=UTC)),
        ("HI", datetime(2026, 12, 1, 9, 59, 59, tzinfo=UTC)),
        ("GU", datetime(2026, 11, 30, 13, 59, 59, tzinfo=UTC)),
    ],
)
def test_a_licence_lasts_to_the_end_of_its_last_day_in_the_states_time(clinic, state, last_second):
    clinic.provider("ann", states=f"{state}:2026-11-30")
    assert clinic.ask(state, now=last_second)["providerId"] == "ann"
    assert clinic.ask(state, now=last_second + timedelta(seconds=1))["status"] == "waiting"


def test_a_licence_starts_with_its_first_day_in_the_states_time(clinic):
    licence = {"state": "CA", "issued_on": "2026-12-01"}
    clinic.put({"id": "ann", "name": "Ann", "specialties": ["dermatology"], "licences": [licence]})
    midnight = datetime(2026, 12, 1, 8, 0, tzinfo=UTC)
    assert clinic.ask("CA", now=midnight - timedelta(seconds=1))["status"] == "waiting"
    assert clinic.ask("CA", now=midnight)["status"] == "assigned"


def test_the_candidates_of_a_decision_are_kept_with_why_each_was_in_or_out(clinic):
    clinic.provider("ann")
    clinic.provider("bea", capacity=1)
    clinic.provider("cal", states="CA")
    clinic.provider("dan", active=False)
    clinic.provider("eve", states="TX:2026-01-31")
    clinic.ask(preferredProviderId="bea")
    consultation = clinic.ask()
    (decision,) = assignment.consultation(clinic.db, consultation["consultationId"], NOW)["decisions"]
    said = {one["provider_id"]: one["why"] for one in decision["candidates"]["items"]}
    assert said == {
        "ann": "Licensed, has the specialty and capacity.",
        "bea": "At capacity.",
        "dan": "Deactivated.",
        "eve": "Licence expired 2026-01-31.",
    }
    assert decision["candidates"]["complete"] and decision["kind"] == "intake" and decision["took_us"] > 0


def test_of_many_candidates_the_first_in_order_are_kept_and_some_where_nobody_is_eligible(clinic):
    for n in range(30):
        clinic.provider(f"p{n:02}", capacity=1, specialties=["dermatology" if n < 2 else "general_practice"])

    def kept(asked):
        (decision,) = assignment.consultation(clinic.db, asked["consultationId"], NOW)["decisions"]
        assert not decision["candidates"]["complete"]
        return decision["candidates"]["items"]

    items = kept(clinic.ask())
    assert [(each["provider_id"], each["tier"]) for each in items] == [("p00", 1), ("p01", 1)]
    assert items[0] == {
        "provider_id": "p00",
        "name": "P00",
        "eligible": True,
        "tier": 1,
        "why": "Licensed, has the specialty and capacity.",
        "pending": 0,
        "capacity": 1,
    }
    clinic.ask()
    fallback = kept(clinic.ask())
    assert [each["provider_id"] for each in fallback] == ["p02", "p03", "p04", "p05", "p06"]
    assert {each["why"] for each in fallback} == {"Licensed, general practice, has capacity."}
    for _ in range(27):
        clinic.ask()
    nobody = kept(clinic.ask())
    assert len(nobody) == 6 and {each["why"] for each in nobody} == {"At capacity."}


def test_a_better_match_found_in_a_later_tier_is_recorded_once_with_its_own_tier(clinic, server):
    """All with the specialty are just being chosen, and one of them has general practice too."""
    for n in range(30):
        has = ["general_practice", *(["dermatology"] if n == 0 else [])]
        clinic.provider(f"p{n:02}", specialties=has)
    asked = clinic.ask()["consultationId"]
    others = [clinic.ask(specialty="general_practice")["consultationId"] for _ in range(29)]
    for each in (asked, *others):
        clinic.end(each)  # all have been idle as long as the first
    kept = (
        "select (d.decided).provider_id, d.candidates from payops.consultations c,"
        " payops.assignment_decision(c, %s, false) d where c.id = %s"
    )
    with psycopg.connect(server.owner_conninfo) as other, clinic.owner.transaction(force_rollback=True):
        other.execute("select from payops.providers where id = 'p00' for update")
        chosen, seen = clinic.owner.execute(kept, (NOW, asked)).fetchone()
    tiers = [(each["provider_id"], each["tier"]) for each in seen["items"]]
    assert chosen == "p01"
    assert len(dict(tiers)) == len(tiers)
    assert dict(tiers)["p00"] == 1 and dict(tiers)["p01"] == 2


def test_a_decision_stays_as_it_was_recorded(clinic):
    clinic.provider("ann")
    clinic.ask()
    with pytest.raises(Exception, match="append_only"):
        clinic.owner.execute("delete from payops.assignment_decisions")


def test_freed_capacity_goes_to_the_longest_waiting(clinic):
    clinic.provider("ann", capacity=1)
    seen = clinic.ask()
    waiting = [clinic.ask(now=NOW + timedelta(minutes=n)) for n in range(1, 3)]
    clinic.end(seen["consultationId"])
    states = [assignment.consultation(clinic.db, one["consultationId"], NOW)["status"] for one in waiting]
    assert states == ["assigned", "waiting"]
    clinic.check()


def test_a_new_provider_licence_or_capacity_assigns_waiting_consultations(clinic):
    clinic.ask("TX"), clinic.ask("CA"), clinic.ask("TX")
    clinic.provider("ann", states="TX", capacity=1)
    assert clinic.pending() == {"ann": 1}
    clinic.put({"id": "ann", "capacity": 2})
    assert clinic.pending() == {"ann": 2}
    clinic.put({"id": "ann", "capacity": 3, "licences": [{"state": "TX"}, {"state": "CA"}]})
    assert clinic.pending() == {"ann": 3}
    clinic.check()


def test_waiting_past_the_limit_is_one_incident(clinic):
    clinic.ask()
    assert assignment.drain(clinic.db, NOW + timedelta(minutes=29)) == {"assigned": 0, "overdue": 0}
    for minutes in (30, 31):
        assert assignment.drain(clinic.db, NOW + timedelta(minutes=minutes)) == {"assigned": 0, "overdue": 1}
    assert clinic.rows("select kind, fingerprint, occurrences from payops.incidents") == [
        ("consultation_waiting", "TX", 1)
    ]


def test_an_ended_consultation_frees_its_slot_once(clinic):
    clinic.provider("ann")
    asked = clinic.ask()
    for _ in range(2):
        assert clinic.end(asked["consultationId"])["status"] == "completed"
    assert clinic.pending() == {"ann": 0}
    with pytest.raises(Refused, match="already"):
        clinic.end(asked["consultationId"], "cancelled")


def test_by_hand_needs_a_reason_and_somebody_eligible(clinic):
    clinic.provider("ann")
    clinic.provider("cal", states="CA")
    clinic.provider("gp", **GP)
    clinic.provider("full", capacity=1)
    clinic.ask(preferredProviderId="full")
    asked = clinic.ask()["consultationId"]
    for provider_id, reason, code in [
        ("gp", "", "reason_missing"),
        ("gp", "knows the patient", "another_specialty"),
        ("full", "knows the patient", "at_capacity"),
        ("cal", "knows the patient", "not_licensed"),
        ("nobody", "knows the patient", "unknown_provider"),
    ]:
        with pytest.raises(Refused) as refused:
            assignment.assign(clinic.db, OPS, asked, NOW, provider_id=provider_id, reason=reason)
        assert refused.value.code == code
    clinic.check()


def test_only_an_admin_overrides_capacity_and_specialty_and_nobody_the_licence(clinic):
    clinic.provider("ann")
    clinic.provider("gp", **GP)
    clinic.provider("cal", states="CA")
    asked = clinic.ask()["consultationId"]
    with pytest.raises(Unauthorised):
        assignment.assign(clinic.db, OPS, asked, NOW, provider_id="gp", reason="asked for", override=True)
    with pytest.raises(Refused, match="No licence in TX"):
        assignment.assign(clinic.db, ADMIN, asked, NOW, provider_id="cal", reason="asked for", override=True)
    moved = assignment.assign(clinic.db, ADMIN, asked, NOW, provider_id="gp", reason="asked for", override=True)
    assert (moved["provider_id"], moved["match"]) == ("gp", "fallback")
    assert clinic.pending() == {"ann": 0, "gp": 1, "cal": 0}
    clinic.check()


def test_a_role_that_may_not_assign_is_refused(clinic):
    with pytest.raises(Unauthorised):
        assignment.assign(clinic.db, Actor("staff:fin", Role.FINANCE), "cons_1", NOW)


def test_a_released_consultation_goes_to_another_provider(clinic):
    clinic.provider("ann")
    asked = clinic.ask()["consultationId"]
    assert assignment.release(clinic.db, OPS, asked, "on leave", NOW)["status"] == "waiting"
    clinic.provider("ben")
    assert assignment.consultation(clinic.db, asked, NOW)["provider_id"] == "ben"
    clinic.check()


def test_candidates_by_hand_say_who_may_be_chosen(clinic):
    clinic.provider("ann")
    clinic.provider("gp", **GP)
    asked = clinic.ask()["consultationId"]
    clinic.provider("ben", states="TX CA")
    clinic.provider("cal", states="CA")
    found = assignment.candidates(clinic.db, asked, NOW)
    assert found["licensed"] == 3
    shown = [(one["provider_id"], one["has_it"], one["eligible"], one["selectable"]) for one in found["items"]]
    assert shown == [("ben", False, True, True), ("ann", True, True, False), ("gp", False, True, False)]
    searched = assignment.candidates(clinic.db, asked, NOW, search="GP")["items"]
    assert [(one["provider_id"], one["selectable"]) for one in searched] == [("gp", False)]


def test_the_provider_it_was_released_from_does_not_block_others(clinic):
    clinic.provider("ann")
    asked = clinic.ask()["consultationId"]
    clinic.provider("gp", capacity=1, **GP)
    other = clinic.ask(specialty="general_practice")["consultationId"]
    assignment.release(clinic.db, OPS, asked, "on leave", NOW)  # nobody else has room: it waits
    clinic.end(other)
    assert assignment.consultation(clinic.db, asked, NOW)["provider_id"] == "gp"
    assignment.release(clinic.db, OPS, asked, "asked for somebody else", NOW)
    moved = assignment.assign(clinic.db, OPS, asked, NOW, provider_id="gp", reason="agreed by phone")
    assert (moved["provider_id"], moved["match"]) == ("gp", "fallback")
    clinic.check()


def test_distribution_compares_with_the_fair_share(clinic):
    clinic.provider("ann", capacity=10)
    clinic.provider("ben", capacity=30)
    for n in range(8):
        clinic.ask(now=NOW + timedelta(seconds=n))
    spread = assignment.distribution(clinic.db, NOW + timedelta(minutes=1))
    assert {item["id"]: item["fair_share"] for item in spread["items"]} == {"ann": 2, "ben": 6}
    assert spread["assigned"] == 8 and spread["gini"] == pytest.approx(0, abs=0.2)


def test_the_what_if_shows_patients_left_and_patients_who_could_be_seen(clinic):
    clinic.provider("ann", states="TX CA")
    clinic.provider("ben", states="TX")
    clinic.ask("CA"), clinic.ask("NY")
    without = assignment.without_provider(clinic.db, "ann", NOW)
    assert [(one["state"], one["open_consultations"], one["others"]) for one in without] == [("CA", 1, 0), ("TX", 0, 1)]
    assert assignment.with_licence(clinic.db, "ben", "NY", NOW) == {
        "waiting": 1,
        "would_take": 1,
        "demand_30_days": 1,
        "providers": 0,
        "has_it": False,
    }


def test_a_state_that_nobody_may_serve_now_is_not_left_without_a_provider(clinic):
    clinic.provider("ann", states="TX NV:2026-11-20")
    assert [one["state"] for one in assignment.without_provider(clinic.db, "ann", NOW)] == ["TX"]
