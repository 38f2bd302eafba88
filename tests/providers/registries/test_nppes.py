"""The NPI registry's files: what they say about our providers, what that changes, and every fault in them."""

import csv
import io
import json
import re
import zipfile

import pytest

from core.errors import Refused
from core.providers import directory
from core.providers.registries import nppes
from core.providers.registries.findings import sentence
from tests.providers.conftest import ADMIN, NOW, OPS
from tests.providers.registries.conftest import (
    ANN,
    BEA,
    CAM,
    NPPES_HEADINGS,
    STRANGER,
    nppes_csv,
    nppes_row,
    says_a_cell,
    taxonomy,
)

DERMATOLOGY, FAMILY = "207N00000X", "207Q00000X"


def read(clinic, content: bytes, name: str = "npidata_pfile.csv") -> nppes.ReadNppes:
    return nppes.read(clinic.db, name, io.BytesIO(content))


def put(clinic, content: bytes, **how) -> dict[str, str]:
    return {
        one["provider_id"]: one["outcome"] for one in nppes.put(clinic.db, ADMIN, read(clinic, content), NOW, **how)
    }


def said(clinic, provider_id: str) -> list[str]:
    entry = nppes.entry(clinic.db, provider_id)
    return [sentence(one, {"dermatology": "Dermatology"}) for one in entry["findings"]] if entry else []


@pytest.fixture
def ann(clinic):
    clinic.provider("ann", "TX CA NY", name="Dr. Ann Lopez, MD", npi=ANN)
    clinic.put(
        {
            "id": "ann",
            "licences": [
                {"state": "TX", "number": "A-0123"},
                {"state": "CA", "number": "B9"},
                {"state": "NY", "number": None},
            ],
        }
    )
    return clinic


def test_an_entry_is_stored_once_and_its_licences_are_compared(ann):
    row = nppes_row(
        ANN,
        **taxonomy(1, DERMATOLOGY, "A0123", "TX", "Y"),
        **taxonomy(2, DERMATOLOGY, "C77", "CA"),
        **taxonomy(3, DERMATOLOGY, "N5", "NY"),
        **taxonomy(15, DERMATOLOGY, "F1", "FL"),
    )
    content = nppes_csv(nppes_row(STRANGER, "SOMEBODY", "ELSE"), row)
    assert read(ann, content).rows == 2
    assert put(ann, content, trial=True) == {"ann": "added"}
    assert nppes.entry(ann.db, "ann") is None
    assert (put(ann, content), put(ann, content)) == ({"ann": "added"}, {"ann": "unchanged"})
    entry = nppes.entry(ann.db, "ann")
    assert [(one["state"], one["result"]) for one in entry["licences"]] == [
        ("TX", "same"),
        ("CA", "differs"),
        ("NY", "number_missing"),
        ("FL", "missing"),
    ]
    assert set(said(ann, "ann")) == {
        "Licence in California: the registry has the number C77, the directory B9.",
        "Licence in New York: the registry has the number N5, the directory none.",
        "Licence in Florida: the registry has the number F1. Its last day is missing, so it opens no state yet.",
    }
    assert ann.ask("FL")["status"] == "waiting"  # what a provider says of themselves opens nothing
    assert len(ann.rows("select 1 from payops.nppes_entries")) == 1


def test_a_licence_is_added_with_the_day_that_a_person_looked_up(ann):
    put(ann, nppes_csv(nppes_row(ANN, **taxonomy(1, DERMATOLOGY, "N5", "NY", "Y"))))
    licence = {"state": "NY", "number": "N5", "expires_on": "2027-12-31"}
    nppes.add_licence(ann.db, ADMIN, "ann", licence, NOW, reason="looked up")
    held = [(one["state"], one["number"]) for one in directory.one(ann.db, "ann")["licences"]]
    assert held == [("CA", "B9"), ("NY", "N5"), ("TX", "A-0123")]
    assert said(ann, "ann") == []


def test_nothing_private_of_a_file_is_stored(ann):
    put(ann, nppes_csv(nppes_row(ANN)))
    stored = str(ann.rows("select to_jsonb(e) from payops.nppes_entries e"))
    logged = str(ann.rows("select to_jsonb(a) from payops.audit_log a"))
    for private in ("HOME STREET", "5125550100"):
        assert private not in stored + logged


def test_a_deactivated_npi_is_out_of_assignment_at_once_and_a_reactivated_one_back(ann):
    gone = nppes_row(ANN, "", "", entity_type_code="", last_update_date="", npi_deactivation_date="11/02/2026")
    assert put(ann, nppes_csv(gone)) == {"ann": "deactivated"}
    assert directory.one(ann.db, "ann")["blocked_reason"] == "The NPI was deactivated on 2026-11-02."
    assert ann.ask("TX")["status"] == "waiting"
    assert ann.rows("select kind, title from payops.incidents where kind = 'npi_deactivated'") == [
        ("npi_deactivated", "The NPI of Dr. Ann Lopez, MD is deactivated.")
    ]
    assert put(ann, nppes_csv(gone)) == {"ann": "unchanged"}
    older = nppes_row(ANN, last_update_date="01/01/2020")
    assert put(ann, nppes_csv(older)) == {"ann": "older"}
    back = nppes_row(ANN, npi_deactivation_date="11/02/2026", npi_reactivation_date="11/20/2026")
    assert put(ann, nppes_csv(back)) == {"ann": "reactivated"}
    assert ann.rows("select resolved_by from payops.incidents where kind = 'npi_deactivated'") == [("staff:ada",)]
    assert ann.pending() == {"ann": 1}  # the waiting patient
    ann.check()


def test_the_registrys_name_for_an_npi_is_compared_with_the_directory(ann):
    ann.provider("bea", name="Bea Miller", npi=BEA)
    ann.provider("cam", name="Cam Wong", npi=CAM)
    content = nppes_csv(
        nppes_row(ANN, "SMITH", "JOHN", **taxonomy(1, FAMILY, "Z1", "TX", "Y")),
        nppes_row(BEA, "JONES", "BEA", provider_other_last_name="MILLER", **taxonomy(1, DERMATOLOGY)),
        nppes_row(CAM, "", "", entity_type_code="2", provider_organization_name="WONG CLINIC LLC"),
    )
    assert set(put(ann, content).values()) == {"added"}
    assert said(ann, "ann") == ["The NPI is another person's: the registry has JOHN SMITH."]
    assert said(ann, "bea") == []
    assert said(ann, "cam") == ["The NPI is an organisation's (WONG CLINIC LLC). A provider needs the NPI of a person."]
    assert [one["id"] for one in nppes.findings(ann.db)["items"]] == ["cam", "ann"]
    put(ann, nppes_csv(nppes_row(CAM, "", "", entity_type_code="2", last_update_date="07/09/2026")))
    assert said(ann, "cam") == ["The NPI is an organisation's. A provider needs the NPI of a person."]


def test_a_taxonomy_that_does_not_mean_the_specialty_is_flagged(ann):
    put(ann, nppes_csv(nppes_row(ANN, **taxonomy(1, FAMILY, primary="Y"))))
    assert said(ann, "ann") == ["None of their taxonomy codes means dermatology."]
    ann.put({"id": "ann", "specialties": ["general_practice"]})
    assert nppes.findings(ann.db)["total"] == 0
    put(ann, nppes_csv(nppes_row(ANN, **taxonomy(1, FAMILY, primary="Y"))))
    ann.put({"id": "ann", "specialties": ["dermatology"]})
    assert nppes.findings(ann.db)["total"] == 1


def test_the_apis_answer_is_read_too(ann):
    answer = {
        "result_count": 1,
        "results": [
            {
                "number": ANN,
                "enumeration_type": "NPI-1",
                "basic": {"first_name": "ANN", "last_name": "LOPEZ", "status": "A", "last_updated": "2026-07-08"},
                "addresses": [{"address_1": "12 HOME STREET", "telephone_number": "512-555-0100"}],
                "taxonomies": [{"code": DERMATOLOGY, "license": "A0123", "state": "TX", "primary": True, "desc": "D"}],
            }
        ],
    }
    assert put(ann, json.dumps(answer).encode()) == {"ann": "added"}
    assert put(ann, nppes_csv(nppes_row(ANN, **taxonomy(1, DERMATOLOGY, "A0123", "TX", "Y")))) == {"ann": "unchanged"}
    assert put(ann, json.dumps(answer).replace("2026-07-08", "07/08/2026 0:00").encode()) == {"ann": "unchanged"}
    mistyped = read(ann, json.dumps(answer).replace(ANN, "1234567892").encode()).problems
    assert [(one.line, one.column) for one in mistyped] == [(1, "number")]
    for wrong, cause in (
        (b'{"Errors": [{"description": "No valid search criteria", "number": "04"}]}', "No valid search criteria"),
        (json.dumps(answer).encode()[:-9], "cut off"),
        (b'{"results": [4]}', "not an answer"),
        (nppes_csv(headings=NPPES_HEADINGS[1:]), "npi"),
        (nppes_csv(), "cut off"),
    ):
        with pytest.raises(Refused, match=cause):
            read(ann, wrong)


def test_a_cell_over_two_lines_and_a_file_saved_by_excel_are_read(ann):
    two_lines = nppes_row(STRANGER, provider_first_line_business_mailing_address=f'12 "X",\n"{ANN}","1"')
    for quoting in (csv.QUOTE_ALL, csv.QUOTE_MINIMAL):
        file = read(ann, nppes_csv(two_lines, nppes_row(ANN), quoting=quoting))
        assert ([one["provider_id"] for one in file.entries], file.problems, file.rows) == (["ann"], (), 2)
    semicolons = nppes_csv(nppes_row(ANN), quoting=csv.QUOTE_MINIMAL).replace(b",", b";").replace(b"\n", b"\r\n")
    assert [one["npi"] for one in read(ann, b"\xef\xbb\xbf" + semicolons).entries] == [ANN]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_a_file_in_utf_16_is_the_same_file(ann, encoding):
    """Excel's "Unicode text" has tabs; the API's answer and the .zip may have been saved again too."""
    rows = nppes_csv(nppes_row(STRANGER), nppes_row(ANN, "LÓPEZ"), quoting=csv.QUOTE_MINIMAL).decode()
    content = rows.replace(",", "\t").encode(encoding)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("npidata_pfile_20261101-20261107.csv", content)
    for file in (read(ann, content), read(ann, packed.getvalue())):
        assert ([one["name"] for one in file.entries], file.problems, file.rows) == (["ANN LÓPEZ"], (), 2)
    answer = {"results": [{"number": ANN, "enumeration_type": "NPI-1", "basic": {"last_name": "LÓPEZ"}}]}
    assert [one["name"] for one in read(ann, json.dumps(answer).encode(encoding)).entries] == ["LÓPEZ"]
    cut_off = read(ann, content[:-301]).problems
    assert [(one.line, one.column) for one in cut_off] == [(3, "row")]


def test_the_zip_as_downloaded_is_read_and_a_damaged_one_refused(ann):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("npidata_pfile_20261101-20261107_fileheader.csv", "NPI\n")
        archive.writestr("othername_pfile_20261101-20261107.csv", "NPI\n")
        archive.writestr("npidata_pfile_20261101-20261107.csv", nppes_csv(nppes_row(ANN)))
    assert [one["npi"] for one in read(ann, packed.getvalue()).entries] == [ANN]
    with pytest.raises(Refused, match="cut off"):
        read(ann, packed.getvalue()[:-40])


@pytest.mark.parametrize(
    ("damage", "line", "column"),
    [
        (lambda text: text[:-300], 3, "row"),
        (lambda text: text[: text.rindex("HOME")], 3, "row"),
        (lambda text: text[: text.rindex('""')], 3, "row"),
        (lambda text: text.replace(f'"{STRANGER}",', "", 1), 2, "row"),
        (lambda text: text.replace(f'"{STRANGER}","1"', f'"","{STRANGER}"', 1), 2, "npi"),
        (lambda text: text + text.splitlines(keepends=True)[2], 4, "npi"),
        (lambda text: text.replace(f'"{STRANGER}"', '"1992799994"', 1), 2, "npi"),  # a wrong check digit
        (lambda text: text.replace(f'"{STRANGER}"', '"3992799994"', 1), 2, "npi"),
        (lambda text: text.replace(f'"{STRANGER}"', "1992799994", 1), 2, "npi"),
        (lambda text: text.replace("07/08/2026", "13/40/2026"), 3, "last update date"),
        (lambda text: text.replace("07/08/2026", "12 HOME STREET"), 3, "last update date"),
        (lambda text: text.replace(f'"{ANN}","1"', f'"{ANN}","TX"'), 3, "entity type code"),
        (lambda text: text.replace('"LOPEZ","ANN"', '"",""'), 3, "provider last name"),
        (lambda text: text.replace(DERMATOLOGY, "LOPEZ"), 3, "healthcare provider taxonomy code_1"),
    ],
)
def test_each_bad_row_is_named_and_nothing_is_imported(ann, damage, line, column):
    content = nppes_csv(nppes_row(STRANGER), nppes_row(ANN, **taxonomy(1, DERMATOLOGY, "A0123", "TX", "Y"))).decode()
    damaged = damage(content)
    file = read(ann, damaged.encode())
    assert not says_a_cell(file.problems, re.split(r'[",\n]+', damaged.split("\n", 1)[1]))
    assert (line, column) in {(one.line, one.column) for one in file.problems}
    with pytest.raises(Refused, match=f"line {line}, {column}"):
        nppes.put(ann.db, ADMIN, file, NOW)
    assert ann.rows("select 1 from payops.nppes_entries") == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00\x01" * 4000,
        b"NPI,Name\n1,2\n",
        nppes_csv(headings=[*NPPES_HEADINGS, "NPI"]),
        b"PK\x03\x04 not a zip",
    ],
)
def test_another_kind_of_file_is_refused_with_a_sentence(ann, content):
    with pytest.raises(Refused, match=r"\."):
        read(ann, content)


def test_a_role_that_may_not_act_on_providers_imports_nothing(ann):
    with pytest.raises(Exception, match="may not"):
        nppes.put(ann.db, OPS, read(ann, nppes_csv(nppes_row(ANN))), NOW)
