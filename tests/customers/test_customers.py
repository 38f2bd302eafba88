"""A customer with everything that belongs to them, and notes without private data."""

from datetime import UTC, datetime

import pytest

from core.customers import customers, notes
from core.customers.rows import Life
from core.errors import Refused
from tests.payments.conftest import ADMIN, OPS, SUPPORT
from tests.payments.test_payments import mirror, row
from tests.row_types import problems
from tests.search.test_search import CUSTOMER, MIRRORED, clinic

__all__ = ["clinic", "mirror"]
NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)


def ids(rows):
    return [each["id"] for each in rows]


@pytest.mark.parametrize("sought", [{"customer_id": "cus_1"}, {"patient_id": "patient-1"}])
def test_one_person_is_found_by_customer_and_by_patient(clinic, sought):
    life = customers.life(clinic, SUPPORT, **sought)
    assert problems(life, Life) == []
    assert (life["patient_id"], ids(life["customers"])) == ("patient-1", ["cus_1"])
    assert (ids(life["payments"]), ids(life["subscriptions"])) == (["pi_1"], ["sub_1"])
    assert (ids(life["disputes"]), ids(life["consultations"])) == (["dp_1"], ["cons_1"])
    said = "1 payment, $49.00 collected; 1 running subscription; 1 dispute waiting for evidence."
    assert customers.sentence(life) == said


def test_a_patient_with_two_customers_is_one_person(mirror):
    two = [MIRRORED | CUSTOMER | {"id": f"cus_{each}", "patient_id": "p"} for each in "ab"]
    paid = [row(1, customer_id="cus_a", patient_id=None), row(2, customer_id="cus_b", patient_id=None, currency="eur")]
    life = customers.life(mirror(customers=two, payment_intents=paid), OPS, customer_id="cus_b")
    assert (ids(life["payments"]), ids(life["customers"])) == (["pi_2", "pi_1"], ["cus_a", "cus_b"])
    assert {each["currency"]: each["received_minor"] for each in life["sums"]} == {"usd": 4900, "eur": 4900}


def test_an_unknown_person_is_not_found(database):
    assert customers.life(database, OPS, customer_id="cus_none") is None
    assert customers.life(database, OPS, patient_id="nobody") is None


def test_the_newest_customers_come_with_their_numbers(clinic):
    (listed,) = customers.newest(clinic, OPS)
    assert (listed["id"], listed["payments"], listed["subscriptions"]) == ("cus_1", 1, 1)


@pytest.mark.parametrize(
    ("note", "code"),
    [
        (" ", "note_empty"),
        ("x" * 2001, "note_too_long"),
        ("card 4242 4242 4242 4242", "note_private"),
        ("write to ana@example.com", "note_private"),
        ("born on 3 May 1990", "note_private"),
        ("asked about her depression", "note_private"),
        ("ICD-10 F32.1", "note_private"),
    ],
)
def test_private_text_is_refused_in_a_note(clinic, owner, note, code):
    with pytest.raises(Refused, match=code):
        notes.add_note(clinic, SUPPORT, "cus_1", note, NOW)
    assert owner.execute("select count(*) from payops.customer_notes").fetchone() == (0,)


def test_a_note_is_kept_audited_and_removed_by_its_author_or_an_admin(clinic, owner):
    notes.add_note(clinic, SUPPORT, "cus_1", "Prefers to be called after six.", NOW)
    (kept,) = customers.life(clinic, OPS, patient_id="patient-1")["notes"]
    assert (kept["note"], kept["written_by"]) == ("Prefers to be called after six.", SUPPORT.name)
    with pytest.raises(Refused, match="not_yours"):
        notes.remove_note(clinic, OPS, kept["id"], NOW)
    notes.remove_note(clinic, ADMIN, kept["id"], NOW)
    (kept,) = customers.life(clinic, OPS, customer_id="cus_1")["notes"]
    assert (kept["note"], kept["withdrawn_by"]) == (None, ADMIN.name)
    done = owner.execute("select action from payops.audit_log where subject = 'customer:cus_1' order by id").fetchall()
    assert done == [("customers:note:added",), ("customers:note:withdrawn",)]
    assert "after six" not in str(owner.execute("select * from payops.audit_log").fetchall())


def test_a_note_needs_an_existing_customer(database):
    with pytest.raises(Refused, match="not_found"):
        notes.add_note(database, SUPPORT, "cus_none", "hello", NOW)
