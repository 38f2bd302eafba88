"""The journal of a small month, worked by hand: debits equal credits, or nothing is exported."""

import csv
import dataclasses
import io
import zipfile
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from core.errors import Refused, Unauthorised
from core.exports import files
from core.exports.table import Stamp
from core.finance.journal import accounts, entries, forms
from core.finance.journal.accounts import Role
from core.periods import Period
from core.staff.roles import Actor
from core.staff.roles import Role as StaffRole

NEW_YORK = ZoneInfo("America/New_York")
NOVEMBER = Period(date(2026, 11, 1), date(2026, 11, 30), NEW_YORK)
FINANCE, OPS = Actor("staff:fin", StaffRole.FINANCE), Actor("staff:ops", StaffRole.OPS)
NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
STAMP = Stamp(NOW, FINANCE.name, NEW_YORK)


def moved(number, at, category, amount, fee=0, currency="usd", source=None):
    """A balance transaction; `at` is a time in UTC."""
    return {
        "id": f"txn_{number}",
        "created": f"{at}+00:00",
        "as_of": f"{at}+00:00",
        "livemode": False,
        "state_rank": 0,
        "event_id": "fetch",
        "amount_minor": amount,
        "fee_minor": fee,
        "net_minor": amount - fee,
        "currency": currency,
        "type": category,
        "reporting_category": category,
        "source_id": source,
    }


# November begins in New York at 04:00 UTC, and ends on 1 December at 05:00 UTC, after the end of daylight saving.
MONTH = [
    moved(1, "2026-11-01T03:59:59", "charge", 9900, 317),  # still October
    moved(2, "2026-11-01T04:00:00", "charge", 10000, 320),
    moved(3, "2026-11-01T12:00:00", "partial_capture_reversal", -4000),
    moved(4, "2026-11-01T13:00:00", "charge", 5000, 180, "jpy"),
    moved(5, "2026-11-10T15:00:00", "refund", -2000),
    moved(6, "2026-11-10T16:00:00", "dispute", -3000, 1500),
    moved(7, "2026-11-12T15:00:00", "dispute_reversal", 3000, -1500),
    moved(8, "2026-11-12T16:00:00", "payout", -3680, source="po_one"),
    moved(9, "2026-11-14T16:00:00", "payout_reversal", 3680, source="po_one"),
    moved(10, "2026-11-14T17:00:00", "fee", -250),
    moved(11, "2026-11-20T17:00:00", "refund_failure", 500),
    moved(12, "2026-12-01T04:59:59", "charge", 100, 33),  # still 30 November
    moved(13, "2026-12-01T05:00:00", "charge", 7000, 233),  # December
]
# (entry, account, debit, credit), as an accountant would write them down; yen have no decimals.
BY_HAND = [
    ("2026-11-01-JPY", "1050", "4820", ""),
    ("2026-11-01-JPY", "4000", "", "5000"),
    ("2026-11-01-JPY", "6100", "180", ""),
    ("2026-11-01-USD", "1050", "56.80", ""),
    ("2026-11-01-USD", "4000", "", "100.00"),
    ("2026-11-01-USD", "4000", "40.00", ""),
    ("2026-11-01-USD", "6100", "3.20", ""),
    ("2026-11-10-USD", "1050", "", "65.00"),
    ("2026-11-10-USD", "4100", "20.00", ""),
    ("2026-11-10-USD", "4200", "30.00", ""),
    ("2026-11-10-USD", "6110", "15.00", ""),
    ("2026-11-12-USD", "1000", "36.80", ""),
    ("2026-11-12-USD", "1050", "", "36.80"),
    ("2026-11-12-USD", "1050", "45.00", ""),
    ("2026-11-12-USD", "4200", "", "30.00"),
    ("2026-11-12-USD", "6110", "", "15.00"),
    ("2026-11-14-USD", "1000", "", "36.80"),
    ("2026-11-14-USD", "1050", "", "2.50"),
    ("2026-11-14-USD", "1050", "36.80", ""),
    ("2026-11-14-USD", "6100", "2.50", ""),
    ("2026-11-20-USD", "1050", "5.00", ""),
    ("2026-11-20-USD", "4100", "", "5.00"),
    ("2026-11-30-USD", "1050", "0.67", ""),
    ("2026-11-30-USD", "4000", "", "1.00"),
    ("2026-11-30-USD", "6100", "0.33", ""),
]


@pytest.fixture
def month(database, owner):
    owner.execute("update payops.business set timezone = 'America/New_York'")
    database.call("load_records", records={"balance_transactions": MONTH})
    return database


def journal(database, by="day", period=NOVEMBER):
    return entries.load(database, FINANCE, period, by, accounts.mapping(database, FINANCE))


def test_the_journal_by_day_equals_a_hand_worked_month(month):
    _, content = files.content(forms.table(journal(month), NOVEMBER), "csv", STAMP)
    found = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    assert sorted((row["Entry"], row["Account"], row["Debit"], row["Credit"]) for row in found) == BY_HAND
    assert {row["Date"] for row in found if row["Entry"] == "2026-11-30-USD"} == {"2026-11-30"}
    assert {row["Currency"] for row in found} == {"USD", "JPY"}


def test_the_month_by_payout_holds_what_each_payout_consists_of(month, owner):
    owner.execute("insert into payops.payout_contents select 'txn_' || n, 'po_one' from unnest(array[2, 3, 5, 8]) as n")
    found = journal(month, "payout")
    assert [(each.number, each.day) for each in found.entries] == [
        ("one-USD", date(2026, 11, 12)),
        ("one-R-USD", date(2026, 11, 14)),
    ]
    paid = sorted((line.account.role, line.minor) for line in found.entries[0].lines)
    assert paid == [
        (Role.BANK, 3680),
        (Role.CLEARING, -3680),
        (Role.CLEARING, 3680),
        (Role.FEES, 320),
        (Role.REFUNDS, 2000),
        (Role.SALES, -10000),
        (Role.SALES, 4000),
    ]
    assert "6 movements of these days are in no payout yet" in found.left_out
    assert "list" not in found.left_out.partition("6 movements")[0]


def test_a_payout_without_a_list_is_booked_as_one_line_and_noted(month):
    found = journal(month, "payout")
    assert [len(each.lines) for each in found.entries] == [2, 2]
    assert found.left_out.startswith("1 payout lists no transactions at Stripe")


def test_an_entry_that_does_not_balance_is_refused_with_the_difference(month, owner):
    owner.execute("update payops.balance_transactions set net_minor = net_minor + 7 where id = 'txn_5'")
    owner.execute("insert into payops.stale_balance_days (day) values ('2026-11-10')")
    with pytest.raises(Refused, match=r"Stripe 2026-11-10 in USD: debits and credits differ by \$0\.07"):
        journal(month)


@pytest.mark.parametrize("category", ["other_adjustment", "transfer", "a_new_category_of_stripes"])
def test_a_movement_without_an_account_is_refused_until_a_suspense_account_is_named(month, category):
    month.call("load_records", records={"balance_transactions": [moved(99, "2026-11-15T12:00:00", category, -4200)]})
    with pytest.raises(Refused, match=r"1 in Stripe 2026-11-15, -\$42\.00\) has no account"):
        journal(month)
    accounts.set_account(month, FINANCE, Role.SUSPENSE, "9999", "Ask an accountant", NOW)
    (entry,) = [each for each in journal(month).entries if each.day == date(2026, 11, 15)]
    assert [(line.account.code, line.minor) for line in entry.lines] == [("9999", 4200), ("1050", -4200)]


def test_every_category_of_stripe_that_a_figure_counts_has_an_account(owner):
    counted = "select payops.counted_as(c) from unnest(%s::text[]) as c"
    parts = {row[0] for row in owner.execute(counted, [list(entries.CATEGORIES)])}
    assert parts == {"charge", "refund", "dispute", "fee", "tax", "transfer"}


def test_quickbooks_gets_one_amount_a_line_american_dates_and_account_names(month):
    (content,) = forms.written(journal(month), "quickbooks", "usd")
    found = list(csv.DictReader(io.StringIO(content.decode(), newline="")))
    assert list(found[0]) == [
        "Journal No.",
        "Journal Date",
        "Account Name",
        "Description",
        "Debits",
        "Credits",
        "Currency",
    ]
    first = found[0]
    assert (first["Journal No."], first["Journal Date"], first["Account Name"]) == (
        "2026-11-01-USD",
        "11/01/2026",
        "Sales",
    )
    assert (first["Debits"], first["Credits"], first["Currency"]) == ("", "100.00", "USD")
    assert all(bool(row["Debits"]) != bool(row["Credits"]) and len(row["Journal No."]) <= 21 for row in found)


def test_xero_gets_signed_amounts_european_dates_and_account_codes(month):
    (content,) = forms.written(journal(month), "xero", "jpy", tax_rate="Tax Exempt")
    found = list(csv.reader(io.StringIO(content.decode(), newline="")))
    entry, tracking = ["Stripe 2026-11-01 JPY", "01/11/2026"], [""] * 4
    assert found == [
        [
            "*Narration", "*Date", "Description", "*AccountCode", "*TaxRate", "*Amount",
            "TrackingName1", "TrackingOption1", "TrackingName2", "TrackingOption2",
        ],
        [*entry, "Payments collected", "4000", "Tax Exempt", "-5000", *tracking],
        [*entry, "Fees: payments collected", "6100", "Tax Exempt", "180", *tracking],
        [*entry, "Balance at Stripe", "1050", "Tax Exempt", "4820", *tracking],
    ]  # fmt: skip


def test_a_form_without_lines_is_refused(month):
    with pytest.raises(Refused, match="Nothing was booked in CHF"):
        forms.written(journal(month), "xero", "chf")


def test_a_journal_longer_than_xero_takes_becomes_several_files_each_balanced(month):
    whole = [entry for entry in journal(month).entries if entry.currency == "usd"]
    repeated = [dataclasses.replace(entry, name=f"{entry.name}, {number}") for number in range(40) for entry in whole]
    files = forms.written(entries.Journal(repeated), "xero", "usd")
    lines = [list(csv.DictReader(io.StringIO(each.decode(), newline=""))) for each in files]
    assert len(files) > 1 and all(0 < len(each) <= 300 for each in lines)
    assert sum(map(len, lines)) == sum(len(entry.lines) for entry in repeated)
    for each in lines:
        assert sum(Decimal(row["*Amount"]) for row in each) == 0
    narrations = [{row["*Narration"] for row in each} for each in lines]
    assert not any(one & other for place, one in enumerate(narrations) for other in narrations[place + 1 :])
    with zipfile.ZipFile(io.BytesIO(forms.zipped(files, "journal-xero-usd"))) as archive:
        assert archive.namelist()[:2] == ["journal-xero-usd-01.csv", "journal-xero-usd-02.csv"]
        assert [archive.read(name) for name in archive.namelist()] == files
    assert len(forms.written(entries.Journal(repeated), "quickbooks", "usd")) == 1


def test_the_mapping_is_changed_by_finance_alone_and_audited(month, owner):
    accounts.set_account(month, FINANCE, Role.SALES, " 4010 ", "Telehealth  Sales", NOW)
    accounts.set_account(month, FINANCE, Role.SALES, "4010", "Telehealth Sales", NOW)
    sales = accounts.mapping(month, FINANCE)[Role.SALES]
    assert (sales.code, sales.name, sales.changed_by) == ("4010", "Telehealth Sales", "staff:fin")
    recorded = owner.execute("select action, subject, after from payops.audit_log").fetchall()
    assert recorded == [
        ("finance:journal-account:set", "journal-account:sales", {"code": "4010", "name": "Telehealth Sales"})
    ]
    for refused in (("", "Sales"), ("4000", ""), ("=1", "Sales"), ("4000", "+Sales"), ("4" * 21, "Sales")):
        with pytest.raises(Refused):
            accounts.set_account(month, FINANCE, Role.SALES, *refused, NOW)
    for forbidden in (
        lambda: accounts.set_account(month, OPS, Role.SALES, "1", "x", NOW),
        lambda: accounts.mapping(month, OPS),
        lambda: entries.load(month, OPS, NOVEMBER, "day", {}),
    ):
        with pytest.raises(Unauthorised):
            forbidden()
