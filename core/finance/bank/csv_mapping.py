"""Which column of a bank's CSV contains what. It is proposed from the headings and saved for each account."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Self

from core.errors import Refused

# Each format under the name that users see. A format is proposed only if all dates of a file fit it and no other one.
DATE_FORMATS = {
    "YYYY-MM-DD": "%Y-%m-%d",
    "MM/DD/YYYY": "%m/%d/%Y",
    "DD/MM/YYYY": "%d/%m/%Y",
    "DD.MM.YYYY": "%d.%m.%Y",
    "YYYY/MM/DD": "%Y/%m/%d",
    "MM-DD-YYYY": "%m-%d-%Y",
    "DD-MM-YYYY": "%d-%m-%Y",
    "MM/DD/YY": "%m/%d/%y",
    "DD/MM/YY": "%d/%m/%y",
    "DD.MM.YY": "%d.%m.%y",
    "YYYYMMDD": "%Y%m%d",
    "DD Mon YYYY": "%d %b %Y",
    "DD-Mon-YYYY": "%d-%b-%Y",
    "Mon DD, YYYY": "%b %d, %Y",
}
DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
_TIME_AFTER = re.compile(r"[T ]\d{1,2}:\d{2}.*$", re.ASCII)

_HEADINGS = {
    "date_column": (
        "booking date|posting date|post date|posted date|posted|date|transaction date|buchungstag|buchungsdatum"
    ),
    "value_column": "value date|valuta|valutadatum|effective date|wertstellung",
    "amount_column": "amount|transaction amount|amount (usd)|usd amount|betrag|montant|importe|net amount",
    "debit_column": "debit|debits|debit amount|withdrawal|withdrawals|money out|paid out|soll",
    "credit_column": "credit|credits|credit amount|deposit|deposits|money in|paid in|haben",
    "currency_column": "currency|ccy|währung|waehrung|devise",
    "status_column": "status|state",
    "id_column": "transaction id|bank reference|fitid|transaction number|transaction reference",
}
_TEXTS = re.compile(
    r"descri|detail|memo|payee|narrative|reference|particulars|text|verwendungszweck|name|trace|bank ref", re.IGNORECASE
)


@dataclass(frozen=True)
class CsvMapping:
    """Columns are named by their headings. Either `amount_column` is set, or a debit and a credit column."""

    date_column: str
    date_format: str
    text_columns: tuple[str, ...]
    delimiter: str = ","
    decimal: str = "."
    amount_column: str | None = None
    debit_column: str | None = None
    credit_column: str | None = None
    value_column: str | None = None
    currency_column: str | None = None
    status_column: str | None = None
    id_column: str | None = None

    def __post_init__(self) -> None:
        problems = {
            "Choose the column of the date.": not self.date_column,
            "Choose a date format of the list.": self.date_format not in DATE_FORMATS,
            "Choose comma, semicolon, tab or pipe as the delimiter.": self.delimiter not in DELIMITERS.values(),
            "Choose a point or a comma as the decimal mark.": self.decimal not in (".", ","),
            "Choose one signed amount column, or a debit and a credit column.": bool(self.amount_column)
            == bool(self.debit_column or self.credit_column),
            "Choose at least one column with the bank's text.": not self.text_columns,
        }
        wrong = next((problem for problem, holds in problems.items() if holds), None)
        if wrong:
            raise Refused("mapping_incomplete", wrong)

    def columns(self) -> list[str]:
        """Every heading that the file must have."""
        named = [value for name, value in asdict(self).items() if name.endswith("_column") and value]
        return list(dict.fromkeys([*named, *self.text_columns]))

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Self:
        return cls(**{**kept, "text_columns": tuple(kept["text_columns"])})


def date_in(text: str, date_format: str) -> datetime:
    """The date in a cell; a time after it is ignored. Raises `ValueError` if it is not in this format."""
    return datetime.strptime(_TIME_AFTER.sub("", text.strip()), DATE_FORMATS[date_format])


def proposed(header: Sequence[str], rows: Sequence[Sequence[str]], delimiter: str) -> CsvMapping | None:
    """The mapping, if headings and cells allow only one; None if a user must choose."""
    columns = {name: _column(header, names) for name, names in _HEADINGS.items()}
    if columns["amount_column"]:
        columns["debit_column"] = columns["credit_column"] = None
    date_column = columns["date_column"]
    taken = set(columns.values())
    texts = tuple(name for name in header if name and name not in taken and _TEXTS.search(name))
    if date_column is None or not texts:
        return None
    date_format = _date_format(_cells(header, rows, date_column))
    amounts = [columns[name] for name in ("amount_column", "debit_column", "credit_column")]
    decimal = _decimal([cell for name in amounts if name for cell in _cells(header, rows, name)])
    if date_format is None or decimal is None:
        return None
    chosen = {name: column for name, column in columns.items() if column}
    try:
        return CsvMapping(
            **(chosen | {"date_format": date_format, "delimiter": delimiter, "decimal": decimal}), text_columns=texts
        )
    except Refused:
        return None


def _column(header: Sequence[str], names: str) -> str | None:
    """The column with the first of these names (separated by `|`) that the file has."""
    plain = {name.strip().strip("*:").casefold(): name for name in header if name.strip()}
    return next((plain[name] for name in names.split("|") if name in plain), None)


def _cells(header: Sequence[str], rows: Sequence[Sequence[str]], column: str) -> list[str]:
    place = list(header).index(column)
    return [row[place].strip() for row in rows if len(row) > place and row[place].strip()]


def _date_format(cells: Sequence[str]) -> str | None:
    """The format in which all cells are dates; None if several formats fit and give different dates."""
    readings: dict[tuple[datetime, ...], str] = {}
    for name in DATE_FORMATS:
        try:
            readings.setdefault(tuple(date_in(cell, name) for cell in cells), name)
        except ValueError:
            continue
    return next(iter(readings.values())) if cells and len(readings) == 1 else None


def _decimal(cells: Sequence[str]) -> str | None:
    """The decimal mark of the amounts; None if it is unclear, as in 1,234."""
    last = [re.search(r"([.,])(\d*)\D*$", cell) for cell in cells]
    marks = {found[1] for found in last if found and len(found[2]) != 3}
    grouped = {found[1] for found in last if found and len(found[2]) == 3}
    if len(marks) == 1 and not grouped & marks:
        return marks.pop()
    return "." if not marks and not grouped else None
