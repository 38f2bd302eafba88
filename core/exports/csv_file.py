"""A table as CSV: UTF-8 with a byte-order mark, major units, ISO dates, times with their offset."""

import csv
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import IO

from core.exports.cells import Cell, cell, harmless_text
from core.exports.table import Stamp, Table, with_currencies
from core.money import Money, exponent


def write(table: Table, stamp: Stamp, file: IO[str], progress: Callable[[int], None]) -> int:
    """Write one line of headings and the rows; returns the number of rows. There is no line of totals, since programs
    read the files too.
    """
    columns = with_currencies(table.columns)
    writer = csv.writer(file)
    writer.writerow([harmless_text(column.title) for column in columns])
    rows = 0
    for batch in table.batches():
        writer.writerows([written(cell(column, row, stamp.zone)) for column in columns] for row in batch)
        rows += len(batch)
        progress(rows)
    return rows


def written(value: Cell) -> str | int | float | Decimal | None:
    """A cell's value as CSV writes it."""
    if isinstance(value, Money):
        return f"{value.major:.{exponent(value.currency)}f}"
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    return value.isoformat() if isinstance(value, date) else value
