"""Reads a bank's CSV by its account's column mapping: any delimiter, signed amounts or debit and credit columns."""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from core.finance.bank.csv_mapping import DELIMITERS, CsvMapping, date_in, proposed
from core.finance.bank.statements import (
    FIRST_DAY,
    LAST_DAY,
    Entry,
    Statement,
    Unreadable,
    currency_of,
    decimal_of,
    lines_of,
    money_of,
    reference_of,
    shown,
)

PREVIEW_ROWS = 200
MAX_CELL = 10_000
_PENDING = re.compile(r"pending|authori[sz]ed|scheduled|processing|vorgemerkt", re.IGNORECASE)
_BALANCE = re.compile(
    r"(beginning|opening|ending|closing|starting|previous|new|current|available|ledger) balance"
    r"|balance (brought|carried)|anfangssaldo|endsaldo|saldovortrag|kontostand",
    re.IGNORECASE,
)
_SIGNS = str.maketrans({"−": "-", "–": "-", "\u00a0": " ", "\u202f": " ", "'": "", "’": ""})
_CURRENCY_AROUND = re.compile(r"^(?:[A-Z]{3}|[$€£¥])\s*|\s*(?:[A-Z]{3}|[$€£¥])$")
_GROUPED = {
    ".": re.compile(r"\d{1,3}(?:[, ]\d{3})*(?:\.\d*)?|\d+(?:\.\d*)?|\.\d+"),
    ",": re.compile(r"\d{1,3}(?:[. ]\d{3})*(?:,\d*)?|\d+(?:,\d*)?|,\d+"),
}


@dataclass(frozen=True)
class Table:
    """The rows of a CSV, each with its line number, and the delimiter between cells."""

    rows: list[tuple[int, list[str]]]
    delimiter: str


@dataclass(frozen=True)
class Layout:
    """What a user needs to map the columns: the headings, the first rows, and the proposed mapping."""

    header: tuple[str, ...]
    rows: list[list[str]]
    delimiter: str
    proposed: CsvMapping | None


def layout(text: str) -> Layout:
    """The columns of a file that has no mapping yet."""
    table = _table(text, None)
    place = _header_place(table)
    header = tuple(cell.strip() for cell in table.rows[place][1])
    rows = [row for _, row in table.rows[place + 1 :]]
    return Layout(header, rows[:PREVIEW_ROWS], table.delimiter, proposed(header, rows, table.delimiter))


def read(text: str, mapping: CsvMapping, currency: str) -> list[Statement]:
    """The file's entries, as one statement without balances."""
    table = _table(text, mapping.delimiter)
    header_place = _find_header(table, mapping)
    header = [cell.strip() for cell in table.rows[header_place][1]]
    place = {name: header.index(name) for name in mapping.columns()}
    entries = []
    for line, row in table.rows[header_place + 1 :]:
        if len(row) < max(place.values()) + 1:
            raise Unreadable(
                line, f"the row has {len(row)} cells, but its heading {len(header)}; the file breaks off here"
            )
        cells = {name: row[at].strip() for name, at in place.items()}
        if _is_balance(cells, mapping):
            continue
        entry = _entry(line, cells, mapping, currency)
        if entry.amount.minor:
            entries.append(entry)
    days = [entry.booked_on for entry in entries if not entry.is_pending]
    return [
        Statement(
            line=table.rows[header_place][0],
            account_number=None,
            currency=currency,
            entries=tuple(entries),
            from_date=min(days, default=None),
            to_date=max(days, default=None),
            lists_pending=any(entry.is_pending for entry in entries),
        )
    ]


def _table(text: str, delimiter: str | None) -> Table:
    lines = lines_of(text)
    first = 1
    if lines[0].strip().lower().startswith("sep="):  # a line in which Excel names the delimiter
        delimiter = delimiter or lines[0].strip()[4:5]
        lines, first = lines[1:], 2
    delimiter = delimiter or _delimiter(lines)
    reader = csv.reader((f"{line}\n" for line in lines), delimiter=delimiter, strict=True)
    rows: list[tuple[int, list[str]]] = []
    begins = 0
    try:
        for row in reader:
            line, begins = begins + first, reader.line_num
            if any(cell.strip() for cell in row):
                rows.append((line, row))
    except csv.Error:
        raise Unreadable(
            begins + first, "a quoted cell is not closed, or a quote stands in the middle of a cell"
        ) from None
    if not rows:
        raise Unreadable(1, "the file is empty")
    return Table(rows, delimiter)


def _delimiter(lines: Sequence[str]) -> str:
    """The delimiter that gives most lines the same number of cells."""
    some = [line for line in lines[:100] if line.strip()]

    def alike(delimiter: str) -> tuple[int, int]:
        counts = [line.count(delimiter) for line in some]
        commonest = max(set(counts), key=counts.count, default=0)
        return (counts.count(commonest) if commonest else 0), commonest

    return max(DELIMITERS.values(), key=alike)


def _header_place(table: Table) -> int:
    """Where the headings are: the first row with as many cells as most rows. Banks put account details above it."""
    widths = [len(row) for _, row in table.rows]
    commonest = max(set(widths), key=widths.count)
    if commonest < 2:
        raise Unreadable(table.rows[0][0], "the file is not CSV: its lines have no columns")
    return widths.index(commonest)


def _find_header(table: Table, mapping: CsvMapping) -> int:
    wanted = set(mapping.columns())
    for place, (_, row) in enumerate(table.rows[:50]):
        if wanted <= {cell.strip() for cell in row}:
            return place
    line, row = table.rows[_header_place(table)]
    missing = sorted(wanted - {cell.strip() for cell in row})
    raise Unreadable(
        line, f"the column {missing[0]!r} of this account's mapping is missing; is it a statement of another account?"
    )


def _is_balance(cells: dict[str, str], mapping: CsvMapping) -> bool:
    """Whether the row only states a balance: it has no amount, and a text that says so."""
    amounts = (mapping.amount_column, mapping.debit_column, mapping.credit_column)
    if any(cells[column] for column in amounts if column):
        return False
    return any(_BALANCE.search(cells[column]) for column in mapping.text_columns)


def _entry(line: int, cells: dict[str, str], mapping: CsvMapping, currency: str) -> Entry:
    written = cells[mapping.currency_column] if mapping.currency_column else ""
    own = currency_of(written, line, f"{mapping.currency_column}") if written else currency
    status = cells[mapping.status_column] if mapping.status_column else ""
    number = reference_of(cells[mapping.id_column]) if mapping.id_column else None
    return Entry(
        line=line,
        amount=money_of(_amount(line, cells, mapping), own, line, "the amount"),
        booked_on=_date(line, cells[mapping.date_column], mapping.date_column, mapping),
        value_on=(
            _date(line, cells[mapping.value_column], mapping.value_column, mapping)
            if mapping.value_column and cells[mapping.value_column]
            else None
        ),
        is_pending=bool(_PENDING.search(status)),
        bank_id=number,
        references=(number,) if number else (),
        texts=tuple(cells[name][:MAX_CELL] for name in mapping.text_columns if cells[name]),
    )


def _date(line: int, cell: str, column: str, mapping: CsvMapping) -> date:
    try:
        found = date_in(cell, mapping.date_format).date()
    except ValueError:
        raise Unreadable(line, f"{column} {shown(cell)} is not a date written as {mapping.date_format}") from None
    if not FIRST_DAY <= found <= LAST_DAY:
        raise Unreadable(line, f"{column} {found} is not between {FIRST_DAY.year} and {LAST_DAY.year}")
    return found


def _amount(line: int, cells: dict[str, str], mapping: CsvMapping) -> Decimal:
    """The signed amount. A debit is negative whether or not its column has minus signs; a credit with a minus sign was
    reversed.
    """
    if mapping.amount_column:
        return _number(line, cells[mapping.amount_column], mapping.amount_column, mapping.decimal)
    columns = [column for column in (mapping.debit_column, mapping.credit_column) if column and cells[column]]
    values = {column: _number(line, cells[column], column, mapping.decimal) for column in columns}
    filled = {column: value for column, value in values.items() if value}
    if len(filled) > 1:
        raise Unreadable(line, "the row has both a debit and a credit")
    if not values:
        raise Unreadable(line, "the row has neither a debit nor a credit")
    return next(
        (-abs(value) if column == mapping.debit_column else value for column, value in filled.items()), Decimal(0)
    )


def _number(line: int, cell: str, column: str, decimal: str) -> Decimal:
    """`-1,234.56`, `(12.00)`, `12.00-`, `$12.00`, `1.234,56 EUR`, `12.00 DR`: read exactly, with its sign."""
    text = cell.translate(_SIGNS).strip()
    marked = re.fullmatch(r"(.*?)\s*\b(CR|DR)", text)
    negative = bool(marked and marked[2] == "DR")
    text = marked[1] if marked else text
    if text.startswith("(") and text.endswith(")"):
        text, negative = text[1:-1], True
    for _ in range(2):  # a sign may be before or after the currency
        text = text.strip()
        if text[:1] in ("-", "+") and len(text) > 1:
            text, negative = text[1:], negative or text[0] == "-"
        elif text[-1:] == "-":
            text, negative = text[:-1], True
        text = _CURRENCY_AROUND.sub("", text.strip())
    if not _GROUPED[decimal].fullmatch(text):
        raise Unreadable(
            line, f"{column} {shown(cell)} is not an amount with a decimal {'point' if decimal == '.' else 'comma'}"
        )
    plain = re.sub(r"[ .]" if decimal == "," else r"[ ,]", "", text).replace(",", ".")
    value = decimal_of(plain, line, column)
    return -value if negative else value
