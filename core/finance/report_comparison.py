"""Where the mirror differs from Stripe's own itemised report, row by row."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import TypedDict
from zoneinfo import ZoneInfo

from core.db import Database
from core.finance.stripe_report import ReportRow, rows_of
from core.money import Money

ROWS_A_CALL = 5_000
KEPT = 10_000
AMOUNTS = ("gross", "fee", "net")


class Difference(TypedDict):
    """A difference between the mirror and a row of the report; `line` is None for a transaction not in the report.

    `field` is the report's column, or `row` where one side lacks the whole transaction; amounts are in major units.
    """

    line: int | None
    balance_transaction_id: str
    field: str
    report: str
    mirror: str


@dataclass(frozen=True)
class ReportComparison:
    """The result of the comparison; all differences are counted, at most `KEPT` are listed."""

    file: str
    rows: int
    zone: str | None
    differences: list[Difference]
    found: int

    @property
    def agrees(self) -> bool:
        return self.found == 0

    def in_words(self) -> str:
        """`All 1,204 transactions of report.csv are in the mirror as Stripe has them.`"""
        if self.agrees:
            return f"All {self.rows:,} transactions of {self.file} are in the mirror as Stripe has them."
        differ = "difference" if self.found == 1 else "differences"
        return f"The mirror has {self.found:,} {differ} from the {self.rows:,} transactions of {self.file}."


def compare(db: Database, name: str, data: bytes, zone: ZoneInfo) -> ReportComparison:
    """Compare the report's rows with the mirror, and the mirror's transactions of the same payouts or time with them.

    The whole file is read before anything is compared. Raises `Refused` naming file, line and reason.
    """
    rows = list(rows_of(name, data))
    used_zone = _zone_of(db, rows, zone)
    kept: list[Difference] = []
    found = 0
    for each in _differences(db, rows, used_zone):
        found += 1
        if len(kept) < KEPT:
            kept.append(each)
    return ReportComparison(name, len(rows), used_zone.key if used_zone else None, kept, found)


def _differences(db: Database, rows: list[ReportRow], zone: ZoneInfo | None) -> Iterator[Difference]:
    remaining = iter(rows)
    while some := list(islice(remaining, ROWS_A_CALL)):
        by_line = {row.line: row for row in some}
        for each in db.call("differences_from_report", rows=[_as_json(row, zone) for row in some]):
            yield _in_words(each, by_line[each["line"]])
    yield from _not_in_report(db, rows, zone)


def _as_json(row: ReportRow, zone: ZoneInfo | None) -> dict[str, str | int | None]:
    created = _created(row, zone)
    return {
        "line": row.line,
        "id": row.balance_transaction_id,
        "currency": row.currency,
        "gross": row.gross_minor,
        "fee": row.fee_minor,
        "net": row.net_minor,
        "reporting_category": row.reporting_category,
        "created": created.isoformat() if created else None,
        "source_id": row.source_id,
        "automatic_payout_id": row.payout_id,
    }


def _created(row: ReportRow, zone: ZoneInfo | None) -> datetime | None:
    if row.created or row.local_created is None or zone is None:
        return row.created
    return row.local_created.replace(tzinfo=zone).astimezone(UTC)


def _zone_of(db: Database, rows: list[ReportRow], business_zone: ZoneInfo) -> ZoneInfo | None:
    """The zone of `created` if the report has no `created_utc`: UTC or the business zone, whichever fits better."""
    local = [row for row in rows if row.created is None and row.local_created][:ROWS_A_CALL]
    if not local:
        return None
    fits: Counter[str] = Counter()
    for zone in (ZoneInfo("UTC"), business_zone):
        found = db.call("differences_from_report", rows=[_as_json(row, zone) for row in local])
        fits[zone.key] = -sum(each["field"] == "created" for each in found)
    return ZoneInfo(max(fits, key=lambda key: fits[key]))


def _not_in_report(db: Database, rows: list[ReportRow], zone: ZoneInfo | None) -> Iterator[Difference]:
    """Transactions that are in the mirror but not in the report, although of the same payouts or the report's time."""
    listed = {row.balance_transaction_id for row in rows}
    for mirrored in _mirrored(db, rows, zone):
        if mirrored["id"] not in listed:
            net = Money(mirrored["net"], mirrored["currency"])
            yield Difference(
                line=None, balance_transaction_id=mirrored["id"], field="row", report="not in it", mirror=str(net)
            )


class _Mirrored(TypedDict):
    id: str
    currency: str
    net: int


def _mirrored(db: Database, rows: list[ReportRow], zone: ZoneInfo | None) -> Iterable[_Mirrored]:
    currencies = sorted({row.currency for row in rows})
    categories = sorted({row.reporting_category for row in rows})
    payouts = sorted({row.payout_id for row in rows if row.payout_id})
    if all(row.payout_id for row in rows):
        for place in range(0, len(payouts), 200):
            yield from db.call(
                "mirrored_in_payouts",
                payouts=payouts[place : place + 200],
                currencies=currencies,
                categories=categories if len(categories) == 1 else None,
            )
        return
    times = [created for row in rows if (created := _created(row, zone))]
    if times:
        after = None
        while some := db.call(
            "mirrored_between",
            since=min(times),
            until=max(times),
            currencies=currencies,
            categories=categories if len(categories) == 1 else None,
            after_id=after,
            most=ROWS_A_CALL,
        ):
            yield from some
            after = some[-1]["id"]


class _Found(TypedDict):
    line: int
    field: str
    report: str | None
    mirror: str | None
    currency: str


def _in_words(found: _Found, row: ReportRow) -> Difference:
    report, mirror = found["report"] or "", found["mirror"] or ""
    if found["field"] in AMOUNTS:
        report, mirror = str(Money(int(report), row.currency)), str(Money(int(mirror), found["currency"]))
    if found["field"] == "row":
        report, mirror = str(Money(row.net_minor, row.currency)), "not in it"
    return Difference(
        line=row.line,
        balance_transaction_id=row.balance_transaction_id,
        field=found["field"],
        report=report,
        mirror=mirror,
    )
