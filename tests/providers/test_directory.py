"""The directory: what it takes, what it remembers, and files that are taken whole or not at all."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from core.db import embedded
from core.errors import Refused, Unauthorised
from core.providers import directory, files, licences
from tests.providers.conftest import ADMIN, NOW, OPS

HEADER = "name,email,npi,active,capacity,specialties,licences\n"
ANN = "Ann,ann@example.com,1234567893,true,10,dermatology;urgent_care,TX:A1:2027-12-31;CA:A2:2027-06-30\n"


def read(clinic, text):
    return files.read_csv(text, directory.vocabulary(clinic.db))


@pytest.mark.parametrize(
    ("npi", "right"), [("1234567893", True), ("1234567890", False), ("123456789", False)]
)
def test_an_npi_has_ten_digits_of_which_the_last_checks_the_others(npi, right):
    assert (licences.npi_problem(npi) is None) is right


def test_the_same_file_twice_changes_nothing_and_export_gives_it_back(clinic):
    found = read(clinic, HEADER + ANN)
    assert found.problems == ()
    for outcome in ("added", "unchanged"):
        answer = directory.put(clinic.db, ADMIN, found.documents, NOW)
        assert [item["outcome"] for item in answer["items"]] == [outcome]
    exported = files.write_csv(directory.everybody(clinic.db))
    again = directory.put(clinic.db, ADMIN, read(clinic, exported).documents, NOW)
    assert [item["outcome"] for item in again["items"]] == ["unchanged"]


def test_a_trial_says_what_would_happen_and_writes_nothing(clinic):
    answer = directory.put(clinic.db, ADMIN, read(clinic, HEADER + ANN).documents, NOW, trial=True)
    assert [item["outcome"] for item in answer["items"]] == ["added"]
    assert directory.everybody(clinic.db) == []


def test_every_problem_of_a_file_is_named_by_row_and_column(clinic):
    rows = ",a@b,12,maybe,0,alchemy,ZZ:1:2027-01-01;TX:1:soon;TX:2\n" + ANN + ANN
    found = {(one.row, one.column) for one in read(clinic, HEADER + rows).problems}
    assert found >= {
        (2, "name"), (2, "email"), (2, "npi"), (2, "active"), (2, "capacity"), (2, "specialties"), (2, "licences"),
        (4, "npi"),
    }  # fmt: skip


@pytest.mark.parametrize("change", [
    {"capacity": 0}, {"capacity": -1}, {"npi": "1234567890"}, {"specialties": ["alchemy"]}, {"name": " "},
    {"licences": [{"state": "ZZ"}]}, {"licences": [{"state": "TX", "number": "1"}, {"state": "TX", "number": "1"}]},
    {"licences": [{"state": "TX", "issued_on": "2027-02-01", "expires_on": "2027-01-31"}]},
])  # fmt: skip
def test_what_is_wrong_is_refused_in_a_sentence_and_nothing_half_written(clinic, change):
    clinic.provider("ann")
    before = directory.everybody(clinic.db)
    with pytest.raises(Refused, match=r"\."):
        directory.save(clinic.db, ADMIN, {"id": "ann"} | change, NOW)
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
    exported = files.write_csv(directory.everybody(clinic.db))
    assert "'=cmd" in exported
    assert read(clinic, exported).documents[0]["name"] == "=cmd|'/C calc'!A0"


def test_a_table_the_company_has_becomes_the_directory_once(clinic):
    clinic.owner.execute(
        "create table if not exists public.old_providers (id int, name text, states text[], specialties text[], active bool);"
        "delete from public.old_providers; insert into public.old_providers values (7, 'Ann', '{TX,CA}', '{dermatology}', true)"
    )
    for outcome in ("added", "unchanged"):
        rows = clinic.db.call("read_provider_table", table="public.old_providers")
        found = files.from_table(rows, directory.vocabulary(clinic.db))
        answer = directory.put(clinic.db, ADMIN, found.documents, NOW)
        assert answer["items"] == [{"id": "7", "outcome": outcome}]
    with pytest.raises(Refused, match="no table"):
        clinic.db.call("read_provider_table", table="public.nowhere; drop table x")


def test_licences_that_end_soon_are_listed_soonest_first(clinic):
    clinic.provider("ann", states="TX:2026-12-10 CA:2027-02-01 NY:2028-01-01")
    clinic.ask("TX", now=NOW)
    found = licences.expiring(clinic.db, NOW, days=90)
    assert [(one["state"], one["open_consultations"]) for one in found] == [("TX", 1), ("CA", 0)]


def test_the_command_imports_what_is_right_and_names_what_is_not(tmp_path):
    def payops(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", "from core.cli import app; app()", *arguments], capture_output=True, text=True,
            env={"DATA_DIR": folder, "PATH": os.environ["PATH"]},
        )  # fmt: skip

    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_text(HEADER + ANN)
    bad.write_text(HEADER + ANN.replace("TX", "ZZ"))
    with tempfile.TemporaryDirectory(prefix="payops-test-") as folder:
        try:
            refused = payops("providers", "import", str(bad))
            assert refused.returncode == 1 and "row 2, licences" in refused.stderr
            assert "1 added" in payops("providers", "import", str(good), "--dry-run").stdout
            assert "1 added" in payops("providers", "import", str(good)).stdout
            assert payops("providers", "export").stdout == HEADER + ANN.replace(
                "TX:A1:2027-12-31;CA:A2:2027-06-30", "CA:A2:2027-06-30;TX:A1:2027-12-31"
            )
            assert payops("assign", "cons_none").returncode == 1
            assert payops("providers", "import").returncode == 2
        finally:
            embedded.remove(Path(folder))
