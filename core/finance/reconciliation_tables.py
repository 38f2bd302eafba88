"""The reconciliation as tables for CSV, XLSX and the console."""

from core.exports.table import Column, Table, of_rows
from core.finance.mismatches import CLASSES, LEGS, STATES, Mismatch, class_of, sentence, sides
from core.finance.payout_report import PayoutReport
from core.finance.payout_report import headline as payout_headline
from core.finance.reconciliation import Reconciliation, headline
from core.staff.audit_words import actor_name

MISMATCH_COLUMNS = (
    Column("day", "Day", "day", help="The business day that the mismatch belongs to.", width=95),
    Column("key", "What", read=lambda one: CLASSES[class_of(one)], width=125),
    Column("leg", "Where", read=lambda one: LEGS[one["leg"]]),
    Column(
        "difference_minor",
        "Not explained",
        "money",
        help="Our amount minus the other side's; zero where only the day differs.",
        total=True,
        width=105,
    ),
    Column("amount_minor", "Amount", "money", help="What the payment, payout or deposit is about."),
    Column("ours", "Ours", read=lambda one: sides(one).ours),
    Column("theirs", "Stripe or bank", read=lambda one: sides(one).theirs),
    Column("subject", "Object", "id"),
    Column("sentence", "Description", read=lambda one: sentence(one), width=290),
    Column("age_days", "Days old", "count", width=75),
    Column("state", "State", read=lambda one: STATES[one["state"]], width=80),
    Column("assignee", "Assigned to", read=lambda one: actor_name(one["assignee"]) if one["assignee"] else ""),
    Column("accepted_reason", "Accepted because"),
)


def mismatch_table(found: Reconciliation, mismatches: list[Mismatch]) -> Table:
    """The mismatches of a reconciliation as a table to export."""
    return Table(
        name="reconciliation",
        title="Mismatches",
        columns=MISMATCH_COLUMNS,
        batches=of_rows(mismatches),
        count=len(mismatches),
        period=found.period,
        definitions={"Result": headline(found)},
    )


def payout_mismatch_table(found: PayoutReport) -> Table:
    """The mismatches of one payout as a table to export."""
    return Table(
        name="payout-reconciliation",
        title="Mismatches",
        columns=MISMATCH_COLUMNS,
        batches=of_rows(found.mismatches),
        count=len(found.mismatches),
        definitions={"Result": payout_headline(found)},
    )
