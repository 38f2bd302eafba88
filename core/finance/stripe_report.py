"""Reads Stripe's itemised reports: payout reconciliation and balance change from activity, as CSV.

Their columns: https://docs.stripe.com/reports/report-types. Amounts are in major units. A column that ends in `_utc` is
in UTC; the one without is in the time zone that the report was asked for, which the file does not name.
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from core.errors import Refused
from core.money import CURRENCIES, exponent

MAX_BYTES = 200 * 1024 * 1024
NEEDED = ("balance_transaction_id", "currency", "gross", "fee", "net", "reporting_category")
TIMES = ("created_utc", "created")
LARGEST_MINOR = 10**15


@dataclass(frozen=True)
class ReportRow:
    """One balance transaction of the report, in minor units; `created` is None if its time zone is not known."""

    line: int
    balance_transaction_id: str
    currency: str
    gross_minor: int
    fee_minor: int
    net_minor: int
    reporting_category: str
    created: datetime | None
    local_created: datetime | None
    payout_id: str | None
    source_id: str | None


def rows_of(name: str, data: bytes) -> Iterator[ReportRow]:
    """The report's rows. Raises `Refused` with file, line and reason; then nothing of the file was used."""
    if len(data) > MAX_BYTES:
        raise _refused(name, 1, f"it is larger than {MAX_BYTES // 1024 // 1024} MB")
    reader = csv.reader(io.StringIO(_text(name, data), newline=""), strict=True)
    heading = _heading(name, reader)
    seen: dict[str, int] = {}
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(heading):
                raise _refused(
                    name, reader.line_num, f"it has {len(cells)} columns, not {len(heading)}: the file may be cut off"
                )
            row = _row(name, reader.line_num, dict(zip(heading, cells, strict=True)))
            if before := seen.get(row.balance_transaction_id):
                raise _refused(
                    name, row.line, f"{row.balance_transaction_id} is in line {before} too: is a part in it twice?"
                )
            seen[row.balance_transaction_id] = row.line
            yield row
    except csv.Error as error:
        raise _refused(name, reader.line_num, f"it is not CSV ({error})") from None
    if not seen:
        raise _refused(name, 2, "there are no transactions in it")


def _text(name: str, data: bytes) -> str:
    if data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise _refused(name, 1, "it is a spreadsheet, not CSV: export the report as CSV")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _refused(name, 1, "it is in UTF-16, and Stripe's reports are in UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise _refused(name, line, "it is not in UTF-8, as Stripe's reports are") from None


def _heading(name: str, reader: Iterator[list[str]]) -> list[str]:
    try:
        heading = [cell.strip().lower() for cell in next(reader, [])]
    except csv.Error as error:
        raise _refused(name, 1, f"it is not CSV ({error})") from None
    if not heading:
        raise _refused(name, 1, "it is empty")
    if "balance_transaction_id" not in heading and "reporting_category" in heading:
        raise _refused(name, 1, "it is the summary of a report: download the itemised one")
    if missing := [column for column in NEEDED if column not in heading]:
        raise _refused(name, 1, f"it is not an itemised report of Stripe: it has no column {', '.join(missing)}")
    if len(set(heading)) < len(heading):
        raise _refused(name, 1, "it has a column twice")
    return heading


def _row(name: str, line: int, cells: dict[str, str]) -> ReportRow:
    currency = cells["currency"].strip().lower()
    if currency not in CURRENCIES:
        raise _refused(name, line, f"{cells['currency']!r} is not a currency")
    transaction = cells["balance_transaction_id"].strip()
    if not transaction:
        raise _refused(name, line, "it has no balance_transaction_id")
    return ReportRow(
        line=line,
        balance_transaction_id=transaction,
        currency=currency,
        gross_minor=_minor(name, line, "gross", cells["gross"], currency),
        fee_minor=_minor(name, line, "fee", cells["fee"], currency),
        net_minor=_minor(name, line, "net", cells["net"], currency),
        reporting_category=cells["reporting_category"].strip(),
        created=_time(name, line, "created_utc", cells.get("created_utc", ""), utc=True),
        local_created=_time(name, line, "created", cells.get("created", ""), utc=False),
        payout_id=cells.get("automatic_payout_id", "").strip() or None,
        source_id=cells.get("source_id", "").strip() or None,
    )


def _minor(name: str, line: int, column: str, text: str, currency: str) -> int:
    """`-12.40`, or `-12,40` in a report with decimal commas, as minor units."""
    written = text.strip()
    if written.count(",") == 1 and "." not in written:
        written = written.replace(",", ".")
    try:
        minor = Decimal(written).scaleb(exponent(currency))
    except InvalidOperation:
        raise _refused(name, line, f"{column} {text!r} is not an amount") from None
    if not minor.is_finite() or abs(minor) > LARGEST_MINOR or minor != minor.to_integral_value():
        raise _refused(name, line, f"{column} {text!r} is not an amount in {currency.upper()}")
    return int(minor)


def _time(name: str, line: int, column: str, text: str, *, utc: bool) -> datetime | None:
    if not text.strip():
        return None
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise _refused(name, line, f"{column} {text!r} is not a time") from None
    if moment.tzinfo is None and utc:
        return moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC) if utc else moment.replace(tzinfo=None)


def _refused(name: str, line: int, reason: str) -> Refused:
    return Refused("bad_report", f"{name}, line {line}: {reason}. Nothing was compared.")
