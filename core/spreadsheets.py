"""Rows as CSV and XLSX files in which no cell can run as a formula."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import xlsxwriter  # type: ignore[import-untyped]

CSV_TYPE = "text/csv"
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%", "＝", "＋", "－", "＠")

Row = Mapping[str, Any]


def as_csv(rows: Sequence[Row], columns: Sequence[str]) -> bytes:
    """The named columns under a row of headings, in UTF-8 with the byte-order mark that Excel looks for."""
    written = io.StringIO(newline="")
    writer = csv.writer(written)
    writer.writerow(columns)
    writer.writerows([harmless(row.get(column)) for column in columns] for row in rows)
    return written.getvalue().encode("utf-8-sig")


def as_xlsx(rows: Sequence[Row], columns: Sequence[str], *, sheet: str) -> bytes:
    """One sheet with a frozen row of headings; numbers are numbers, everything else is text."""
    written = io.BytesIO()
    book = xlsxwriter.Workbook(written, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    page = book.add_worksheet(sheet)
    page.freeze_panes(1, 0)
    page.write_row(0, 0, columns, book.add_format({"bold": True}))
    for at, row in enumerate(rows, 1):
        for column, name in enumerate(columns):
            cell = harmless(row.get(name))
            if isinstance(cell, str):
                page.write_string(at, column, cell)
            else:
                page.write_number(at, column, cell)
    page.autofit()
    book.close()
    return written.getvalue()


def harmless(value: Any) -> str | int | float | Decimal:
    """A cell's value: a number as it is, anything else as text that no spreadsheet runs as a formula."""
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return value
    text = _text(value)
    return f"'{text}" if text.lstrip(" ").startswith(_STARTS_A_FORMULA) else text


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, Mapping | list):
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    return str(value)
