"""A statement is imported once, whole, and holds Stripe's entries alone."""

import re
import threading

import pytest

from core.errors import Refused, Unauthorised
from core.finance.bank import wording
from core.finance.bank.imports import import_file
from core.staff.roles import Actor, Role
from tests.finance.deposits import FINANCE, NOW, TRACE, add_payout, pairs, statement, stored, take
from tests.finance.test_bank_formats import FILES, SIGNED

MONDAY = ("2026-11-30", "1250.00", f"STRIPE TRANSFER TRACE {TRACE}")
TUESDAY = ("2026-12-01", "80.50", "STRIPE TRANSFER")
RENT = ("2026-12-01", "-300.00", "RENT DECEMBER MR LANDLORD")


def counts(owner):
    tables = ("bank_accounts", "bank_statements", "bank_entries", "payout_deposits", "audit_log")
    return [owner.execute(f"select count(*) from payops.{table}").fetchone()[0] for table in tables]


def test_only_stripes_entries_are_stored(database, owner):
    imported = take(database, statement(MONDAY, RENT, TUESDAY, ("2026-12-01", "5.00", "OLGA PINSTRIPE REF 99887766")))
    assert stored(owner) == [
        ("2026-11-30", 125000, "booked", TRACE, "STRIPE TRANSFER TRACE", False),
        ("2026-12-01", 8050, "booked", None, "STRIPE TRANSFER", False),
    ]
    assert [(each.others, len(each.entries)) for each in imported.statements] == [(2, 2)]
    everything = str(
        [owner.execute(f"select * from payops.{table}").fetchall() for table in ("bank_statements", "audit_log")]
    )
    for private in ("OLGA", "LANDLORD", "RENT", "000123456789", "99887766"):
        assert private not in everything
    assert owner.execute("select name, last4, currency from payops.bank_accounts").fetchall() == [
        ("USD account •••• 6789", "6789", "usd")
    ]


def test_an_iban_or_account_number_in_a_text_is_no_reference(database, owner):
    text = "STRIPE PAYOUT TO DE89370400440532013000 OF ACCT 000123456789 REF PO-EUR-4711AA"
    take(database, statement(("2026-11-30", "1.00", text)))
    assert stored(owner)[0][3] == "PO-EUR-4711AA"


def test_the_same_file_twice_adds_nothing(database, owner):
    add_payout(owner, "po_1", 125000, "2026-11-30", trace_id=TRACE)
    data = statement(MONDAY, RENT, TUESDAY)
    take(database, data)
    before = counts(owner)
    again = take(database, data, name="again.xml")
    assert counts(owner) == before
    assert again.is_nothing_new and {entry.fate for entry in again.entries} == {"known"}
    assert list(wording.lines(again))[-1] == "All of it was imported before; nothing was added."


def test_an_overlapping_file_adds_only_what_is_new(database, owner):
    wednesday = ("2026-12-02", "7.00", "STRIPE TRANSFER")
    take(database, statement(MONDAY, TUESDAY))
    overlapping = take(database, statement(TUESDAY, wednesday, number="2"))
    assert [entry.fate for entry in overlapping.entries] == ["known", "new"]
    assert [row[1] for row in stored(owner)] == [125000, 8050, 700]
    take(database, statement(MONDAY, TUESDAY, wednesday, number="3"))
    assert len(stored(owner)) == 3


def test_equal_entries_of_one_day_are_all_kept_and_none_of_them_twice(database, owner):
    twice = [TUESDAY, TUESDAY]
    take(database, statement(*twice))
    assert len(stored(owner)) == 2
    take(database, statement(*twice, MONDAY, number="2"))
    assert len(stored(owner)) == 3
    take(database, statement(*twice, TUESDAY, number="3"))
    assert len(stored(owner)) == 4


def test_the_same_days_in_another_format_add_nothing(database, owner):
    for name in ("ofx1.ofx", "camt053_v02.xml", "bai2.txt"):
        data = (FILES / name).read_bytes()
        if name == "bai2.txt":  # its other accounts are not known yet, and hold something of Stripe's
            assert {each.target.is_new for each in take(database, data, name).statements} == {False, True}
        else:
            take(database, data, name)
    take(database, (FILES / "signed.csv").read_bytes(), "signed.csv", account="USD account •••• 6789")
    dollars = owner.execute(
        "select booked_on::text, amount_minor, status from payops.bank_entries where currency = 'usd' order by 1, 2"
    ).fetchall()
    assert dollars == [
        ("2026-11-25", -25000, "booked"),
        ("2026-11-25", 125000, "booked"),
        ("2026-11-27", -125000, "booked"),
        ("2026-11-30", 50000, "pending"),
    ]


def test_a_pending_entry_is_booked_once(database, owner):
    add_payout(owner, "po_1", 8050, "2026-12-01")
    pending = ("2026-11-30", "80.50", "STRIPE TRANSFER", "PDNG")
    assert [entry.fate for entry in take(database, statement(pending)).entries] == ["new_pending"]
    assert pairs(owner) == []  # a pending entry is no deposit yet
    booked = take(database, statement(TUESDAY, number="2"))
    assert [entry.fate for entry in booked.entries] == ["booked_now"]
    assert stored(owner) == [("2026-12-01", 8050, "booked", None, "STRIPE TRANSFER", False)]
    assert pairs(owner) == [(8050, "po_1", "amount")]
    assert [entry.fate for entry in take(database, statement(pending, number="3")).entries] == ["known"]
    assert len(stored(owner)) == 1


def test_a_dry_run_reports_the_same_and_writes_nothing(database, owner):
    add_payout(owner, "po_1", 125000, "2026-11-30", trace_id=TRACE)
    before = counts(owner)
    tried = take(database, statement(MONDAY, TUESDAY, RENT), dry_run=True)
    assert counts(owner) == before
    done = take(database, statement(MONDAY, TUESDAY, RENT))
    assert tried.entries == done.entries
    assert [(entry.payout_id, entry.matched_by) for entry in done.entries] == [("po_1", "trace_id"), (None, None)]
    assert "This was a dry run; nothing was written." in list(wording.lines(tried))


def test_nothing_is_imported_of_a_file_with_one_bad_statement(database, owner):
    before = counts(owner)
    other = statement(MONDAY, account="999000111").replace(b"S1", b"S2")
    both = statement(MONDAY).replace(
        b"</Stmt></BkToCstmrStmt>", b"</Stmt>" + re.search(b"<Stmt>.*</Stmt>", other, re.S)[0]
    )
    both = (
        both.replace(b"</Document>", b"</BkToCstmrStmt></Document>")
        .replace(b"1250.00", b"12SO.00", 2)
        .replace(b"12SO.00", b"1250.00", 1)
    )
    with pytest.raises(Refused, match="is not an amount"):
        take(database, both)
    assert counts(owner) == before


def test_another_accounts_statement_is_refused_by_its_last_four(database, owner):
    take(database, statement(MONDAY), account="Operating")
    before = counts(owner)
    with pytest.raises(Refused) as refused:
        take(database, statement(MONDAY, account="000999888777"), account="Operating")
    assert "of the account •••• 8777, but Operating is •••• 6789" in refused.value.detail
    with pytest.raises(Refused, match="•••• 8777 in USD that is not known"):
        take(database, statement(MONDAY, account="000999888777"))
    with pytest.raises(Refused, match="in EUR, but Operating is in USD"):
        take(database, statement(MONDAY, currency="EUR"), account="Operating")
    assert counts(owner) == before
    assert "999888777" not in refused.value.detail


def test_an_unknown_account_without_stripes_entries_is_left_out(database, owner):
    imported = take(database, statement(RENT))
    assert imported.statements[0].target is None
    assert counts(owner) == [0, 0, 0, 0, 0]
    assert "none of them Stripe's. Left out." in "\n".join(wording.lines(imported))


def test_a_csvs_columns_are_kept_for_the_account(database, owner):
    data = (FILES / "signed.csv").read_bytes()
    with pytest.raises(Refused, match="does not name its account"):
        take(database, data, "signed.csv")
    take(database, data, "signed.csv", account="Operating")
    (kept,) = owner.execute("select csv_mapping from payops.bank_accounts").fetchone()
    assert kept["amount_column"] == SIGNED.amount_column and kept["date_format"] == SIGNED.date_format
    unclear = (
        b"Posting Date,Description,Amount,Type,Balance,Transaction ID,Status\n12/04/2026,STRIPE TRANSFER,9.00,,,B-9,\n"
    )
    with pytest.raises(Refused, match="leave open which date format"):
        take(database, unclear, "december.csv", account="Savings")
    take(database, unclear, "december.csv", account="Operating")
    assert stored(owner)[-1][:2] == ("2026-12-04", 900)


def test_only_finance_and_admin_import(database, owner):
    for role in (Role.OPS, Role.SUPPORT):
        with pytest.raises(Unauthorised):
            import_file(database, Actor("staff:x", role), "s.xml", statement(MONDAY), NOW)
    assert import_file(database, Actor("staff:a", Role.ADMIN), "s.xml", statement(MONDAY), NOW).count("new") == 1


def test_an_import_is_audited_in_its_own_transaction(database, owner):
    take(database, statement(MONDAY, RENT))
    actor, action, after = owner.execute("select actor, action, after from payops.audit_log").fetchone()
    assert (actor, action) == (FINANCE.name, "finance:bank-statement:imported")
    assert after == {
        "file": "statement.xml",
        "format": "camt053",
        "statements": 1,
        "entries_added": 1,
        "entries_withdrawn": 0,
        "entries_dropped": 0,
    }


def test_two_imports_at_once_store_each_entry_once(database, owner):
    data = statement(*[(f"2026-11-{day:02}", f"{day}.00", "STRIPE TRANSFER") for day in range(1, 29)])
    threads = [threading.Thread(target=take, args=(database, data, f"{n}.xml")) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(stored(owner)) == 28


def test_an_entry_with_no_more_than_a_payouts_amount_is_kept_without_its_text(database, owner):
    add_payout(owner, "po_1", 4242, "2026-12-01")
    take(
        database, statement(("2026-12-01", "42.42", "INCOMING WIRE 12345678 SOMEBODY"), ("2026-12-01", "43.00", "ELSE"))
    )
    assert stored(owner) == [("2026-12-01", 4242, "booked", None, None, False)]
    assert pairs(owner) == []  # a person decides
    take(database, statement(("2026-12-01", "42.42", "STRIPE TRANSFER"), number="2"))
    assert len(stored(owner)) == 1 and pairs(owner) == [(4242, "po_1", "amount")]


def test_a_trace_id_that_comes_later_matches_what_was_imported_before(database, owner):
    from core.finance.bank.deposits import match_what_is_clear

    take(database, statement(("2026-11-30", "1250.00", f"STRIPE TRANSFER {TRACE}")))
    add_payout(owner, "po_1", 125100, "2026-11-30")
    assert match_what_is_clear(database, FINANCE, NOW) == 0
    owner.execute("update payops.payouts set trace_id = %s, trace_id_status = 'supported'", (TRACE,))
    assert match_what_is_clear(database, FINANCE, NOW) == 1
    assert pairs(owner) == [(125000, "po_1", "trace_id")]


def test_a_known_account_under_another_name_is_refused_before_deposits_are_there_twice(database, owner):
    other = TRACE[::-1]
    add_payout(owner, "po_1", 125000, "2026-11-30", trace_id=TRACE)
    add_payout(owner, "po_2", 8050, "2026-12-01", trace_id=other)
    take(database, statement(MONDAY, ("2026-12-01", "80.50", f"STRIPE TRANSFER TRACE {other}")))
    before = counts(owner)
    rows = f"Date,Description,Amount\n2026-11-30,STRIPE {TRACE},1250.00\n2026-12-01,STRIPE {other},80.50\n".encode()
    with pytest.raises(Refused, match=r"m.csv, line 1: .* Name that account \(known: USD account •••• 6789\)"):
        import_file(database, FINANCE, "m.csv", rows, NOW, account="Main")
    assert counts(owner) == before
    again = import_file(database, FINANCE, "m.csv", rows, NOW, account="usd account")  # without its last four
    assert {entry.fate for entry in again.entries} == {"known"}


def test_bai2_that_breaks_between_words_is_recognised_and_keeps_no_halves_of_numbers(database, owner):
    add_payout(owner, "po_1", 125000, "2026-11-25", trace_id=TRACE)
    for name, first, second in (
        ("words.bai", "ACH CREDIT", f"STRIPE TRACE {TRACE}"),
        ("number.bai", f"STRIPE TRACE {TRACE[:9]}", TRACE[9:]),
    ):
        data = (
            "01,B,C,261127,0600,1,,,2/\n02,C,B,1,261125,,USD,2/\n03,000123456789,USD/\n"
            f"16,165,125000,Z,,,{first}\n88,{second}\n49,125000,4/\n98,125000,1,6/\n99,125000,1,8/\n"
        )
        (entry,) = import_file(database, FINANCE, name, data.encode(), NOW).entries
        assert (entry.payout_id, entry.matched_by, entry.reference) == ("po_1", "trace_id", TRACE), name
    assert len(stored(owner)) == 1


def test_the_days_of_a_bai2_file_are_told_as_one_account(database, owner):
    add_payout(owner, "po_1", 125000, "2026-11-24", trace_id=TRACE)
    add_payout(owner, "po_2", 70000, "2026-11-25", trace_id="091000015238777")
    days = "".join(
        f"02,CLINIC,BANKUS33,1,{day},2359,USD,2/\n03,000123456789,USD,,,,/\n"
        f"16,165,{amount},,{trace},,STRIPE TRANSFER/\n49,{amount},3/\n98,{amount},1,5/\n"
        for day, amount, trace in (("261124", 125000, TRACE), ("261125", 70000, "091000015238777"))
    )
    data = f"01,BANKUS33,CLINIC,261126,0600,1,80,,2/\n{days}99,195000,2,12/\n".encode()
    told = list(wording.lines(import_file(database, FINANCE, "november.bai", data, NOW, dry_run=True)))
    assert told == [
        "november.bai: BAI2, 2 statements.",
        "  USD account •••• 6789 (USD, a new account), 24 Nov 2026 to 25 Nov 2026:",
        "    2 entries read, all Stripe's.",
        "    2 new.",
        "    Matched to payouts: 2 by trace ID.",
        "This was a dry run; nothing was written.",
    ]
