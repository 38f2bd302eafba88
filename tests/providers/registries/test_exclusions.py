"""The OIG's list: listed providers are out of assignment at once; a match by name alone needs a decision."""

from datetime import timedelta

import pytest

from core.errors import Refused
from core.providers import assignment, directory
from core.providers.registries import exclusions
from tests.providers.conftest import ADMIN, NOW
from tests.providers.registries.conftest import ANN, BEA, LEIE_HEADINGS, STRANGER, leie_csv, leie_row, says_a_cell


def read(clinic, *rows, name: str = "UPDATED.csv", **how):
    return exclusions.read(clinic.db, name, leie_csv(*rows), **how)


def put(clinic, *rows, trial: bool = False, **how) -> list[tuple[str, str]]:
    done = exclusions.put(clinic.db, ADMIN, read(clinic, *rows, **how), NOW, trial=trial)
    return [(one["provider_id"], one["outcome"]) for one in done]


@pytest.fixture
def two(clinic):
    clinic.provider("ann", name="Ann López, MD", npi=ANN)
    clinic.provider("bea", name="Bea Miller-Jones", npi=BEA)
    return clinic


LISTED = leie_row("LOPEZ", "ANN", ANN)


def test_a_provider_with_a_listed_npi_is_blocked_at_once_with_an_incident(two):
    answers = [two.ask() for _ in range(4)]
    theirs = {one["consultationId"] for one in answers if one["providerId"] == "ann"}
    assert put(two, LISTED, trial=True) == [("ann", "excluded")]
    assert directory.one(two.db, "ann")["blocked_reason"] is None
    assert (put(two, LISTED), put(two, LISTED, LISTED)) == ([("ann", "excluded")], [("ann", "still_excluded")])
    reason = "Excluded from federal health care programs since 2026-10-20 (1128a1 on the OIG's list)."
    assert directory.one(two.db, "ann")["blocked_reason"] == reason
    [incident] = two.rows("select title, occurrences, sample from payops.incidents where kind = 'provider_excluded'")
    assert incident[:2] == ("Ann López, MD is on the OIG's list of excluded individuals.", 1)
    assert incident[2]["open_consultations"] == incident[2]["assigned_since"] == 2
    [blocked] = exclusions.blocked(two.db)
    assert (blocked["id"], blocked["open_consultations"], blocked["assigned_since"]) == ("ann", 2, 2)
    assert {one["consultation_id"] for one in exclusions.assigned_since(two.db, "ann")} == theirs
    assert all(two.ask()["providerId"] == "bea" for _ in range(3))
    assert len(two.rows("select 1 from payops.listed_exclusions")) == 1
    moved = assignment.reassign_from_ineligible(two.db, ADMIN, "excluded", NOW, provider_id="ann")
    assert (moved["moved"], two.pending()["ann"]) == (2, 0)
    two.check()


def test_a_name_alone_is_a_candidate_whom_a_person_confirms_or_dismisses(two):
    rows = (leie_row("MILLER JONES", "BEA"), leie_row("LOPEZ", "ANN"), leie_row("LOPEZ", "ANN", STRANGER))
    found = read(two, *rows)
    assert {match.born.year for match in found.matches} == {1961}
    assert sorted(put(two, *rows)) == [("ann", "candidate"), ("bea", "candidate")]
    assert exclusions.blocked(two.db) == []
    ids = {one["provider_id"]: one["id"] for one in exclusions.listed(two.db)}
    exclusions.decide(two.db, ADMIN, ids["bea"], is_theirs=True, reason="same birth date", now=NOW)
    exclusions.decide(two.db, ADMIN, ids["ann"], is_theirs=False, reason="born in another year", now=NOW)
    with pytest.raises(Refused, match="already decided"):
        exclusions.decide(two.db, ADMIN, ids["ann"], is_theirs=True, reason="again", now=NOW)
    assert [one["id"] for one in exclusions.blocked(two.db)] == ["bea"]
    assert sorted(put(two, *rows)) == [("ann", "dismissed"), ("bea", "still_excluded")]


def test_a_row_whose_npi_has_a_typing_error_is_named_and_matched_by_name(two):
    mistyped = leie_row("LOPEZ", "ANN", ANN[:-1] + "4", "10/20/2026 0:00")
    [doubtful] = read(two, leie_row("SOMEBODY", "ELSE"), mistyped).doubtful
    assert (doubtful.line, doubtful.column) == (3, "npi")
    assert "check digit" in doubtful.message
    assert put(two, mistyped) == [("ann", "candidate")]
    assert [one["excluded_on"] for one in exclusions.listed(two.db)] == ["2026-10-20"]
    assert exclusions.blocked(two.db) == []


def test_reinstated_or_unlisted_providers_return_only_by_a_decision(two):
    put(two, LISTED)
    reinstated = LISTED | {"REINDATE": "20261101"}
    assert put(two, reinstated, name="2611REIN.csv") == [("ann", "reinstated")]
    assert put(two, leie_row("X", "Y")) == [("ann", "unlisted")]
    assert put(two, leie_row("X", "Y")) == []
    [blocked] = exclusions.blocked(two.db)
    assert blocked["reinstated_on"] == "2026-11-01" and blocked["unlisted_at"]
    with pytest.raises(Refused):
        exclusions.return_to_assignment(two.db, ADMIN, "ann", " ", NOW)
    exclusions.return_to_assignment(two.db, ADMIN, "ann", "letter of the OIG", NOW)
    assert exclusions.blocked(two.db) == [] and directory.one(two.db, "ann")["blocked_reason"] is None
    assert put(two, LISTED) == [("ann", "still_listed")]
    assert put(two, leie_row("LOPEZ", "ANN", ANN, "20261115")) == [("ann", "excluded")]
    assert put(two, reinstated | {"NPI": BEA, "LASTNAME": "MILLER"}, name="2611REIN.csv") == [
        ("bea", "reinstated_before")
    ]


def test_providers_added_after_the_import_are_reported_as_unscreened(two):
    assert exclusions.unscreened(two.db) == 0
    put(two, LISTED)
    two.put({"id": "cam", "name": "Cam"}, now=NOW + timedelta(minutes=1))
    assert exclusions.unscreened(two.db) == 1


def test_a_supplement_marks_nobody_as_unlisted(two):
    put(two, LISTED)
    assert put(two, leie_row("X", "Y"), name="2611EXCL.csv") == []
    assert put(two, leie_row("X", "Y"), is_full=False) == []


def test_nothing_private_of_the_list_is_stored_or_logged(two):
    put(two, LISTED, leie_row("MILLER", "BEA"))
    for table in ("listed_exclusions", "audit_log", "incidents", "assignment_blocks", "registry_imports"):
        stored = str(two.rows(f"select to_jsonb(t) from payops.{table} t"))
        for private in ("1961", "0203", "HOME STREET"):
            assert private not in stored
    assert "1961" not in repr(read(two, LISTED))


@pytest.mark.parametrize(
    ("cells", "column"),
    [
        ({"EXCLDATE": "00000000"}, "excldate"),
        ({"EXCLDATE": ""}, "excldate"),
        ({"EXCLDATE": "20261340"}, "excldate"),
        ({"EXCLDATE": "01/02/26"}, "excldate"),
        ({"REINDATE": "soon"}, "reindate"),
        ({"EXCLDATE": "19610203"}, "excldate"),
        ({"WAIVERDATE": "12 HOME STREET"}, "waiverdate"),
        ({"NPI": "19610203"}, "npi"),
        ({"LASTNAME": ""}, "lastname"),
        ({"EXCLTYPE": ""}, "excltype"),
    ],
)
def test_each_bad_row_is_named_and_nothing_is_imported(two, cells, column):
    file = read(two, LISTED, leie_row("SOMEBODY", "ELSE") | cells)
    assert [(one.line, one.column) for one in file.problems] == [(3, column)]
    assert not says_a_cell(file.problems, (leie_row("SOMEBODY", "ELSE") | cells).values())
    with pytest.raises(Refused, match=f"line 3, {column}"):
        exclusions.put(two.db, ADMIN, file, NOW)
    assert exclusions.blocked(two.db) == []


def test_a_list_that_was_cut_off_or_shifted_is_named(two):
    content = leie_csv(LISTED, leie_row("SOMEBODY", "ELSE"))
    for damaged, line in ((content[:-30], 3), (content.replace(b"LOPEZ,ANN,,", b"LOPEZ,ANN,", 1), 2)):
        problems = exclusions.read(two.db, "UPDATED.csv", damaged).problems
        assert [(one.line, one.column) for one in problems] == [(line, "row")]
    for nothing in (leie_csv(), leie_csv(headings=LEIE_HEADINGS[:5])):
        with pytest.raises(Refused, match="cut off|missing"):
            exclusions.read(two.db, "UPDATED.csv", nothing)
    two.owner.execute(
        "insert into payops.registry_imports (kind, file_name, is_full, rows_read, outcomes, imported_at, imported_by)"
        " values ('exclusions', 'UPDATED.csv', true, 81000, '{}', now(), 'staff:ada')"
    )
    with pytest.raises(Refused, match="looks cut off"):
        put(two, LISTED)


def test_a_list_saved_by_excel_is_the_same_list(two):
    """Excel makes `0` of zeros, and dates as it likes them."""
    row = LISTED | {"REINDATE": "0", "WAIVERDATE": "0", "EXCLDATE": "10/20/2026"}
    assert put(two, row, leie_row("X", "Y", "0")) == [("ann", "excluded")]
