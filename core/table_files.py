"""The rows of a table in a file as Excel and other programs save it: CSV in its encodings and separators, or .xlsx."""

import csv
import io
import re
import zipfile
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date, datetime, time
from typing import Any

import openpyxl
from defusedxml.common import DefusedXmlException
from openpyxl.utils.exceptions import InvalidFileException

from core.errors import Refused

MAX_UNPACKED_BYTES = 256 * 1024 * 1024
SEPARATORS = (",", ";", "\t", "|")
_ZIP, _OLD_WORKBOOK = b"PK\x03\x04", bytes.fromhex("d0cf11e0a1b11ae1")
# What Excel reads as an instruction, not as a row: which character separates the cells.
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?[,;\t|]*(\r\n|\n|\r)', re.IGNORECASE)
_UNREADABLE = "This is not a text file that can be read. Save it as .xlsx or as CSV in UTF-8."
_DAMAGED = "This workbook is damaged or not one of Excel's. Save it again as .xlsx."
# What openpyxl and the packed format raise for a damaged workbook.
_DAMAGE = (
    InvalidFileException,
    DefusedXmlException,
    SyntaxError,  # of XML: what both of its parsers raise
    zipfile.BadZipFile,
    EOFError,
    KeyError,
    IndexError,
    ValueError,
    TypeError,
    AttributeError,
    NotImplementedError,
    OSError,
)

Cells = list[str]


def read(content: bytes, columns: Collection[str]) -> Iterator[tuple[int, Cells]]:
    """Each row that is not blank, with its number as a spreadsheet counts; the first is the row of headings.

    `columns` are the expected headings in lower case, by which the separator is recognised. A cell is text without
    spaces around it; a day is an ISO date. Raises `Refused` (`bad_file`) with the one cause where the file cannot be
    read, at once or from some row on.
    """
    if content.startswith(_OLD_WORKBOOK):
        raise Refused(
            "bad_file", "This is an old or a password-protected workbook. Save it as .xlsx without a password."
        )
    rows = _workbook_rows(content) if content.startswith(_ZIP) else _csv_rows(_text(content), columns)
    width = 0
    for number, row in rows:
        cells = [cell.strip() for cell in row]
        if not any(cells):
            continue
        width = width or len(_without_blank_end(cells))  # of the headings
        yield number, cells[:width] if not any(cells[width:]) else cells


def heading_problem(titles: Sequence[str], needed: Iterable[str]) -> str | None:
    """Which of the needed headings are missing or there twice, in a sentence; None if each is there once."""
    wanted = list(needed)
    if missing := [name for name in wanted if name not in titles]:
        return f"These columns are missing: {', '.join(missing)}."
    twice = [name for name in wanted if titles.count(name) > 1]
    return f"These columns are there twice: {', '.join(twice)}." if twice else None


def _without_blank_end(cells: Cells) -> Cells:
    while cells and not cells[-1]:
        cells = cells[:-1]
    return cells


def _text(content: bytes) -> str:
    """The file's text in the encoding that its first bytes, its line ends or its characters speak for."""
    for encoding in _encodings(content):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise Refused("bad_file", _UNREADABLE)


def utf_16_of(first: bytes) -> str | None:
    """The encoding of a file that begins so, if it is UTF-16: by its byte-order mark, or by its zeros."""
    if first.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if first[1:40:2].count(0) > 10:
        return "utf-16-le"
    return "utf-16-be" if first[0:40:2].count(0) > 10 else None


def _encodings(content: bytes) -> Iterable[str]:
    """UTF-16 and UTF-8 by their byte-order mark, UTF-16 without one by its zeros; else UTF-8 or a Western alphabet.

    Excel for Mac ends the lines of its plain CSV with a carriage return alone and writes Mac Roman.
    """
    if utf_16 := utf_16_of(content):
        return (utf_16,)
    if content.startswith(b"\xef\xbb\xbf"):
        return ("utf-8-sig",)
    from_a_mac = b"\r" in content and b"\n" not in content
    return ("utf-8", "mac_roman" if from_a_mac else "cp1252")


def _csv_rows(text: str, columns: Collection[str]) -> Iterator[tuple[int, Cells]]:
    rows_before = 0
    if line := _SEPARATOR_LINE.match(text):
        text, separator, rows_before = text[line.end() :], line[1], 1
    else:
        separator = _separator(text, columns)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        yield from enumerate(reader, start=1 + rows_before)
    except csv.Error as error:
        line_number = reader.line_num + rows_before
        raise Refused("bad_file", f"From line {line_number:,} on this is not CSV: {error}.") from None


def _separator(text: str, columns: Collection[str]) -> str:
    """The separator that finds most of the expected headings in the first line."""
    line = next((line for line in text.splitlines() if line.strip()), "")

    def found(separator: str) -> int:
        return sum(heading.strip().strip('"').strip().lower() in columns for heading in line.split(separator))

    return max(SEPARATORS, key=found)


def _workbook_rows(content: bytes) -> Iterator[tuple[int, Cells]]:
    """The rows of a workbook's first visible sheet, one after another, so that a far cell costs no memory."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            if sum(part.file_size for part in packed.infolist()) > MAX_UNPACKED_BYTES:
                raise Refused("bad_file", "This workbook is larger than 256 MiB when unpacked.")
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        sheet = next((sheet for sheet in book.worksheets if sheet.sheet_state == "visible"), None)
        if sheet is None:
            raise Refused("bad_file", "This workbook has no visible sheet.")
        sheet.reset_dimensions()  # some programs write a size that is too small
        for number, row in enumerate(sheet.iter_rows(values_only=True), start=1):
            yield number, [_cell_text(value) for value in row]
    except _DAMAGE as error:
        raise Refused("bad_file", _DAMAGED) from error


def _cell_text(value: Any) -> str:
    """A workbook's cell as CSV would have it: days as ISO dates, whole numbers without a decimal point."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(sep=" ")
    if isinstance(value, date):
        return value.isoformat()
    return str(value)
