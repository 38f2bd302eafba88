"""Several consultations at once: those whose provider may no longer see the patient, and waiting ones."""

from datetime import timedelta

import pytest

from core.errors import Refused, Unauthorised
from core.providers import assignment, directory
from core.staff.roles import Actor, Role
from tests.providers.conftest import ADMIN, NOW, OPS


def to_reassign(clinic, now=NOW):
    found = assignment.consultations(clinic.db, now, status="to_reassign")
    assert assignment.summary(clinic.db, now)["to_reassign"] == len(found)
    return [one["id"] for one in found]


def test_a_licence_that_ends_while_a_consultation_is_open_is_found_in_that_second(clinic):
    clinic.provider("ann", states="CA:2026-11-30")
    asked = clinic.ask("CA")["consultationId"]
    midnight = NOW.replace(month=12, day=1, hour=8)
    assert to_reassign(clinic, midnight - timedelta(seconds=1)) == []
    assert to_reassign(clinic, midnight) == [asked]
    assert not assignment.consultation(clinic.db, asked, midnight)["may_see"]


def test_deactivation_leaves_consultations_that_move_to_others_or_wait(clinic):
    clinic.provider("ann", states="TX CA")
    kept = [clinic.ask("TX")["consultationId"], clinic.ask("CA")["consultationId"]]
    clinic.put({"id": "ann", "active": False})
    assert set(to_reassign(clinic)) == set(kept)
    clinic.provider("ben")
    with pytest.raises(Refused, match="reason_missing"):
        assignment.reassign_from_ineligible(clinic.db, OPS, " ", NOW)
    with pytest.raises(Unauthorised):
        assignment.reassign_from_ineligible(clinic.db, Actor("staff:fin", Role.FINANCE), "left", NOW)
    moved = assignment.reassign_from_ineligible(clinic.db, OPS, "Ann left", NOW, provider_id="ann")
    assert moved == {"moved": 2, "waiting": 1}
    assert to_reassign(clinic) == [] and clinic.pending() == {"ann": 0, "ben": 1}
    waiting = assignment.consultations(clinic.db, NOW, status="waiting")
    assert [(one["id"], one["reason"]) for one in waiting] == [
        (kept[1], "All providers licensed in CA are deactivated.")
    ]
    clinic.check()


def test_only_the_consultations_of_a_lost_licence_are_moved(clinic):
    clinic.provider("ann", states="TX CA")
    there, gone = (clinic.ask(state)["consultationId"] for state in ("TX", "CA"))
    clinic.put({"id": "ann", "licences": [{"state": "TX", "number": "ann-TX"}]})
    assert assignment.reassign_from_ineligible(clinic.db, OPS, "licence lost", NOW) == {"moved": 1, "waiting": 1}
    statuses = [assignment.consultation(clinic.db, one, NOW)["status"] for one in (there, gone)]
    assert statuses == ["assigned", "waiting"]
    clinic.check()


def test_a_preview_shows_the_consequences_and_changes_nothing(clinic):
    clinic.provider("ann", states="TX CA", capacity=3)
    clinic.provider("ben", states="TX")
    clinic.ask("CA"), clinic.ask("CA"), clinic.ask("NY"), clinic.ask("NY"), clinic.ask("NY")
    before = directory.everybody(clinic.db)
    licences = [{"state": "TX", "number": "ann-TX"}, {"state": "NY", "expires_on": "2027-12-31"}]
    change = {"id": "ann", "licences": licences}
    assert directory.preview(clinic.db, change, NOW) == {
        "to_move": [{"state": "CA", "consultations": 2, "others": 0, "their_free_slots": 0}],
        "left_without": [{"state": "CA", "demand_30_days": 2}],
        "over_capacity": 0,
        "waiting": [{"state": "NY", "waiting": 3}],
        "would_take": 3,
    }
    assert directory.preview(clinic.db, {"id": "ann", "active": False}, NOW)["to_move"] == [
        {"state": "CA", "consultations": 2, "others": 0, "their_free_slots": 0}
    ]
    assert directory.preview(clinic.db, {"id": "ann", "capacity": 1}, NOW)["over_capacity"] == 1
    assert directory.everybody(clinic.db) == before
    placed = clinic.put(change)["placed"]  # the two in California stay with her until they are moved
    assert placed == 1


def test_a_preview_goes_by_the_days_of_the_licences(clinic):
    clinic.provider("ann", states="TX")
    ended = {"id": "ann", "licences": [{"state": "TX", "number": "ann-TX", "expires_on": "2026-11-23"}]}
    assert [one["state"] for one in directory.preview(clinic.db, ended, NOW)["left_without"]] == ["TX"]
    new = {"name": "New", "licences": [{"state": "TX", "issued_on": "2026-11-25"}]}
    clinic.ask("CA"), clinic.ask("TX", specialty="urgent_care")
    assert directory.preview(clinic.db, new, NOW)["would_take"] == 0


def test_an_edit_that_builds_on_what_somebody_changed_meanwhile_is_refused(clinic):
    clinic.provider("ann")
    seen = directory.one(clinic.db, "ann")["updated_at"]
    later = NOW + timedelta(minutes=1)
    directory.save(clinic.db, ADMIN, {"id": "ann", "capacity": 4, "seen_at": seen}, later, reason="leave")
    with pytest.raises(Refused, match="meanwhile"):
        directory.save(clinic.db, ADMIN, {"id": "ann", "capacity": 5, "seen_at": seen}, later, reason="leave")
    assert directory.one(clinic.db, "ann")["capacity"] == 4


@pytest.mark.parametrize("status", ["assigned", "waiting", "ended"])
def test_a_list_can_be_limited_to_one_specialty(clinic, status):
    if status != "waiting":
        clinic.provider("ann", states="TX", specialties=["dermatology", "general_practice"])
    skin, general = (clinic.ask("TX", each)["consultationId"] for each in ("dermatology", "general_practice"))
    if status == "ended":
        clinic.end(skin)
        clinic.end(general)
    for specialty, ids in (("dermatology", {skin}), ("general_practice", {general}), (None, {skin, general})):
        found = assignment.consultations(clinic.db, NOW, status=status, specialty=specialty)
        assert {one["id"] for one in found} == ids


def planned_for_several(clinic, *, override=False):
    waiting = assignment.consultations(clinic.db, NOW, status="waiting")
    found = assignment.plan_several(
        waiting, lambda one: assignment.candidates(clinic.db, one["id"], NOW), override=override
    )
    return {each.consultation["id"]: each for each in found}


def assign_planned(clinic, placement, actor=ADMIN):
    return assignment.assign(
        clinic.db,
        actor,
        placement.consultation["id"],
        NOW,
        provider_id=placement.provider_id,
        reason="Monday's queue",
        override=placement.override,
        only_waiting=True,
    )


def waiting_ones(clinic, *states):
    """Consultations that came while nobody was there, in a directory where somebody is now."""
    return [clinic.ask(state)["consultationId"] for state in states]


def test_each_goes_to_the_best_match_with_the_most_room_left_by_those_before(clinic):
    clinic.provider("ann", capacity=1)
    clinic.provider("ben", capacity=1)
    clinic.ask("TX"), clinic.ask("TX")
    first, second, elsewhere = waiting_ones(clinic, "TX", "TX", "NY")
    plan = planned_for_several(clinic)
    assert {each.provider_id for each in plan.values()} == {None}
    assert plan[first].why == "2 of 2 licensed providers: At capacity."
    assert plan[elsewhere].why == "No provider is licensed in the patient's state."
    plan = planned_for_several(clinic, override=True)
    assert {plan[first].provider_id, plan[second].provider_id} == {"ann", "ben"}
    assert plan[first].override and (plan[first].open_after, plan[first].capacity) == (2, 1)
    assert plan[elsewhere].provider_id is None


def test_room_that_one_takes_is_not_promised_to_the_next():
    def candidates(_):
        one = {"provider_id": "ann", "name": "Ann", "eligible": True, "overridable": True, "tier": 1, "why": "Free."}
        return {"licensed": 1, "items": [one | {"pending": 1, "capacity": 2}]}

    asked = [{"id": name, "received_at": f"2026-11-24T1{at}:00:00+00:00"} for at, name in ((3, "late"), (1, "early"))]
    early, late = assignment.plan_several(asked, candidates, override=False)
    assert (early.consultation["id"], early.provider_id, early.open_after) == ("early", "ann", 2)
    assert (late.provider_id, late.why) == (None, "Everybody who is free is at capacity after those before it.")
    _, forced = assignment.plan_several(asked, candidates, override=True)
    assert (forced.provider_id, forced.override, forced.open_after) == ("ann", True, 3)


def test_what_is_agreed_is_done_with_its_reason_in_the_audit_log(clinic):
    clinic.provider("ann", capacity=1)
    clinic.ask("TX")
    (asked,) = waiting_ones(clinic, "TX")
    plan = planned_for_several(clinic, override=True)[asked]
    for actor in (OPS, Actor("staff:fin", Role.FINANCE)):
        with pytest.raises(Unauthorised):
            assign_planned(clinic, plan, actor)
    assert assign_planned(clinic, plan)["provider_id"] == "ann" and clinic.pending() == {"ann": 2}
    assert ("staff:ada", "Monday's queue") in clinic.rows(
        "select actor, reason from payops.audit_log where action = 'providers:consultation:assigned'"
    )


def test_who_got_a_provider_meanwhile_keeps_them(clinic):
    clinic.provider("ann", capacity=1)
    clinic.ask("TX")
    (asked,) = waiting_ones(clinic, "TX")
    plan = planned_for_several(clinic, override=True)[asked]
    clinic.provider("ben", capacity=5)
    assert clinic.pending() == {"ann": 1, "ben": 1}
    with pytest.raises(Refused, match="meanwhile"):
        assign_planned(clinic, plan)
    assert clinic.pending() == {"ann": 1, "ben": 1}
    clinic.check()
