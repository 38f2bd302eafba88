"""Proof of a licence: verified by whom and where, confirmed by a second person, its past known, its documents safe."""

from datetime import date, timedelta

import pytest

from core.errors import Refused, Unauthorised
from core.providers import assignment, documents, licensing_rules, proof
from core.staff.roles import Actor, Role
from tests.providers.conftest import ADMIN, NOW, OPS

PDF = b"%PDF-1.7\n1 0 obj\n%%EOF"
SECOND_ADMIN, FINANCE = Actor("staff:bob", Role.ADMIN), Actor("staff:fay", Role.FINANCE)


def verify(clinic, now=NOW, actor=ADMIN, **more):
    return proof.verify(clinic.db, actor, "ann", "TX", "ann-TX", now, source="Texas Medical Board", **more)


def test_a_verification_says_who_when_where_and_when_it_is_due_again(clinic):
    clinic.provider("ann")
    assert proof.due(clinic.db, NOW)["items"][0]["due_on"] is None
    assert verify(clinic, link="https://www.tmb.state.tx.us") == {"due_on": "2026-12-24"}
    assert proof.due(clinic.db, NOW)["total"] == 0
    assert proof.due(clinic.db, NOW + timedelta(days=30))["items"][0]["due_on"] == "2026-12-24"
    (done,) = proof.of_provider(clinic.db, "ann")["verifications"]
    assert (done["verified_by"], done["source"]) == ("staff:ada", "Texas Medical Board")
    with pytest.raises(Unauthorised):
        verify(clinic, actor=OPS)
    with pytest.raises(Refused, match="https"):
        verify(clinic, link="javascript:alert(1)")


def test_the_state_of_a_licence_on_a_past_day_is_as_it_was_known_then(clinic):
    clinic.provider("ann", states="TX:2026-12-31")
    verify(clinic)
    later = NOW + timedelta(days=3)
    licence = {"state": "TX", "number": "ann-TX", "status": "suspended"}
    clinic.put({"id": "ann", "licences": [licence]}, now=later)
    (then,) = proof.on_day(clinic.db, "ann", date(2026, 11, 25), later)
    (now,) = proof.on_day(clinic.db, "ann", date(2026, 11, 27), later)
    assert (then["status"], then["valid"], then["expires_on"]) == ("active", True, "2026-12-31")
    assert then["proof"]["source"] == "Texas Medical Board"
    assert (now["status"], now["valid"]) == ("suspended", False)
    assert proof.on_day(clinic.db, "ann", date(2026, 11, 20), later) == []


@pytest.mark.usefixtures("rules")
def test_on_a_past_day_a_privilege_names_its_home_licence_and_comes_after_it(clinic):
    home = {"state": "TX", "number": "H1", "compact": "NLC"}
    clinic.put({"id": "nan", "name": "Nan", "specialties": ["dermatology"], "licences": [home]})
    first, *others = proof.on_day(clinic.db, "nan", NOW.date(), NOW)
    assert (first["state"], first["home_state"]) == ("TX", None)
    assert {one["home_state"] for one in others} == {"TX"} and "AZ" in {one["state"] for one in others}


def test_an_assignment_shows_the_verification_it_relied_on(clinic):
    clinic.provider("ann")
    verify(clinic)
    asked = clinic.ask(now=NOW + timedelta(minutes=1))
    verify(clinic, now=NOW + timedelta(days=1), note="later")
    clinic.put({"id": "ann", "licences": []}, now=NOW + timedelta(days=2))
    found = assignment.consultation(clinic.db, asked["consultationId"], NOW + timedelta(days=3))
    (licence,) = found["decisions"][0]["licences"]
    assert licence["valid"] and licence["number"] == "ann-TX"
    assert licence["proof"]["verified_at"].startswith("2026-11-24T15:00:00")


@pytest.mark.usefixtures("rules")
def test_a_second_person_confirms_a_licence_that_opens_a_state(clinic):
    policy = licensing_rules.load(clinic.db)["policy"]
    clinic.provider("old", states="CA")
    licensing_rules.set_policy(clinic.db, ADMIN, {**policy, "second_person": True}, NOW, reason="legal asks for it")
    clinic.provider("ann")
    waiting = clinic.ask()
    assert clinic.ask("CA")["status"] == "assigned"  # what was open stays so
    with pytest.raises(Refused, match="Whoever entered"):
        proof.confirm(clinic.db, ADMIN, "ann", "TX", "ann-TX", NOW)
    assert proof.confirm(clinic.db, SECOND_ADMIN, "ann", "TX", "ann-TX", NOW) == {"placed": 1}
    assert assignment.consultation(clinic.db, waiting["consultationId"], NOW)["provider_id"] == "ann"
    renewed = {"state": "TX", "number": "ann-TX", "expires_on": "2028-01-31"}
    clinic.put({"id": "ann", "licences": [renewed]})
    assert clinic.ask()["status"] == "assigned"  # a renewal opens nothing
    clinic.check()


def test_a_document_is_recognised_by_its_first_bytes_and_opened_only_by_permitted_roles(clinic, tmp_path):
    clinic.provider("ann")
    store = documents.FolderStore(tmp_path / "documents")
    for content, said in ((b"", "empty"), (b"MZ program", "not a PDF"), (PDF + b" " * documents.MOST_BYTES, "10 MiB")):
        with pytest.raises(Refused, match=said):
            documents.upload(clinic.db, store, ADMIN, "ann", "licence.pdf", content, NOW)
    kept = documents.upload(clinic.db, store, ADMIN, "ann", "../../licence.pdf", PDF, NOW)
    verify(clinic, document_id=kept)
    row, content = documents.open_one(clinic.db, store, OPS, kept, NOW)
    assert (row["name"], row["media_type"], content) == ("licence.pdf", "application/pdf", PDF)
    with pytest.raises(Unauthorised):
        documents.open_one(clinic.db, store, FINANCE, kept, NOW)
    opened = clinic.rows("select actor from payops.audit_log where action = 'providers:document:opened'")
    assert opened == [("staff:oli",)]
    (tmp_path / "documents" / kept).write_bytes(b"%PDF-another")
    with pytest.raises(Refused, match="not the one that was uploaded"):
        documents.open_one(clinic.db, store, OPS, kept, NOW)
