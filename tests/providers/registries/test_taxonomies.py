"""The NUCC's code set: read whole or not at all, and what its codes mean here."""

import pytest

from core.errors import Refused
from core.providers.registries import taxonomies
from core.ui.providers.taxonomy_dialog import edited
from tests.providers.conftest import ADMIN, NOW
from tests.providers.registries.conftest import says_a_cell

HEADER = "Code,Grouping,Classification,Specialization,Definition,Notes,Display Name,Section\n"
DERMATOLOGY = (
    '207N00000X,Allopathic & Osteopathic Physicians,Dermatology,,"Skin, hair.",,Dermatology Physician,Individual\n'
)
NEW = "999X00000X,Others,Tester,Software,,,Software Tester,Individual\n"


@pytest.fixture
def db(clinic):
    """What the tests change is put back: the codes and their meaning come with the deployment."""
    clinic.owner.execute(
        "create temp table codes_before as select * from payops.taxonomy_codes;"
        "create temp table meanings_before as select * from payops.taxonomy_specialties"
    )
    yield clinic.db
    clinic.owner.execute(
        "delete from payops.taxonomy_specialties; delete from payops.taxonomy_codes;"
        "insert into payops.taxonomy_codes select * from codes_before;"
        "insert into payops.taxonomy_specialties select * from meanings_before"
    )


def put(db, text: str, **how) -> dict[str, str]:
    done = taxonomies.put(db, ADMIN, taxonomies.read("nucc.csv", text.encode()), NOW, **how)
    return {one["code"]: one["outcome"] for one in done}


def test_the_code_set_is_imported_once_and_removed_codes_are_retired(db):
    tried = put(db, HEADER + DERMATOLOGY + NEW, trial=True)
    assert (tried["207N00000X"], tried["999X00000X"], tried["207Q00000X"]) == ("changed", "added", "retired")
    assert taxonomies.codes(db, "software") == []
    put(db, HEADER + DERMATOLOGY + NEW)
    assert put(db, HEADER + DERMATOLOGY + NEW) == {"207N00000X": "unchanged", "999X00000X": "unchanged"}
    [found] = taxonomies.codes(db, "software")
    assert (found["code"], found["name"], found["specialties"]) == ("999X00000X", "Software Tester", [])
    [retired] = taxonomies.codes(db, "207Q00000X")
    assert retired["retired"] and "general_practice" in retired["specialties"]


def test_what_a_code_means_is_edited_for_a_reason_and_audited(clinic, db):
    taxonomies.set_specialties(db, ADMIN, "207N00000X", ["dermatology", "urgent_care"], NOW, reason="they do both")
    [found] = taxonomies.codes(db, "207N00000X")
    assert found["specialties"] == ["dermatology", "urgent_care"]
    audit = "select before, after, reason from payops.audit_log where action = 'providers:taxonomy:changed'"
    assert clinic.rows(audit) == [
        (
            {"specialties": ["dermatology"]},
            {"specialties": ["dermatology", "urgent_care"]},
            "they do both",
        )
    ]
    for code, specialties, reason in (
        ("207N00000X", ["alchemy"], "why not"),
        ("000X00000X", ["dermatology"], "why not"),
        ("207N00000X", ["dermatology"], " "),
    ):
        with pytest.raises(Refused):
            taxonomies.set_specialties(db, ADMIN, code, specialties, NOW, reason=reason)


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        (HEADER + DERMATOLOGY + DERMATOLOGY, 3, "code"),
        (HEADER + NEW.replace("999X00000X", "999X"), 2, "code"),
        (HEADER + DERMATOLOGY + NEW.replace("Tester,Software", ",Software"), 3, "classification"),
        (HEADER + DERMATOLOGY[:66], 2, "file"),
        (HEADER + NEW.replace("Others,", ""), 2, "row"),
    ],
)
def test_each_bad_row_is_named_and_nothing_is_imported(db, text, line, column):
    read = taxonomies.read("nucc.csv", text.encode())
    assert [(one.line, one.column) for one in read.problems] == [(line, column)]
    assert not says_a_cell(read.problems, text.split("\n", 1)[1].split(","))
    with pytest.raises(Refused, match=f"line {line}, {column}"):
        taxonomies.put(db, ADMIN, read, NOW)


@pytest.mark.parametrize("text", [HEADER, "Code,Name\n1,2\n", ""])
def test_another_kind_of_file_is_refused(db, text):
    with pytest.raises(Refused, match="missing|cut off"):
        taxonomies.read("nucc.csv", text.encode())


def test_only_changed_rows_of_the_table_are_saved():
    listed = [{"code": "207N00000X", "specialties": ["dermatology"]}, {"code": "207P00000X", "specialties": []}]
    state = {"edited_rows": {"0": {"specialties": ["dermatology"]}, "1": {"specialties": ["urgent_care"]}}}
    assert edited(listed, state) == {"207P00000X": ["urgent_care"]}
