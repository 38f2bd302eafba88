"""Entries that a bank withdraws or corrects no longer count, in whichever order its files arrive."""

import pytest

from core.errors import Refused
from core.finance.bank import deposits, reading, wording
from tests.finance.deposits import FINANCE, NOW, TRACE, add_payout, pairs, statement, take

STRIPE = f"STRIPE TRANSFER TRACE {TRACE}"


def ofx(*entries, pending=None, end="20261130"):
    """An OFX of entries `(number, day, amount, name, further tags)`; `pending` is the list of pending ones, if any."""

    def written(tag, dated, number, day, amount, name, more=""):
        return (
            f"<{tag}><TRNTYPE>CREDIT<{dated}>{day}<TRNAMT>{amount}<FITID>{number}{more}"
            + (f"<NAME>{name}" if name else "")
            + f"</{tag}>\n"
        )

    listed = "" if pending is None else "".join(written("STMTTRNP", "DTTRAN", *each) for each in pending)
    return (
        "OFXHEADER:100\nDATA:OFXSGML\nVERSION:102\n\n<OFX><BANKMSGSRSV1><STMTTRNRS><STMTRS><CURDEF>USD\n"
        "<BANKACCTFROM><BANKID>091000019<ACCTID>000123456789<ACCTTYPE>CHECKING</BANKACCTFROM>\n"
        f"<BANKTRANLIST><DTSTART>20261120<DTEND>{end}\n"
        f"{''.join(written('STMTTRN', 'DTPOSTED', *each) for each in entries)}</BANKTRANLIST>\n"
        + ("" if pending is None else f"<BANKTRANLISTP><DTASOF>{end}\n{listed}</BANKTRANLISTP>\n")
        + "</STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>"
    ).encode()


def entries(owner):
    return owner.execute(
        "select booked_on::text, amount_minor, status from payops.bank_entries order by booked_on, id"
    ).fetchall()


FIRST = ("A1", "20261125", "1250.00", STRIPE)
REPLACES = "<CORRECTFITID>A1<CORRECTACTION>REPLACE"
DELETES = "<CORRECTFITID>A1<CORRECTACTION>DELETE"


def test_a_replaced_entry_gives_its_place_to_the_right_one(database, owner):
    add_payout(owner, "po_1", 125500, "2026-11-25", trace_id=TRACE)
    take(database, ofx(FIRST), "first.ofx")
    assert pairs(owner) == [(125000, "po_1", "trace_id")]
    corrected = ofx(FIRST, ("A2", "20261126", "1255.00", STRIPE, REPLACES))
    imported = take(database, corrected, "corrected.ofx")
    assert entries(owner) == [("2026-11-25", 125000, "withdrawn"), ("2026-11-26", 125500, "booked")]
    assert pairs(owner) == [(125500, "po_1", "trace_id")]
    assert any("1 entry of earlier statements is taken back by the bank" in line for line in wording.lines(imported))
    take(database, corrected, "again.ofx")
    take(database, ofx(FIRST), "old-again.ofx")
    assert entries(owner) == [("2026-11-25", 125000, "withdrawn"), ("2026-11-26", 125500, "booked")]
    assert [each["status"] for each in deposits.void(database)] == ["withdrawn"]


def test_what_replaces_a_deposit_of_stripes_is_stripes_whatever_its_text_says(database, owner):
    take(database, ofx(FIRST), "first.ofx")
    take(database, ofx(("A2", "20261126", "1255.00", "", REPLACES)), "corrected.ofx")
    assert entries(owner) == [("2026-11-25", 125000, "withdrawn"), ("2026-11-26", 125500, "booked")]
    assert owner.execute("select distinct reference from payops.bank_entries").fetchall() == [(TRACE,)]


def test_a_correction_and_its_original_in_one_file_are_one_deposit(database, owner):
    both = ofx(FIRST, ("A2", "20261126", "1255.00", "", REPLACES), ("L1", "20261126", "-9.00", "LANDLORD"))
    take(database, both, "both.ofx")
    assert entries(owner) == [("2026-11-26", 125500, "booked")]


@pytest.mark.parametrize("is_first", [True, False])
def test_a_deleted_entry_is_no_deposit_in_whichever_order_the_files_come(database, owner, is_first):
    add_payout(owner, "po_1", 125000, "2026-11-25", trace_id=TRACE)
    deletion = ofx(("D1", "20261127", "0.00", "", DELETES))
    files = [ofx(FIRST), deletion]
    take(database, files[0], "first.ofx") if is_first else None
    take(database, deletion, "deletion.ofx", account="USD account •••• 6789")
    take(database, files[0], "first.ofx")
    assert entries(owner) == [("2026-11-25", 125000, "withdrawn")]
    assert pairs(owner) == [] and deposits.unmatched(database) == []
    deposit = owner.execute("select id from payops.bank_entries").fetchone()[0]
    with pytest.raises(Refused, match="took this entry back"):
        deposits.match(database, FINANCE, deposit, "po_1", "it is", NOW)


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ("<CORRECTFITID>A1<CORRECTACTION>UNDO", "neither REPLACE nor DELETE"),
        ("<CORRECTFITID>A1", "neither REPLACE nor DELETE"),
        ("<CORRECTACTION>DELETE", "no CORRECTFITID"),
    ],
)
def test_a_correction_that_says_too_little_is_refused(tags, words):
    with pytest.raises(Refused, match=words):
        reading.read("bad.ofx", ofx(("A2", "20261126", "1.00", STRIPE, tags)))


def bai2(status, *amounts, day="261125"):
    lines = [f"16,165,{amount},,{ref},,STRIPE TRANSFER/" for amount, ref in amounts]
    total, records = sum(amount for amount, _ in amounts), len(lines)
    return "\n".join([
        "01,BANKUS33,CLINIC,261127,0600,1,80,,2/", f"02,CLINIC,BANKUS33,{status},{day},2359,USD,2/",
        "03,000123456789,USD/", *lines, f"49,{total},{records + 2}/", f"98,{total},1,{records + 4}/",
        f"99,{total},1,{records + 6}/",
    ]).encode()  # fmt: skip


def test_a_bai2_correction_replaces_its_day_and_a_deletion_empties_it(database, owner):
    take(database, bai2(1, (125000, "R0001"), (9900, "R0002")), "day.bai")
    take(database, bai2(1, (700, "R0003"), day="261126"), "next.bai")
    imported = take(database, bai2(3, (125500, "R0001"), (9900, "R0002")), "corrected.bai")
    assert [each.withdrawn for each in imported.statements] == [1]
    corrected = [
        ("2026-11-25", 125000, "withdrawn"),
        ("2026-11-25", 9900, "booked"),
        ("2026-11-25", 125500, "booked"),
        ("2026-11-26", 700, "booked"),
    ]
    assert entries(owner) == corrected
    take(database, bai2(1, (125000, "R0001"), (9900, "R0002")), "day.bai")
    assert entries(owner) == corrected
    take(database, bai2(2, (125500, "R0001"), (9900, "R0002")), "deleted.bai")
    assert {status for day, _, status in entries(owner) if day == "2026-11-25"} == {"withdrawn"}
    assert entries(owner)[-1] == ("2026-11-26", 700, "booked")
    with pytest.raises(Refused, match="group status '7'"):
        reading.read("bad.bai", bai2(7, (1, "R")))


def test_bai2_reversals_are_returns():
    data = bai2(1, (125000, "R0001")).replace(b"16,165", b"16,552")
    (found,) = reading.read("reversal.bai", data).statements[0].entries
    assert (found.amount.minor, found.is_return) == (-125000, True)


def test_a_pending_entry_that_the_bank_lists_no_more_is_dropped_and_counts_again_once_booked(database, owner):
    pending = ("P1", "20261128", "80.50", "STRIPE TRANSFER")
    take(database, ofx(FIRST, pending=[pending]), "monday.ofx")
    assert [each["status"] for each in deposits.unmatched(database)] == ["pending", "booked"]
    gone = take(database, ofx(FIRST, pending=[], end="20261201"), "tuesday.ofx")
    assert [each.dropped for each in gone.statements] == [1]
    assert any("no longer pending" in line for line in wording.lines(gone))
    assert entries(owner) == [("2026-11-25", 125000, "booked"), ("2026-11-28", 8050, "dropped")]
    assert [each["amount_minor"] for each in deposits.unmatched(database)] == [125000]
    booked = take(database, ofx(("P1", "20261202", "80.50", "STRIPE TRANSFER"), end="20261202"), "wednesday.ofx")
    assert [each.fate for each in booked.entries] == ["booked_now"]
    assert entries(owner)[-1] == ("2026-12-02", 8050, "booked")


def test_a_pending_entry_stays_where_a_statement_says_nothing_of_pending_ones_for_ten_days(database, owner):
    take(database, statement(("2026-11-28", "80.50", "STRIPE TRANSFER", "PDNG")))
    take(database, ofx(FIRST, end="20261208"), "ten-days.ofx")
    assert ("2026-11-28", 8050, "pending") in entries(owner)
    take(database, ofx(FIRST, end="20261209"), "eleven-days.ofx")
    assert ("2026-11-28", 8050, "dropped") in entries(owner)
