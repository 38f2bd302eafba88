"""The journal as a table, and as the import forms of QuickBooks Online and Xero.

QuickBooks Online, "Import journal entries" (quickbooks.intuit.com/learn-support, help article L4tQBwbs7): Journal No.,
Journal Date, Account Name, Description, Debits, Credits; the lines of a number are one entry and balance; a line fills
one of the two amounts; account numbers are turned off during the import, so accounts go by name, a sub-account as
`Parent:Sub`. A journal number has at most 21 characters (support.transactionpro.com/kb/article/492).
Xero, "Enter multiple manual journals using an import template" (help.xero.com/ManualJournalsImport): Narration, Date
(dd/mm/yyyy), Description, AccountCode, TaxRate, Amount, with a debit above zero and a credit below; lines of one
narration and date are one journal; at most 300 lines a file, so a longer journal becomes several files. `Tax Exempt` is
Xero's own rate of 0 % in the US (help.xero.com/us/Tax-SetDefaults). A file holds one currency.
"""

import csv
import io
import zipfile
from collections.abc import Callable, Sequence
from typing import Any, Literal

from core.errors import Refused
from core.exports.cells import harmless_text
from core.exports.table import Column, Table, of_rows
from core.finance.journal.entries import Entry, Journal, Line
from core.money import Money, exponent
from core.periods import Period

Form = Literal["quickbooks", "xero"]
QUICKBOOKS = ("Journal No.", "Journal Date", "Account Name", "Description", "Debits", "Credits", "Currency")
TRACKING = ("TrackingName1", "TrackingOption1", "TrackingName2", "TrackingOption2")
XERO = ("*Narration", "*Date", "Description", "*AccountCode", "*TaxRate", "*Amount", *TRACKING)
XERO_LINES = 300
ZIP_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest date in ZIP, so that equal journals make equal files
TITLES: dict[Form, str] = {"quickbooks": "QuickBooks Online", "xero": "Xero"}
NO_TAX = "Tax Exempt"
COLUMNS = (
    Column("number", "Entry", "id", width=135),
    Column("day", "Date", "day", width=100),
    Column("code", "Account", "id", width=80),
    Column("name", "Account name", width=140),
    Column("description", "Description", width=170),
    Column(
        "debit_minor",
        "Debit",
        "money",
        total=True,
        help="Debits equal credits in each entry and currency.",
        width=115,
    ),
    Column("credit_minor", "Credit", "money", total=True, width=115),
    Column("movements", "Movements", "count", help="How many balance transactions of Stripe the line sums."),
    Column("source", "Source"),
)


def rows(journal: Journal) -> list[dict[str, Any]]:
    """The journal's lines as rows of `COLUMNS`."""
    return [
        {
            "number": entry.number,
            "day": entry.day.isoformat(),
            "code": line.account.code,
            "name": line.account.name,
            "description": line.description,
            "debit_minor": line.debit_minor,
            "credit_minor": line.credit_minor,
            "currency": entry.currency,
            "movements": line.movements,
            "source": entry.name,
        }
        for entry in journal.entries
        for line in entry.lines
    ]


def table(journal: Journal, period: Period) -> Table:
    """The journal as a table to export."""
    found = rows(journal)
    return Table("journal", "Journal", COLUMNS, of_rows(found), len(found), period)


def written(journal: Journal, form: Form, currency: str, *, tax_rate: str = NO_TAX) -> list[bytes]:
    """The entries of one currency as CSV files that the accounting system can import; each file balances.

    There is one file, or several if one would be too long. Raises `Refused` if there is nothing to write.
    """
    parts = files_of(journal, form, currency)
    if not parts:
        raise Refused("journal_empty", f"Nothing was booked in {currency.upper()} in this period.")
    return [_csv(entries, form, tax_rate) for entries in parts]


def zipped(files: Sequence[bytes], name: str) -> bytes:
    """The files in one ZIP, numbered in the order in which they are to be imported."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, content in enumerate(files, 1):
            archive.writestr(zipfile.ZipInfo(f"{name}-{number:02}.csv", ZIP_DATE), content)
    return packed.getvalue()


def files_of(journal: Journal, form: Form, currency: str) -> list[list[Entry]]:
    """The entries of one currency, divided into files as the form requires. Raises `Refused`."""
    entries = [entry for entry in journal.entries if entry.currency == currency]
    return parts_of(entries, XERO_LINES) if form == "xero" else [entries] if entries else []


def parts_of(entries: Sequence[Entry], most_lines: int) -> list[list[Entry]]:
    """The entries, in their order, in files of at most `most_lines`; no entry is split, so that each file balances.

    Raises `Refused` for an entry with more lines than that.
    """
    parts: list[list[Entry]] = []
    left = 0
    for entry in entries:
        if len(entry.lines) > most_lines:
            raise Refused(
                "journal_too_long",
                f"{entry.name} has {len(entry.lines):,} lines, and a file takes {most_lines:,}. Nothing was exported.",
            )
        if len(entry.lines) > left:
            parts.append([])
            left = most_lines
        parts[-1].append(entry)
        left -= len(entry.lines)
    return parts


def _csv(entries: Sequence[Entry], form: Form, tax_rate: str) -> bytes:
    heading, one = FORMS[form]
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(heading)
    writer.writerows(one(entry, line, tax_rate) for entry in entries for line in entry.lines)
    return out.getvalue().encode("utf-8")


def _quickbooks(entry: Entry, line: Line, tax_rate: str) -> Sequence[str]:
    return (
        entry.number,
        f"{entry.day:%m/%d/%Y}",
        harmless_text(line.account.name),
        f"{line.description} ({entry.name})",
        _major(line.debit_minor, entry.currency),
        _major(line.credit_minor, entry.currency),
        entry.currency.upper(),
    )


def _xero(entry: Entry, line: Line, tax_rate: str) -> Sequence[str]:
    return (
        f"{entry.name} {entry.currency.upper()}",
        f"{entry.day:%d/%m/%Y}",
        line.description,
        harmless_text(line.account.code),
        harmless_text(tax_rate),
        _major(line.minor, entry.currency),
        *[""] * len(TRACKING),
    )


def _major(minor: int | None, currency: str) -> str:
    return "" if minor is None else f"{Money(minor, currency).major:.{exponent(currency)}f}"


FORMS: dict[Form, tuple[Sequence[str], Callable[[Entry, Line, str], Sequence[str]]]] = {
    "quickbooks": (QUICKBOOKS, _quickbooks),
    "xero": (XERO, _xero),
}
