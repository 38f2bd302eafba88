"""Tables in files as Excel and its kin save them: every encoding, separator and workbook gives the same rows."""

import io
import zipfile
from datetime import date, datetime

import openpyxl
import pytest

from core import table_files
from core.errors import Refused

COLUMNS = ("name", "npi", "specialties")
ROWS = [(1, ["name", "npi", "specialties"]), (2, ["Zoë Müller", "1234567893", "dermatology;urgent_care"])]
COMMA = 'name,npi,specialties\nZoë Müller,1234567893,"dermatology;urgent_care"\n'
SEMICOLON = 'name;npi;specialties\r\nZoë Müller;1234567893;"dermatology;urgent_care"\r\n'
TAB = "name\tnpi\tspecialties\r\nZoë Müller\t1234567893\tdermatology;urgent_care\r\n"


def rows(content: bytes):
    return list(table_files.read(content, COLUMNS))


def workbook(*sheets, hidden=()) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for number, cells in enumerate(sheets):
        sheet = book.create_sheet(f"Sheet {number}")
        sheet.sheet_state = "hidden" if number in hidden else "visible"
        for row in cells:
            sheet.append(row)
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        COMMA.encode(),
        COMMA.encode("utf-8-sig"),
        COMMA.encode("cp1252"),
        COMMA.replace("\n", "\r").encode("mac_roman"),  # Excel for Mac: "CSV (Macintosh)"
        SEMICOLON.encode("utf-8-sig"),
        SEMICOLON.encode("cp1252"),
        ("sep=;\r\n" + SEMICOLON).encode("cp1252"),
        ("SEP=\t\n" + TAB).encode(),
        TAB.encode("utf-16"),  # Excel: "Unicode Text"
        TAB.encode("utf-16-be"),
        TAB.encode("utf-16-le"),
        TAB.encode(),
        COMMA.replace(",", "|").encode(),
        (SEMICOLON + ";;\r\n;;\r\n\r\n").encode(),
        SEMICOLON.replace("\r\n", ";;\r\n").encode(),  # columns that were used once and are blank now
        workbook(
            [["name", "npi", "specialties"], ["Zoë Müller", 1234567893, "dermatology;urgent_care"], [None, None, " "]]
        ),
        workbook([["notes"]], [list(ROWS[0][1]), list(ROWS[1][1])], hidden=(0,)),
        workbook([["name", "npi", "specialties", None], ["Zoë Müller", 1234567893.0, "dermatology;urgent_care", None]]),
    ],
)
def test_however_a_table_was_saved_its_rows_are_the_same(content):
    given = [(number - (content[:4].lower() == b"sep="), row) for number, row in rows(content)]
    assert given == ROWS


def test_rows_are_numbered_as_the_spreadsheet_numbers_them():
    text = 'name,npi\n\n"Ann\nLee",1\n,\nBea,2\n'
    assert rows(text.encode()) == [(1, ["name", "npi"]), (3, ["Ann\nLee", "1"]), (5, ["Bea", "2"])]
    assert rows(b"sep=,\nname,npi\nAnn,1\n")[1] == (3, ["Ann", "1"])
    assert rows(workbook([["name", "npi"], [], ["Ann", 1]]))[1] == (3, ["Ann", "1"])


def test_a_cell_more_than_the_headings_is_kept_so_that_it_can_be_refused():
    assert rows(b"name,npi\nAnn,1,2\n")[1] == (2, ["Ann", "1", "2"])


def test_a_workbooks_days_numbers_and_yes_or_no_are_text_as_in_a_csv():
    cells = [date(2027, 12, 31), datetime(2027, 12, 31, 8, 30), 10, 2.5, True, None, "1+1 as text", "x"]
    read = rows(workbook([list("abcdefgh"), cells]))[1][1]
    assert read == ["2027-12-31", "2027-12-31 08:30:00", "10", "2.5", "true", "", "1+1 as text", "x"]


def test_a_distant_cell_uses_no_memory():
    book = openpyxl.Workbook()
    book.active["A1"], book.active["B1"], book.active.cell(200_000, 2).value = "name", "npi", "1"
    written = io.BytesIO()
    book.save(written)
    assert rows(written.getvalue()) == [(1, ["name", "npi"]), (200_000, ["", "1"])]


def damaged(content: bytes, name: str, text: bytes) -> bytes:
    """The workbook with one of its parts replaced."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as before, zipfile.ZipFile(out, "w") as after:
        for part in before.namelist():
            after.writestr(part, text if part == name else before.read(part))
    return out.getvalue()


SHEET = "xl/worksheets/sheet1.xml"


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 600, "old or a password-protected"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "not a text file"),
        (b"name,npi\nA\0nn,1\n", "not a text file"),
        (b"\xff\xfe\x00", "not a text file"),
        (b'name,npi\nAnn,"1\n', "line 2 on this is not CSV"),
        (b"PK\x03\x04 and nothing else", "damaged"),
        (workbook([["name"]])[:-200], "damaged"),
        (damaged(workbook([["name"]]), SHEET, b"<worksheet"), "damaged"),
        (damaged(workbook([["name"]]), "xl/workbook.xml", b"no xml"), "damaged"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_its_one_cause(content, cause):
    with pytest.raises(Refused, match=cause):
        rows(content)


def test_a_workbook_that_unpacks_to_more_than_is_allowed_is_refused(monkeypatch):
    monkeypatch.setattr(table_files, "MAX_UNPACKED_BYTES", 1000)
    with pytest.raises(Refused, match="larger than 256 MiB"):
        rows(workbook([["name"]]))
