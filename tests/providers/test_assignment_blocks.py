"""Providers who are excluded or whose NPI is deactivated: nobody is assigned to them, by the rules or by hand."""

from datetime import date

import pytest

from core.errors import Refused
from core.providers import assignment, directory
from tests.providers.conftest import ADMIN, NOW

REASON = "Excluded from federal health programs since 2026-10-20."


def block(clinic, provider_id: str, kind: str = "excluded", reason: str = REASON) -> bool:
    return clinic.owner.execute(
        "select payops.block_assignment('staff:ada', 'admin', %s, %s, %s, %s, %s)",
        (provider_id, kind, date(2026, 10, 20), reason, NOW),
    ).fetchone()[0]


def lift(clinic, provider_id: str, kind: str = "excluded") -> bool:
    return clinic.owner.execute(
        "select payops.lift_block('staff:ada', 'admin', %s, %s, 'Reinstated.', %s)", (provider_id, kind, NOW)
    ).fetchone()[0]


def test_a_blocked_provider_is_assigned_nobody_and_their_patients_must_move(clinic):
    clinic.provider("ada")
    first = clinic.ask()
    assert first["providerId"] == "ada"
    assert block(clinic, "ada")
    second = clinic.ask(preferredProviderId="ada")
    assert second["status"] == "waiting"
    assert second["reason"] == "All active providers licensed in TX are excluded or have a deactivated NPI."
    assert assignment.summary(clinic.db, NOW)["to_reassign"] == 1
    assert [c["why"] for c in assignment.candidates(clinic.db, second["consultationId"], NOW)["items"]] == [REASON]
    with pytest.raises(Refused) as refused:
        assignment.assign(
            clinic.db, ADMIN, second["consultationId"], NOW, provider_id="ada", reason="asked", override=True
        )
    assert (refused.value.code, refused.value.detail) == (
        "out_of_assignment",
        f"This provider cannot be chosen: {REASON}",
    )
    clinic.check()


def test_saving_a_blocked_provider_does_not_lift_the_block(clinic):
    clinic.provider("ada")
    block(clinic, "ada")
    clinic.put({"id": "ada", "active": False})
    clinic.put({"id": "ada", "active": True, "licences": [{"state": "CA", "number": "N1"}]})
    assert clinic.ask("CA")["status"] == "waiting"
    assert directory.one(clinic.db, "ada")["blocked_reason"] == REASON
    assert directory.summary(clinic.db, NOW)["active"] == 0
    states = {one["state"]: one["providers"] for one in directory.coverage(clinic.db, NOW)}
    assert states["CA"] == 0


def test_a_kind_of_block_counts_once_and_lifting_the_last_returns_the_provider(clinic):
    clinic.provider("ada")
    assert (block(clinic, "ada"), block(clinic, "ada"), block(clinic, "ada", "npi_deactivated", "No NPI.")) == (
        True,
        False,
        True,
    )
    assert directory.one(clinic.db, "ada")["blocked_reason"] == f"{REASON} No NPI."
    waiting = clinic.ask()
    assert (lift(clinic, "ada"), lift(clinic, "ada")) == (True, False)
    assert assignment.consultation(clinic.db, waiting["consultationId"], NOW)["status"] == "waiting"
    lift(clinic, "ada", "npi_deactivated")
    assert assignment.consultation(clinic.db, waiting["consultationId"], NOW)["provider_id"] == "ada"
    clinic.check()
