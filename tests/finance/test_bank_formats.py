"""Each format's file, and every entry that a person reads in it."""

import re
from datetime import UTC, date
from pathlib import Path

import pytest

from core.errors import Refused
from core.finance.bank import reading
from core.finance.bank.csv_mapping import CsvMapping
from core.finance.bank.ofx import moment_of
from core.finance.bank.statements import Format

FILES = Path(__file__).parent / "bank_files"


def file_of(name, data=None, **how):
    return reading.read(name, data if data is not None else (FILES / name).read_bytes(), **how)


def entries_of(statement):
    """Each entry as a person would write it down: booked, value, minor units, status, return."""
    return [
        (
            str(entry.booked_on),
            str(entry.value_on) if entry.value_on else None,
            entry.amount.minor,
            "pending" if entry.is_pending else "booked",
            entry.is_return,
        )
        for entry in statement.entries
    ]


def outline(statement):
    opening, closing = statement.opening, statement.closing
    return (
        statement.last4,
        statement.currency,
        str(statement.from_date),
        str(statement.to_date),
        opening and opening.minor,
        closing and closing.minor,
    )


# --- CAMT.053

CAMT_ENTRIES = [
    ("2026-11-25", "2026-11-25", 125000, "booked", False),
    ("2026-11-25", "2026-11-25", -30000, "booked", False),  # 23:30 in New York stays the 25th
    ("2026-11-27", None, 9999, "booked", False),
    ("2026-11-27", None, -125000, "booked", True),
    ("2026-11-30", "2026-11-30", 50000, "pending", False),
]


def camt_in_version(version):
    """The same statement in another version: from 08 on, a status is an element of its own."""
    text = (FILES / "camt053_v02.xml").read_text().replace("053.001.02", f"053.001.{version:02}")
    if version >= 8:
        text = re.sub(r"<Sts>(\w+)</Sts>", r"<Sts><Cd>\1</Cd></Sts>", text)
    return text.encode()


@pytest.mark.parametrize("version", range(2, 14))
def test_camt_of_every_version(version):
    file = file_of("statement.xml", camt_in_version(version))
    (statement,) = file.statements
    assert file.format is Format.CAMT053
    assert outline(statement) == ("6789", "usd", "2026-11-25", "2026-11-27", 1000000, 979999)
    assert entries_of(statement) == CAMT_ENTRIES
    first = statement.entries[0]
    assert first.bank_id == "BANK-0001"
    assert first.references == ("091000015238422",)
    assert "TRANSFER ST-P7Q8R9S1T2U3 ACME CLINIC" in first.texts  # one text that the bank broke over two lines


def test_camt_divides_a_batch_and_reads_several_statements():
    euro, yen = file_of("camt053_v08.xml").statements
    assert outline(euro) == ("3000", "eur", "2026-11-26", "2026-11-26", -5000, 101050)
    assert entries_of(euro) == [
        ("2026-11-26", "2026-11-27", 4025, "booked", False),
        ("2026-11-26", "2026-11-27", 100025, "booked", False),
        ("2026-11-26", "2026-11-27", 2000, "booked", False),
    ]
    assert [entry.bank_id for entry in euro.entries] == ["BATCH-7-1", "BATCH-7-2", "BATCH-7-3"]
    assert set(euro.entries[1].references) == {"BATCH-7-2", "PO-EUR-4711AA", "RF18539007547034"}
    assert euro.entries[0].texts == ("Jörg Müller",)
    assert outline(yen) == ("0042", "jpy", "2026-11-26", "2026-11-26", None, None)
    assert entries_of(yen) == [("2026-11-26", None, 500000, "booked", False)]


def test_camt_keeps_nothing_of_others_where_a_batch_cannot_be_divided():
    text = (FILES / "camt053_v08.xml").read_bytes().replace(b'Ccy="EUR">20.00<', b'Ccy="EUR">21.00<')
    euro, _ = file_of("batch.xml", text).statements
    assert entries_of(euro) == [("2026-11-26", "2026-11-27", 106050, "booked", False)]
    (whole,) = euro.entries
    assert "RECHNUNG-88" not in whole.references and "PO-EUR-4711AA" in whole.references
    assert not any("Jörg" in text for text in whole.texts)


def test_camt_pages_are_one_statement():
    text = (FILES / "camt053_v02.xml").read_text()
    statement = re.search(r"    <Stmt>.*</Stmt>\n", text, re.DOTALL)[0]
    numbered = statement.replace("</ElctrncSeqNb>", "</ElctrncSeqNb><StmtPgntn><PgNb>1</PgNb></StmtPgntn>")
    entries = re.findall(r"      <Ntry>.*?</Ntry>\n", numbered, re.DOTALL)
    balances = re.findall(r"      <Bal>.*?</Bal>\n", numbered, re.DOTALL)
    first = numbered.replace(balances[1], "").replace("".join(entries[2:]), "")
    second = numbered.replace(balances[0], "").replace("".join(entries[:2]), "")
    (joined,) = file_of("pages.xml", text.replace(statement, first + second).encode()).statements
    assert entries_of(joined) == CAMT_ENTRIES
    with pytest.raises(Refused, match="not complete"):
        file_of("pages.xml", text.replace(statement, first + second.replace(entries[2], "")).encode())


# --- MT940


def test_mt940_pages_reversals_and_the_turn_of_the_year():
    dollars, euros = file_of("mt940.sta").statements
    assert outline(dollars) == ("6789", "usd", "2025-12-30", "2026-01-05", 100000, 72050)
    assert entries_of(dollars) == [
        ("2025-12-30", "2026-01-02", 125000, "booked", False),  # booked in December, of January's value
        ("2025-12-31", "2025-12-31", -30000, "booked", False),
        ("2026-01-05", "2026-01-05", -125000, "booked", True),  # RC: a credit taken back
        ("2026-01-05", "2026-01-05", 2050, "booked", True),  # RD: a debit given back
        ("2026-01-06", "2026-01-06", -1500, "pending", False),
    ]
    assert dollars.entries[0].references == ("091000015238422", "BANK-0001")
    assert any("TRACE 091000015238422 END" in text for text in dollars.entries[0].texts)
    assert outline(euros) == ("3000", "eur", "2026-03-01", "2026-03-02", -1000, 100025)
    assert entries_of(euros) == [("2026-03-01", "2026-02-28", 101025, "booked", False)]
    purpose = " ".join(euros.entries[0].texts)
    assert "EREF+ PO-EUR-4711AA SVWZ+ STRIPE PAYOUT" in purpose
    assert "DE89370400440532013000" not in purpose  # the other side's account


@pytest.mark.parametrize(
    ("value", "entry", "booked"),
    [("260102", "1231", "2025-12-31"), ("251231", "0102", "2026-01-02"), ("240228", "0229", "2024-02-29")],
)
def test_mt940_takes_the_year_nearest_to_the_value_date(value, entry, booked):
    text = f":20:X\n:25:1\n:28C:1\n:60F:C240101USD0,\n:61:{value}{entry}C1,NTRFNONREF\n:62F:C260105USD1,\n"
    (statement,) = file_of("y.sta", text.encode()).statements
    assert str(statement.entries[0].booked_on) == booked


# --- BAI2


def test_bai2_joins_texts_exactly_and_counts_in_each_currencys_unit():
    dollars, yen, dinars = file_of("bai2.txt").statements
    assert outline(dollars) == ("6789", "usd", "2026-11-25", "2026-11-25", 1000000, 1079999)
    assert entries_of(dollars) == [
        ("2026-11-25", "2026-11-26", 125000, "booked", False),
        ("2026-11-25", None, 9999, "booked", False),
        ("2026-11-25", None, -30000, "booked", False),
        ("2026-11-25", None, -25000, "booked", True),
    ]
    assert dollars.entries[0].texts[0] == "STRIPE TRANSFER TRACE 091000015238422 ACME, INC"
    assert dollars.entries[0].references == ("0001", "CUST-9")
    assert dollars.entries[2].texts == ("RENT",)
    assert dollars.entries[1].texts == ("ACH CREDITOLGA PINSTRIPE", "ACH CREDIT OLGA PINSTRIPE")  # or between words
    assert (yen.currency, yen.entries[0].amount.minor, str(yen.entries[0].amount)) == ("jpy", 500000, "¥500,000")
    assert (dinars.currency, str(dinars.entries[0].amount)) == ("kwd", "KD 1,234.567")


# --- OFX


def test_ofx_sgml_keeps_the_banks_own_dates():
    (statement,) = file_of("ofx1.ofx").statements
    assert outline(statement) == ("6789", "usd", "2026-11-24", "2026-11-27", None, 1204999)
    assert entries_of(statement) == [
        ("2026-11-25", None, 125000, "booked", False),  # 23:30[-5:EST]
        ("2026-11-25", None, -30000, "booked", False),
        ("2026-11-26", "2026-11-27", 109999, "booked", False),
    ]
    assert statement.entries[0].texts == ("STRIPE TRANSFER TRACE 091000015238422 & MORE",)  # after an empty <NAME>
    assert [entry.bank_id for entry in statement.entries] == ["BANK-0001", "BANK-0002", "BANK-0003"]


def test_ofx_xml_has_pending_entries_and_other_currencies():
    dollars, dinars = file_of("ofx2.qfx").statements
    assert outline(dollars) == ("6789", "usd", "2026-11-26", "2026-11-27", None, 1302999)
    assert entries_of(dollars) == [
        ("2026-11-27", None, 98000, "booked", False),
        ("2026-11-30", None, 50000, "pending", False),
    ]
    assert dollars.entries[0].texts == ("STRIPE TRANSFER",)
    assert entries_of(dinars) == [("2026-11-26", None, -1234, "booked", False)]


@pytest.mark.parametrize(
    ("written", "utc"),
    [
        ("20261127233000[-5:EST]", "2026-11-28T04:30:00"),
        ("20261127233000.000[-5]", "2026-11-28T04:30:00"),
        ("20261127120000[+5.30:IST]", "2026-11-27T06:30:00"),
        ("20261127120000[5.5:IST]", "2026-11-27T06:30:00"),
        ("20261127120000[-3.30:NST]", "2026-11-27T15:30:00"),
        ("20261127120000[5:45]", "2026-11-27T06:15:00"),
        ("20261127233000[-0500:EST]", "2026-11-28T04:30:00"),
        ("20261127120000[+0530]", "2026-11-27T06:30:00"),
        ("202611271200", "2026-11-27T12:00:00"),
        ("20261127", "2026-11-27T00:00:00"),
    ],
)
def test_ofx_times_carry_their_offset_and_stay_on_the_banks_date(written, utc):
    moment = moment_of(written, 1, "DTPOSTED")
    assert moment.date() == date(2026, 11, 27)
    assert moment.astimezone(UTC).isoformat()[:19] == utc


# --- CSV

SIGNED = CsvMapping(
    date_column="Posting Date", date_format="MM/DD/YYYY", text_columns=("Description",), amount_column="Amount",
    status_column="Status", id_column="Transaction ID",
)  # fmt: skip
TWO_COLUMNS = CsvMapping(
    date_column="Buchungstag", date_format="DD.MM.YYYY", text_columns=("Verwendungszweck",), delimiter=";", decimal=",",
    debit_column="Soll", credit_column="Haben", value_column="Valuta", currency_column="Währung",
)  # fmt: skip


def test_csv_with_a_signed_amount():
    (statement,) = file_of("signed.csv", mapping=SIGNED, currency="usd").statements
    assert entries_of(statement) == [
        ("2026-11-25", None, 125000, "booked", False),
        ("2026-11-25", None, -30000, "booked", False),
        ("2026-11-27", None, 9999, "booked", False),
        ("2026-11-30", None, 50000, "pending", False),
    ]
    assert [entry.line for entry in statement.entries] == [3, 4, 5, 6]
    assert statement.entries[0].texts == ("STRIPE TRANSFER, TRACE 091000015238422",)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_csv_in_the_encodings_that_spreadsheets_save(encoding, line_end):
    text = (FILES / "two_columns.csv").read_text(encoding="utf-8").replace("\n", line_end)
    (statement,) = file_of("t.csv", text.encode(encoding), mapping=TWO_COLUMNS, currency="eur").statements
    assert entries_of(statement) == [
        ("2026-11-26", "2026-11-27", 100025, "booked", False),
        ("2026-11-27", "2026-11-27", -120000, "booked", False),
        ("2026-11-28", None, -100025, "booked", False),
    ]
    assert statement.entries[1].texts == ("Miete für November",)


@pytest.mark.parametrize(("name", "mapping"), [("signed.csv", SIGNED), ("two_columns.csv", TWO_COLUMNS)])
def test_unambiguous_csv_headings_are_proposed(name, mapping):
    assert reading.csv_layout(name, (FILES / name).read_bytes()).proposed == mapping


@pytest.mark.parametrize(
    "rows",
    [
        "03/04/2026,STRIPE,1.00\n05/06/2026,STRIPE,2.00\n",  # March or April
        '13/04/2026,STRIPE,"1,234"\n',  # a thousand, or one and a bit
    ],
)
def test_ambiguous_csv_columns_are_left_to_the_user(rows):
    layout = reading.csv_layout("x.csv", f"Date,Description,Amount\n{rows}".encode())
    assert layout.proposed is None
    assert layout.header == ("Date", "Description", "Amount")


@pytest.mark.parametrize(
    ("written", "decimal", "minor"),
    [
        ("1,234.56", ".", 123456), ("-1,234.56", ".", -123456), ("$-5", ".", -500), ("-$5.10", ".", -510),
        ("(12.34)", ".", -1234), ("($12.34)", ".", -1234), ("12.34-", ".", -1234), ("−12.34", ".", -1234),
        ("12.34 DR", ".", -1234), ("12.34 CR", ".", 1234), ("+7", ".", 700), ("USD 7.5", ".", 750),
        ("1.234,56", ",", 123456), ("1 234,56", ",", 123456), ("1\u202f234,56 €", ",", 123456), ("-0,01 EUR", ",", -1),
        ("1'234.50", ".", 123450),
    ],
)  # fmt: skip
def test_csv_amounts_as_banks_write_them(written, decimal, minor):
    delimiter = "|"
    mapping = CsvMapping("Date", "YYYY-MM-DD", ("Text",), delimiter, decimal, amount_column="Amount")
    text = f"Date|Text|Amount\n2026-11-27|STRIPE|{written}\n"
    (statement,) = file_of("a.csv", text.encode(), mapping=mapping, currency="usd").statements
    assert statement.entries[0].amount.minor == minor


@pytest.mark.parametrize(
    ("kind", "day", "first"),
    [("OPBD", "2026-11-25", "2026-11-25"), ("PRCD", "2026-11-24", "2026-11-25"), ("PRCD", "2026-11-27", "2026-11-27")],
)
def test_a_statement_covers_its_first_day_though_nothing_was_booked_on_it(kind, day, first):
    text = (FILES / "camt053_v02.xml").read_text()
    entries = re.findall(r"      <Ntry>.*?</Ntry>\n", text, re.DOTALL)
    for entry in entries[:2]:
        text = text.replace(entry, "")
    text = text.replace("<Cd>PRCD</Cd>", f"<Cd>{kind}</Cd>").replace("<Dt>2026-11-24</Dt>", f"<Dt>{day}</Dt>")
    text = text.replace(">9799.99<", ">8849.99<")
    (statement,) = file_of("quiet.xml", text.encode()).statements
    assert (str(statement.from_date), str(statement.to_date)) == (first, "2026-11-27")


def test_csv_a_debit_counts_down_either_way_and_a_credit_with_a_minus_was_taken_back():
    mapping = CsvMapping("Date", "YYYY-MM-DD", ("Text",), debit_column="Debit", credit_column="Credit")
    cells = ["-5.00,", "6.00,", "(7.00),", "0.00,-9.00", ",(8.00)", ",4.00"]
    text = "Date,Text,Debit,Credit\n" + "".join(f"2026-11-27,STRIPE,{each}\n" for each in cells)
    (statement,) = file_of("a.csv", text.encode(), mapping=mapping, currency="usd").statements
    assert [entry.amount.minor for entry in statement.entries] == [-500, -600, -700, -900, -800, 400]


def test_csv_rows_that_only_tell_a_balance_are_passed_over():
    """As Bank of America writes it: a summary, an empty line, the headings, and the balance it begins with."""
    text = (
        'Description,,Summary Amt.\nBeginning balance as of 11/01/2026,,"10,000.00"\nTotal credits,,"1,250.00"\n\n'
        'Date,Description,Amount,Running Bal.\n11/01/2026,Beginning balance as of 11/01/2026,,"10,000.00"\n'
        '11/13/2026,STRIPE DES:TRANSFER ID:ST-P7Q8,"1,250.00","11,250.00"\n11/16/2026,RENT,-300.00,"10,950.00"\n'
    )
    mapping = reading.csv_layout("stmt.csv", text.encode()).proposed
    assert mapping is not None and mapping.amount_column == "Amount"
    (statement,) = file_of("stmt.csv", text.encode(), mapping=mapping, currency="usd").statements
    assert [(entry.line, entry.amount.minor) for entry in statement.entries] == [(7, 125000), (8, -30000)]
