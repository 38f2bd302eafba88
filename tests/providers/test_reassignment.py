"""Consultations whose provider may no longer see the patient: found, counted, previewed and moved to others."""

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
