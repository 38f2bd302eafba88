"""The columns of the bank tables: previewed entries, statements, deposits, and payouts that a deposit may belong to."""

from core.finance.bank.statements import FORMAT_TITLES, Format
from core.finance.bank.wording import FATES, MATCHED_BY
from core.ui.kit.rows import Column, Row


def _account(row: Row) -> str:
    return (
        f"{row['account']} •••• {row['last4']}"
        if row["last4"] and row["last4"] not in row["account"]
        else row["account"]
    )


def _waits_for(row: Row) -> str:
    if row["status"] == "pending":
        return "Waits for the bank to book it"
    same = sum(each["is_same_amount"] and each["is_open"] for each in row["candidates"])
    return (
        "Waits for a person: no open payout has this amount"
        if not same
        else f"A person: {same:,} open payouts have this amount"
    )


VOID_BECAUSE = {"withdrawn": "Taken back by the bank", "dropped": "Pending, and never booked"}
FATE = (
    Column("line", "Line", "count", width="small"),
    Column("booked_on", "Booked", "day"),
    Column("amount_minor", "Amount", "money"),
    Column("fate", "What happens", read=lambda row: FATES[row["fate"]]),
    Column("payout_id", "Payout", "id"),
    Column("matched_by", "Matched by", read=lambda row: MATCHED_BY.get(row["matched_by"], "")),
    Column("reference", "Reference", "id"),
)
UNMATCHED = (
    Column("booked_on", "Booked", "day"),
    Column("amount_minor", "Amount", "money", help="Positive: into our account. Negative: out of it."),
    Column("account", "Account", read=_account),
    Column("description", "Text"),
    Column("reference", "Reference", "id"),
    Column("status", "Waits for", read=_waits_for, width="medium"),
)
CANDIDATES = (
    Column("payout_id", "Payout", "id"),
    Column("amount_minor", "Amount", "money"),
    Column("arrival_date", "Expected at the bank", "day"),
    Column("status", "Status"),
    Column("is_open", "Deposit", read=lambda row: "None yet" if row["is_open"] else "Has one"),
    Column("trace_id", "Trace ID", "id"),
)
MATCHED = (
    Column("booked_on", "Booked", "day"),
    Column("amount_minor", "Amount", "money"),
    Column("payout_id", "Payout", "id"),
    Column("payout_minor", "Payout's amount", "money"),
    Column("days_late", "Bank days late", "count", help="After the expected arrival; the Federal Reserve's calendar."),
    Column("matched_by", "Matched by", read=lambda row: MATCHED_BY[row["matched_by"]]),
    Column("is_return", "Kind", read=lambda row: "Return" if row["is_return"] else "Deposit"),
    Column("account", "Account", read=_account),
)
VOID = (
    Column("booked_on", "Booked", "day"),
    Column("amount_minor", "Amount", "money"),
    Column("status", "Reason", read=lambda row: VOID_BECAUSE[row["status"]]),
    Column("account", "Account", read=_account),
    Column("description", "Text"),
    Column("reference", "Reference", "id"),
)
STATEMENTS = (
    Column("account", "Account", read=_account),
    Column("from_date", "From", "day"),
    Column("to_date", "To", "day"),
    Column("format", "Format", read=lambda row: FORMAT_TITLES[Format(row["format"])]),
    Column("entries_read", "Entries", "count"),
    Column("entries_kept", "New, Stripe's", "count", help="Stripe's entries that no earlier statement contained."),
    Column("closing_minor", "Closing balance", "money"),
    Column("file_name", "File"),
    Column("imported_at", "Imported", "moment"),
    Column("imported_by", "Imported by", read=lambda row: row["imported_by"].partition(":")[2]),
)
