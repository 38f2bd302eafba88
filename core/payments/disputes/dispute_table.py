"""Disputes as a table to export: all that were opened in a period."""

from core.db import Database
from core.exports.table import MOST_AT_ONCE, Column, Row, Table, whole
from core.payments.disputes import dispute_statuses, evidence
from core.payments.payment_methods import brand_name
from core.periods import Period

COLUMNS = (
    Column("created", "Opened", "moment"),
    Column("amount_minor", "Amount", "money", total=True),
    Column("reason", "Reason", read=lambda one: evidence.reason_of(one["reason"]).title),
    Column("network_reason_code", "Reason code", "id", help="The card network's own code for the reason."),
    Column("card_brand", "Card", read=lambda one: brand_name(one["card_brand"]) if one["card_brand"] else ""),
    Column("status", "Status", read=lambda one: dispute_statuses.in_words(one["status"])),
    Column("evidence_due_by", "Evidence due", "moment"),
    Column("submission_count", "Submissions", "count"),
    Column("payment_intent_id", "Payment", "id"),
    Column("charge_id", "Charge", "id"),
    Column("id", "Dispute", "id"),
)


def opened_in(db: Database, period: Period, currency: str | None = None) -> Table:
    """All disputes that were opened in the period, in one currency if it is given."""
    since, until = period.bounds()
    statuses = [status for several in dispute_statuses.STATUSES_OF.values() for status in several]

    def batches() -> list[list[Row]]:
        found = db.call("list_disputes", statuses=statuses, since=since, until=until, limit=MOST_AT_ONCE)
        return [[each for each in whole(found) if currency in (None, each["currency"])]]

    return Table("disputes", "Disputes", COLUMNS, batches, period=period)
