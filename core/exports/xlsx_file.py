"""A table as an XLSX workbook: typed cells, frozen headings, filters, totals, and a sheet that says what it holds.

Rows go to temporary files as they come, so that memory does not grow with the table.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import IO, Any

import xlsxwriter  # type: ignore[import-untyped]

from core.exports import about
from core.exports.cells import Cell, cell, harmless_text
from core.exports.table import Column, Kind, Stamp, Table, with_currencies
from core.exports.totals import Totals
from core.money import SYMBOLS, Money, exponent

SHEET_LINES = 1_048_576  # Excel's limit
TEXT_CHARACTERS = 32_767  # Excel's limit of one cell
DIGITS = 15  # how many digits of a number Excel stores exactly
CUT = "… (the CSV file has the whole text)"
WIDTH_LINES, MIN_WIDTH, MAX_WIDTH = 1_000, 6, 60
FIRST_DAY, LAST_DAY = date(1900, 3, 1), date(9999, 12, 31)  # Excel has a 29 February 1900
NUMBER_FORMATS: dict[Kind, str] = {
    "count": "#,##0",
    "share": "0.0%",
    "moment": "d mmm yyyy, hh:mm:ss",
    "day": "d mmm yyyy",
}


def write(
    table: Table,
    stamp: Stamp,
    file: IO[bytes],
    folder: Path,
    progress: Callable[[int], None],
    *,
    sheet_lines: int = SHEET_LINES,
) -> int:
    """Write the workbook, with temporary files in `folder`; returns the number of rows. A table that is longer than a
    sheet continues on further sheets.
    """
    options = {"constant_memory": True, "tmpdir": str(folder), "strings_to_formulas": False, "strings_to_urls": False}
    book = xlsxwriter.Workbook(file, options)
    book.use_zip64()  # takes effect only for files of more than 2 GiB
    sheets = _Sheets(book, table.title, with_currencies(table.columns), sheet_lines)
    note = book.add_worksheet("About" if table.title != "About" else "About this file")
    rows = 0
    for batch in table.batches():
        for row in batch:
            sheets.add([cell(column, row, stamp.zone) for column in sheets.columns])
        rows += len(batch)
        progress(rows)
    sheets.finish()
    _write_about(note, book, about.lines(table, stamp, rows=rows, sheets=sheets.number))
    book.close()
    return rows


class _Sheets:
    """The sheets with the table's rows; the next one begins when one is full."""

    def __init__(self, book: Any, title: str, columns: Sequence[Column], sheet_lines: int):
        self.columns = columns
        self.number = 0
        self._book, self._sheet_lines = book, sheet_lines
        self._title = "".join(" " if sign in "[]:*?/\\" else sign for sign in title).strip("' ")[:27] or "Rows"
        self._formats: dict[tuple[str, bool], Any] = {}
        self._totals = Totals(columns)
        self._begin()

    def add(self, cells: Sequence[Cell]) -> None:
        if self._line >= self._sheet_lines:
            self._end()
            self._begin()
        self._write(cells)
        self._totals.add(cells)

    def finish(self) -> None:
        """Write the totals, one line for each currency, below the rows and outside the filter."""
        last_row = self._line - 1
        lines = self._totals.lines()
        if self._line + len(lines) > self._sheet_lines:
            self._end()
            self._begin()
            last_row = 0
        for line in lines:
            self._write(line, total=True)
        self._end(last_row)

    def _begin(self) -> None:
        self.number += 1
        self._page = self._book.add_worksheet(self._title if self.number == 1 else f"{self._title} {self.number}")
        self._page.freeze_panes(1, 0)
        heading = self._book.add_format({"bold": True, "bottom": 1, "text_wrap": False})
        for at, column in enumerate(self.columns):
            self._page.write_string(0, at, harmless_text(column.title), heading)
        self._widths = [len(column.title) + 3 for column in self.columns]  # room for the filter's button
        self._line = 1

    def _end(self, last_row: int | None = None) -> None:
        last = self._line - 1 if last_row is None else last_row
        self._page.autofilter(0, 0, max(last, 1), len(self.columns) - 1)
        for at, width in enumerate(self._widths):
            self._page.set_column(at, at, min(max(width, MIN_WIDTH), MAX_WIDTH))

    def _write(self, cells: Sequence[Cell], *, total: bool = False) -> None:
        for at, value in enumerate(cells):
            if value is not None:
                self._write_cell(at, value, total)
        if total or self._line <= WIDTH_LINES:
            for at, value in enumerate(cells):
                self._widths[at] = max(self._widths[at], _width(value))
        self._line += 1

    def _write_cell(self, at: int, value: Cell, total: bool) -> None:
        if isinstance(value, str):
            text = value if len(value) <= TEXT_CHARACTERS else value[: TEXT_CHARACTERS - len(CUT)] + CUT
            self._page.write_string(self._line, at, text, self._format("", total) if total else None)
        elif isinstance(value, Money):
            if abs(value.minor) >= 10**DIGITS:
                self._page.write_string(self._line, at, str(value), self._format("", total))
            else:
                amount = value.minor / 10 ** exponent(value.currency)
                self._page.write_number(self._line, at, amount, self._format(_money_format(value.currency), total))
        elif isinstance(value, datetime | date):
            self._write_time(at, value, total)
        elif abs(value) >= 10**DIGITS:  # type: ignore[arg-type]
            self._page.write_string(self._line, at, str(value))
        else:
            self._page.write_number(
                self._line, at, value, self._format(NUMBER_FORMATS.get(self.columns[at].kind, ""), total)
            )

    def _write_time(self, at: int, value: datetime | date, total: bool) -> None:
        """Write a time as local time of the business's zone, because Excel's cells have no time zones."""
        day = value.date() if isinstance(value, datetime) else value
        if not FIRST_DAY <= day <= LAST_DAY:
            self._page.write_string(self._line, at, value.isoformat())
            return
        moment = value.replace(tzinfo=None, microsecond=0) if isinstance(value, datetime) else value
        kind: Kind = "moment" if isinstance(value, datetime) else "day"
        self._page.write_datetime(self._line, at, moment, self._format(NUMBER_FORMATS[kind], total))

    def _format(self, number_format: str, total: bool) -> Any:
        key = (number_format, total)
        if key not in self._formats:
            looks = ({"num_format": number_format} if number_format else {}) | ({"bold": True} if total else {})
            self._formats[key] = self._book.add_format(looks)
        return self._formats[key]


def _money_format(currency: str) -> str:
    places = exponent(currency)
    symbol = SYMBOLS.get(currency, f"{currency.upper()} ")
    number = f'"{symbol}"#,##0' + ("." + "0" * places if places else "")
    return f"{number};-{number}"


def _width(value: Cell) -> int:
    if isinstance(value, datetime):
        return 21
    if isinstance(value, int | float | Decimal):
        return len(f"{value:,}")
    return len(str(value)) if value is not None else 0


def _write_about(note: Any, book: Any, lines: Sequence[tuple[str, str]]) -> None:
    bold, wrapped = book.add_format({"bold": True, "valign": "top"}), book.add_format({"text_wrap": True})
    for at, (what, value) in enumerate(lines):
        note.write_string(at, 0, what[:TEXT_CHARACTERS], bold)
        note.write_string(at, 1, value[:TEXT_CHARACTERS], wrapped)
    note.set_column(0, 0, 30)
    note.set_column(1, 1, 90)
