"""The directory: valid entries, its history, and files that are imported whole or not at all."""

import csv
import io

import pytest
from typer.testing import CliRunner

from core.cli import app
from core.errors import Refused, Unauthorised
from core.providers import directory, files, licences
from tests.providers.conftest import ADMIN, NOW, OPS
from tests.providers.registries.conftest import leie_csv, leie_row, nppes_csv, nppes_row

HEADER = "name,email,npi,active,capacity,specialties,licences\n"
NOBODY = directory.Identities(npis=frozenset(), ids_by_name={})
ANN = "Ann,ann@example.com,1234567893,true,10,dermatology;urgent_care,TX:A1:2027-12-31;CA:A2:2027-06-30\n"


def read(clinic, text):
    return files.read_file(text.encode(), directory.vocabulary(clinic.db), directory.identities(clinic.db))


@pytest.mark.parametrize(("npi", "right"), [("1234567893", True), ("1234567890", False), ("123456789", False)])
def test_an_npi_has_ten_digits_of_which_the_last_checks_the_others(npi, right):
    assert (licences.npi_problem(npi) is None) is right


def test_the_same_file_twice_changes_nothing_and_export_gives_it_back(clinic):
    found = read(clinic, HEADER + ANN)
    assert found.problems == ()
    for outcome in ("added", "unchanged"):
        answer = directory.put(clinic.db, ADMIN, found.documents, NOW)
        assert [item["outcome"] for item in answer["items"]] == [outcome]
    exported = files.write_csv(directory.everybody(clinic.db)).decode()
    again = directory.put(clinic.db, ADMIN, read(clinic, exported).documents, NOW)
    assert [item["outcome"] for item in again["items"]] == ["unchanged"]


def test_an_npi_of_another_person_is_named_and_a_new_last_name_is_not(clinic):
    clinic.provider("ann", name="Dr. Ann Lopez", npi="1234567893")
    row = "Dr. {};a@x.example;1234567893;TRUE;12;dermatology;TX:T-4:12/31/2027\n"
    known, people = directory.vocabulary(clinic.db), directory.identities(clinic.db)
    head = ";".join(files.COLUMNS) + "\n"
    other = files.read_file((head + row.format("Bea Stone")).encode(), known, people)
    said = "This NPI is Dr. Ann Lopez's. Correct it, or rename that provider on the page first."
    assert [str(one) for one in other.problems] == [f"row 2, npi: {said}"]
    assert files.read_file((head + row.format("Ann Stone")).encode(), known, people).problems == ()


def test_a_row_of_shifted_columns_is_one_problem_and_a_file_that_ends_within_a_line_is_warned_of():
    known = directory.Vocabulary({"TX": "Texas"}, {"dermatology": "Dermatology"})
    text = ";".join(files.COLUMNS) + "\r\nDr. Ann Lopez;a@x.example;TRUE;12;dermatology;TX:T-4:12/31/2027\r\n"
    (shifted,) = files.read_file(text.encode("utf-8-sig"), known, NOBODY).problems
    assert shifted.message == "This row has 6 cells, and the header has 7: it was cut off, or its columns shifted."
    whole = text.replace("TRUE", "1234567893;TRUE")
    assert files.read_file(whole.encode(), known, NOBODY).warning is None
    for encoding in ("utf-8", "utf-16-le"):
        cut = files.read_file(whole[:-20].encode(encoding), known, NOBODY)
        assert cut.warning and cut.warning.startswith("The last line has no end.")


def test_a_trial_says_what_would_happen_and_writes_nothing(clinic):
    answer = directory.put(clinic.db, ADMIN, read(clinic, HEADER + ANN).documents, NOW, trial=True)
    assert [item["outcome"] for item in answer["items"]] == ["added"]
    assert directory.everybody(clinic.db) == []


def test_every_problem_of_a_file_is_named_by_row_and_column(clinic):
    rows = ",a@b,12,maybe,0,alchemy,ZZ:1:2027-01-01;TX:1:soon;TX:2\n" + ANN + ANN
    found = {(one.row, one.column) for one in read(clinic, HEADER + rows).problems}
    assert found >= {
        (2, "name"),
        (2, "email"),
        (2, "npi"),
        (2, "active"),
        (2, "capacity"),
        (2, "specialties"),
        (2, "licences"),
        (4, "npi"),
    }


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("", {(1, "header")}),
        ("name,name," + HEADER, {(1, "header")}),
        (HEADER + "Ann,x\n", {(2, "row")}),
        (HEADER + ANN.strip() + ",more\n", {(2, "row")}),
        (HEADER + "\n" + ANN.replace(",10,", ",--5,"), {(3, "capacity")}),
        (HEADER + ANN.replace(",10,", ",0,"), {(2, "capacity")}),
        (HEADER + ANN.replace(",10,", "," + "9" * 5000 + ","), {(2, "capacity")}),
        (HEADER + ANN.replace("2027-12-31", "2027-02-30"), {(2, "licences")}),
        (HEADER + ANN.replace("CA:A2", "TX:A1"), {(2, "licences")}),
        (HEADER + 'Ann,"x', {(2, "file")}),
        (HEADER, {(2, "file")}),
        ("id,name,states,specialties,active\n", {(2, "file")}),
        (HEADER + "x" * 200_000, {(2, "file")}),
    ],
)
def test_a_wrong_file_is_reported_with_the_place(clinic, text, problems):
    assert {(one.row, one.column) for one in read(clinic, text).problems} == problems


@pytest.mark.parametrize(
    ("header", "cause"),
    [
        ("", "The first row must have the headings name, email, npi, active, capacity, specialties, licences."),
        ("name;mail;npi;active;capacity", "These columns are missing: email, specialties, licences."),
        (HEADER.strip() + ",npi,name", "These columns are there twice: name, npi."),
    ],
)
def test_a_row_of_headings_that_does_not_fit_is_one_problem(clinic, header, cause):
    (problem,) = read(clinic, header + "\n" + ANN).problems
    assert problem.message == cause


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_file_from_excel_is_the_same_directory(clinic, separator, encoding):
    written = io.StringIO(newline="")
    writer = csv.writer(written, delimiter=separator)
    writer.writerow(files.COLUMNS)
    writer.writerow(
        ["Zoë\nde la Cruz", "ann@example.com", "1234567893", "TRUE", "10", "dermatology", "TX:A1:12/31/2027"]
    )
    writer.writerow([""] * len(files.COLUMNS))
    found = files.read_file(written.getvalue().encode(encoding), directory.vocabulary(clinic.db), NOBODY)
    assert found.problems == ()
    (zoe,) = found.documents
    assert (zoe["name"], zoe["active"], zoe["capacity"]) == ("Zoë de la Cruz", True, 10)
    assert zoe["licences"] == [{"state": "TX", "number": "A1", "expires_on": "2027-12-31"}]


def test_the_exported_file_opens_in_excel_with_its_accents(clinic):
    clinic.provider("zoe", name="Zoë Müller")
    assert files.write_csv(directory.everybody(clinic.db)).startswith(b"\xef\xbb\xbfname,")


def test_codes_are_taken_as_people_write_them(clinic):
    (ann,) = read(clinic, HEADER + ANN.replace("dermatology", "Women's health").replace("TX", "tx")).documents
    assert ann["specialties"] == ["womens_health", "urgent_care"] and ann["licences"][0]["state"] == "TX"


def test_a_cell_over_two_lines_counts_as_the_row_that_a_spreadsheet_shows(clinic):
    text = HEADER + ANN.replace("Ann,", '"Ann\nBea",') + ANN.replace("1234567893", "12")
    assert {(one.row, one.column) for one in read(clinic, text).problems} == {(3, "npi")}


@pytest.mark.parametrize(
    "change",
    [
        {"capacity": 0},
        {"capacity": -1},
        {"npi": "1234567890"},
        {"specialties": ["alchemy"]},
        {"name": " "},
        {"licences": [{"state": "ZZ"}]},
        {"licences": [{"state": "TX", "number": "1"}, {"state": "TX", "number": "1"}]},
        {"licences": [{"state": "TX", "issued_on": "2027-02-01", "expires_on": "2027-01-31"}]},
        {"licences": [{"state": "TX", "expires_on": "soon"}]},
        {"licences": [{"state": None}]},
        {"licences": [{"state": "TX", "status": "fine"}]},
        {"capacity": 2.5},
        {"email": "ann"},
    ],
)
def test_invalid_input_is_refused_with_a_sentence_and_nothing_is_partly_written(clinic, change):
    clinic.provider("ann")
    before = directory.everybody(clinic.db)
    with pytest.raises(Refused, match=r"\."):
        directory.save(clinic.db, ADMIN, {"id": "ann"} | change, NOW, reason="a mistake")
    assert directory.everybody(clinic.db) == before


def test_history_says_who_changed_what_and_why(clinic):
    clinic.provider("ann")
    directory.save(clinic.db, ADMIN, {"id": "ann", "capacity": 3}, NOW, reason="part time")
    newest, first = directory.history(clinic.db, "ann")
    assert (newest["actor"], newest["reason"]) == ("staff:ada", "part time")
    assert (newest["before"]["capacity"], newest["after"]["capacity"]) == (10, 3)
    assert first["before"] is None


def test_only_an_admin_changes_the_directory(clinic):
    with pytest.raises(Unauthorised):
        directory.save(clinic.db, OPS, {"name": "Ann"}, NOW)


def test_a_formula_in_a_name_is_exported_as_text_and_comes_back_as_it_was(clinic):
    clinic.put({"id": "x", "name": "=cmd|'/C calc'!A0", "npi": "1234567893", "specialties": []})
    exported = files.write_csv(directory.everybody(clinic.db)).decode()
    assert "'=cmd" in exported
    assert read(clinic, exported).documents[0]["name"] == "=cmd|'/C calc'!A0"


def test_a_table_the_company_has_becomes_the_directory_once(clinic):
    clinic.owner.execute(
        "create table if not exists public.old_providers (id int, name text, states text[], "
        "specialties text[], active bool);"
        "delete from public.old_providers; insert into public.old_providers values (7, "
        "'Ann', '{TX,CA}', '{dermatology}', true)"
    )
    for outcome in ("added", "unchanged"):
        rows = clinic.db.call("read_provider_table", table="public.old_providers")
        found = files.from_table(rows, directory.vocabulary(clinic.db))
        answer = directory.put(clinic.db, ADMIN, found.documents, NOW)
        assert answer["items"] == [{"id": "7", "outcome": outcome}]
    for nowhere in ("public.nowhere; drop table x", "a.b.c.d", "", "public."):
        with pytest.raises(Refused, match="no table"):
            clinic.db.call("read_provider_table", table=nowhere)
    with pytest.raises(Refused, match="must have the columns"):
        clinic.db.call("read_provider_table", table="payops.audit_log")


def test_the_companys_table_is_read_from_a_file_too_with_its_arrays_as_text(clinic):
    text = (
        "id,name,email,states,specialties,active\n"
        '7,Ann,a@example.com,"{TX,""New York"",N. Carolina}",{dermatology},t\n'
        '8,Bea,,"[""Minn."", ""D.C.""]","[""Urgent care""]",TRUE\n'
        "9,Cam,,TX; Calif.,Women's health,no\n"
        '10,Dee,,"Tex., Fla.",,false\n'
    )
    found = read(clinic, text)
    assert found.problems == ()
    held = {one["id"]: [licence["state"] for licence in one["licences"]] for one in found.documents}
    assert held == {"7": ["TX", "NY", "NC"], "8": ["MN", "DC"], "9": ["TX", "CA"], "10": ["TX", "FL"]}
    assert [one["specialties"] for one in found.documents] == [["dermatology"], ["urgent_care"], ["womens_health"], []]
    assert [one["active"] for one in found.documents] == [True, True, False, False]
    wrong = read(clinic, text.replace("Minn.", "AE").replace("9,Cam", ",Cam").replace(",no", ",maybe"))
    assert [(one.row, one.column) for one in wrong.problems] == [(3, "licences"), (4, "id"), (4, "active")]


def test_a_provider_without_an_npi_is_matched_after_export_and_completion(clinic):
    clinic.provider("ann", npi=None), clinic.provider("bea", npi=None)
    exported = files.write_csv(directory.everybody(clinic.db)).decode()
    same = read(clinic, exported)
    assert same.problems == ()
    answer = directory.put(clinic.db, ADMIN, same.documents, NOW)
    assert [item["outcome"] for item in answer["items"]] == ["unchanged", "unchanged"]
    filled = read(clinic, exported.replace("Ann,,,", "Ann,ann@example.com,1234567893,"))
    answer = directory.put(clinic.db, ADMIN, filled.documents, NOW)
    assert answer["items"][0] == {"id": "ann", "outcome": "changed"}
    assert directory.one(clinic.db, "ann")["npi"] == "1234567893"
    clinic.put({"id": "bea2", "name": "Bea", "npi": None})  # two of that name: nobody knows who is meant
    problems = read(clinic, files.write_csv(directory.everybody(clinic.db)).decode()).problems
    assert {(one.row, one.column) for one in problems} == {(3, "npi"), (4, "npi")}


def test_every_problem_of_a_table_is_named_by_row_and_column(clinic):
    row = {"id": "7", "name": "Ann", "states": ["Tex.", None], "specialties": ["Alchemy"], "active": None}
    known = directory.vocabulary(clinic.db)
    found = files.from_table([row, row | {"id": None, "name": None, "states": None, "specialties": None}], known)
    assert {(one.row, one.column) for one in found.problems} == {
        (1, "licences"),
        (1, "specialties"),
        (1, "active"),
        (2, "id"),
        (2, "name"),
        (2, "active"),
    }


def test_the_directory_is_searched_by_name_state_specialty_and_activity_a_page_at_a_time(clinic):
    clinic.provider("ann", states="TX CA"), clinic.provider("bea", states="CA", active=False)
    clinic.provider("cal", states="NY", specialties=["urgent_care"], email="x@ann.example")

    def ids(**sought):
        items, total = directory.search(clinic.db, **sought)
        return [one["id"] for one in items], total

    assert ids() == (["ann", "bea", "cal"], 3)
    assert ids(skip=1, limit=1) == (["bea"], 3)
    assert ids(text="ANN") == (["ann", "cal"], 2)
    assert ids(state="CA", active=True) == (["ann"], 1)
    assert ids(specialty="urgent_care") == (["cal"], 1)
    assert ids(text="%") == ([], 0)


def test_an_admin_adds_a_specialty_once_and_patients_may_ask_for_it(clinic):
    for _ in range(2):
        assert directory.add_specialty(clinic.db, ADMIN, " Sleep  medicine ", NOW) == "sleep_medicine"
    assert directory.vocabulary(clinic.db).specialties["sleep_medicine"] == "Sleep medicine"
    assert clinic.rows("select count(*) from payops.audit_log where action = 'providers:specialty:added'") == [(1,)]
    assert clinic.ask(specialty="sleep_medicine")["status"] == "waiting"
    for name in ("", "x", "1st", "<b>", "é", "a" * 50):
        with pytest.raises(Refused, match="letters"):
            directory.add_specialty(clinic.db, ADMIN, name, NOW)
    with pytest.raises(Unauthorised):
        directory.add_specialty(clinic.db, OPS, "Podiatry", NOW)
    clinic.owner.execute(
        "delete from payops.consultations; delete from payops.specialties where code = 'sleep_medicine'"
    )


def test_licences_that_end_soon_are_listed_soonest_first(clinic):
    clinic.provider("ann", states="TX:2026-12-10 CA:2027-02-01 NY:2028-01-01")
    clinic.ask("TX", now=NOW)
    found = licences.expiring(clinic.db, NOW, days=90)["items"]
    assert [(one["state"], one["open_consultations"]) for one in found] == [("TX", 1), ("CA", 0)]


def test_the_command_imports_what_is_right_and_names_what_is_not(clinic, server, tmp_path, monkeypatch):
    for name, value in {"DATABASE_URL": server.app_conninfo, "DATA_DIR": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)

    def payops(*arguments):
        return CliRunner().invoke(app, arguments)

    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_text(HEADER + "\n" + ANN)
    bad.write_text(HEADER + ANN.replace("TX", "ZZ"))
    refused = payops("providers", "import", str(bad))
    assert refused.exit_code == 1 and "row 2, licences" in refused.stderr
    tried = payops("providers", "import", str(good), "--dry-run").stdout
    assert "row 3: Ann" in tried and "1 added" in tried
    assert "1 added" in payops("providers", "import", str(good)).stdout
    assert payops("providers", "export").stdout == "\ufeff" + HEADER + ANN.replace(
        "TX:A1:2027-12-31;CA:A2:2027-06-30", "CA:A2:2027-06-30;TX:A1:2027-12-31"
    )
    assert payops("assign", "cons_none").exit_code == 1
    assert payops("providers", "import").exit_code == 2
    npi_registry, excluded = tmp_path / "npidata.csv", tmp_path / "UPDATED.csv"
    npi_registry.write_bytes(nppes_csv(nppes_row("1234567893", "NAMED", "OTHERWISE")))
    assert "another person's" in payops("providers", "import", "--nppes", str(npi_registry)).stdout
    excluded.write_bytes(leie_csv(leie_row("X", "Y", "1234567893")))
    assert "Excluded: out of assignment" in payops("providers", "exclusions", str(excluded)).stdout
    excluded.write_bytes(leie_csv(leie_row("X", "Y", excluded="soon")))
    refused = payops("providers", "exclusions", str(excluded))
    assert refused.exit_code == 1 and "line 2, excldate" in refused.stderr
