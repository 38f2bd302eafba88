"""Finance's month end: the bank's statement, what does not match, and the closed month as a workbook."""

import io
from datetime import datetime, timedelta

import openpyxl
import psycopg
import pytest
from playwright.sync_api import expect
from psycopg import sql

from core.db import embedded
from core.periods import business_day
from tests.browser.conftest import downloaded
from tests.finance.deposits import statement


def add(owner, at, table, **columns):
    """One mirrored object as it was at this moment."""
    known = {"livemode": False, "created": at, "as_of": at, "state_rank": 1, "event_id": "evt_journey"}
    row = known | columns
    names = sql.SQL(", ").join(map(sql.Identifier, row))
    values = sql.SQL(", ").join(map(sql.Placeholder, row))
    into = sql.Identifier("payops", table)
    owner.execute(sql.SQL("insert into {} ({}) values ({})").format(into, names, values), row)


@pytest.fixture
def last_month(console):
    """A payment of $100.00 of last month, paid out less $3.20 of fees; its first day, and when it arrived."""
    zone, now = console.services.zone, console.services.clock()
    first = (business_day(now, zone).replace(day=1) - timedelta(days=1)).replace(day=1)
    at, arrives = datetime(first.year, first.month, 6, 17, tzinfo=zone), first.replace(day=9)
    both = {"amount_minor": 10_000, "currency": "usd", "status": "succeeded"}
    moved = {"currency": "usd", "available_on": arrives}
    with psycopg.connect(
        embedded.ensure_running(console.services.settings.data_dir).owner_conninfo, autocommit=True
    ) as owner:
        add(owner, at, "payment_intents", id="pi_journey", amount_received_minor=10_000, **both)
        add(
            owner,
            at,
            "charges",
            id="ch_journey",
            payment_intent_id="pi_journey",
            amount_captured_minor=10_000,
            captured=True,
            balance_transaction_id="txn_journey",
            **both,
        )
        for named, source, kind, amounts in (
            ("txn_journey", "ch_journey", "charge", (10_000, 320, 9_680)),
            ("txn_journey_out", "po_journey", "payout", (-9_680, 0, -9_680)),
        ):
            parts = dict(zip(("amount_minor", "fee_minor", "net_minor"), amounts, strict=True))
            kinds = {"type": kind, "reporting_category": kind}
            add(owner, at, "balance_transactions", id=named, source_id=source, **parts, **kinds, **moved)
        add(
            owner,
            at,
            "payouts",
            id="po_journey",
            amount_minor=9_680,
            currency="usd",
            status="paid",
            arrival_date=arrives,
            automatic=True,
            reconciliation_status="completed",
            balance_transaction_id="txn_journey_out",
            trace_id="091000015238422",
            trace_id_status="supported",
            method="standard",
        )
        owner.execute("insert into payops.payout_contents values ('txn_journey', 'po_journey')")
        console.services.db.call("refresh_reconciliation", now=now)
        yield first, arrives
        for table in ("charges", "payment_intents", "balance_transactions", "payouts"):
            mirror = sql.Identifier("payops", table)
            owner.execute(sql.SQL("delete from {} where event_id = 'evt_journey'").format(mirror))


def reconciled(console):
    console.services.db.call("refresh_reconciliation", now=console.services.clock())


@pytest.mark.timeout(240)
def test_finance_imports_a_statement_accepts_what_is_short_and_closes_the_month(console, last_month, page, tmp_path):
    first, arrives = last_month
    name = f"{first:%B %Y}"
    console.open(page, "finance", f"/reconciliation?month={first:%B+%Y}")
    expect(page.get_by_role("heading", name="Reconciliation", exact=True)).to_be_visible()
    file = tmp_path / "statement.xml"
    file.write_bytes(statement((str(arrives), "95.80", "STRIPE PAYOUT 091000015238422")))
    page.get_by_role("tab", name="Bank").click()
    page.get_by_role("button", name="Import a bank statement").click()
    dialog = page.get_by_role("dialog")
    dialog.locator("input[type=file]").set_input_files(file)
    dialog.get_by_role("button", name="Import", exact=True).click()
    expect(dialog).to_have_count(0)
    reconciled(console)
    key = console.services.db.call(
        "list_mismatches",
        since=first,
        until=(first + timedelta(31)).replace(day=1) - timedelta(1),
        states=["open"],
        now=console.services.clock(),
        currency="usd",
    )[0]
    assert (key["class"], key["difference_minor"]) == ("deposit_short", 100)
    page.goto(f"{console.base}/reconciliation?month={first:%B+%Y}&mismatch={key['key']}")
    expect(page.get_by_text(f"$1.00 of {name} is not explained: 1 mismatch.")).to_be_visible()
    page.get_by_role("button", name="Accept", exact=True).click()
    dialog.get_by_role("textbox").fill("The bank keeps $1.00 of each deposit")
    dialog.get_by_role("button", name="Accept").click()
    expect(dialog).to_have_count(0)
    reconciled(console)
    page.goto(f"{console.base}/reconciliation?month={first:%B+%Y}&closing={first}")
    page.get_by_role("button", name=f"Close {name}").click()
    expect(page.get_by_text(f"{name} is closed")).to_be_visible()
    page.get_by_role("tab", name="Journal").click()
    expect(page.get_by_role("button", name="Form for Xero")).to_be_visible()
    journal = page.get_by_role("button", name="XLSX")
    content = downloaded(page, journal.last).path().read_bytes()
    book = openpyxl.load_workbook(io.BytesIO(content))
    rows = list(book.worksheets[0].iter_rows(values_only=True))
    debit, credit = rows[0].index("Debit"), rows[0].index("Credit")
    total = next(row for row in reversed(rows) if row[debit])
    assert total[debit] == total[credit] == 196.8  # the payment less fees, and the payout
    assert isinstance(rows[1][rows[0].index("Date")], datetime)
    assert "About" in book.sheetnames[-1]
