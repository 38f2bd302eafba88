"""Files for spreadsheets: every cell is there, and none comes alive."""

import csv
import io
import zipfile
from datetime import UTC, datetime

import pytest

from core.spreadsheets import as_csv, as_xlsx, harmless

EVIL = ["=cmd()", "+1", "-1+2", "@SUM(A1)", "\t=1", "\r=1", "  =1", "|x", "%x", "＝1"]


@pytest.mark.parametrize("given", EVIL)
def test_no_text_is_read_as_a_formula(given):
    assert harmless(given) == f"'{given}"


@pytest.mark.parametrize(
    ("given", "cell"),
    [
        (None, ""),
        (-12, -12),
        (1.5, 1.5),
        (True, "True"),
        ({"b": 1, "a": "é"}, '{"a": "é", "b": 1}'),
        (datetime(2026, 11, 24, 12, tzinfo=UTC), "2026-11-24T12:00:00+00:00"),
        ("A-1", "A-1"),
    ],
)
def test_a_cell_holds_what_a_person_reads(given, cell):
    assert harmless(given) == cell


def test_a_csv_has_its_headings_and_rows_whatever_is_in_them():
    rows = [{"a": 'x,"y"\nz', "b": 2}, {"a": "é"}]
    read = list(csv.reader(io.StringIO(as_csv(rows, ["a", "b"]).decode("utf-8-sig"), newline="")))
    assert read == [["a", "b"], ['x,"y"\nz', "2"], ["é", ""]]


def test_a_book_has_numbers_as_numbers_and_nothing_that_is_computed_or_followed():
    rows = [{"a": each, "n": -3} for each in [*EVIL, "https://evil.example"]]
    book = zipfile.ZipFile(io.BytesIO(as_xlsx(rows, ["a", "n"], sheet="Rows")))
    sheet = book.read("xl/worksheets/sheet1.xml")
    assert b"<v>-3</v>" in sheet
    assert b"<f>" not in sheet and b"hyperlink" not in sheet
