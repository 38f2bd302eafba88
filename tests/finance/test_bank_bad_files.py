"""A file that is wrong is refused with one sentence that names the file, the line and the reason."""

import random
import re

import pytest

from core.errors import Refused
from core.finance.bank import reading
from tests.finance.test_bank_formats import FILES, SIGNED, TWO_COLUMNS, camt_in_version

FORMATS = ["camt053_v02.xml", "camt053_v08.xml", "mt940.sta", "bai2.txt", "ofx1.ofx", "ofx2.qfx"]


def bytes_of(name):
    return (FILES / name).read_bytes()


def changed(name, before, after, count=1):
    data = bytes_of(name)
    assert before.encode() in data
    return data.replace(before.encode(), after.encode(), count)


def refusal(name, data, **how):
    with pytest.raises(Refused) as refused:
        reading.read(name, data, **how)
    sentence = refused.value.detail
    assert re.match(rf"{re.escape(name)}, line [\d,]+: .+[^.?][.?] Nothing was imported\.$", sentence), sentence
    assert "\n" not in sentence and "Traceback" not in sentence
    return refused.value


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"\n\n  \n", "empty"),
        (b"%PDF-1.7\n...", "a PDF"),
        (b"PK\x03\x04\x14\x00", "an Excel workbook or a ZIP archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook"),
        (b"\x1f\x8b\x08\x00", "a compressed file"),
        (b"\x89PNG\r\n\x1a\n", "a picture"),
        (b"<!DOCTYPE html><html><body>Sign in</body></html>", "a web page"),
        (b"<html>", "a web page"),
        (bytes(range(256)) * 4, "its encoding is not known"),
        (bytes(range(127)) * 4, "not text"),
        (bytes_of("mt940.sta").decode().encode("cp500"), "EBCDIC"),
        ("日付,金額,摘要\n".encode("cp932") * 9, "export it as UTF-8"),
        (b"<?xml version='1.0'?><Invoice/>", "not CAMT.053: its root element is Invoice"),
        (b"<?xml version='1.0'?><a><b></a>", "the XML breaks off or is damaged"),
        (camt_in_version(1), "version 01 of CAMT.053 is not supported"),
        (camt_in_version(14), "version 14 of CAMT.053 is not supported"),
        (camt_in_version(8).replace(b"camt.053", b"camt.052"), "an intraday report (CAMT.052)"),
        (camt_in_version(8).replace(b"camt.053", b"camt.054"), "a notification of single entries (CAMT.054)"),
        (b"<Document xmlns='urn:iso:std:iso:20022:tech:xsd:pain.001.001.09'><x/></Document>", "pain.001"),
        (b"OFXHEADER:100\n\n<OFX><SIGNONMSGSRSV1></SIGNONMSGSRSV1></OFX>", "no bank statement (STMTRS)"),
    ],
)
def test_a_file_of_another_kind_is_named(data, words):
    how = {"mapping": SIGNED, "currency": "usd"}
    assert words in refusal("upload.bin", data, **how).detail


BOMB = "<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'>" + "".join(
    f"<!ENTITY {new} '{f'&{old};' * 10}'>" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    "declared",
    [
        BOMB + "]>",
        "<!DOCTYPE x [<!ENTITY i SYSTEM 'file:///etc/passwd'>]>",
        "<!DOCTYPE x SYSTEM 'http://127.0.0.1:9/x.dtd'>",
        "<!DOCTYPE x [<!ENTITY % p SYSTEM 'file:///etc/passwd'> %p;]>",
    ],
)
@pytest.mark.parametrize("name", ["camt053_v02.xml", "ofx2.qfx", "ofx1.ofx"])
def test_entities_and_document_types_are_refused(declared, name):
    head, tag, rest = bytes_of(name).partition(b"<OFX>" if "ofx" in name else b"<Document")
    data = head + declared.encode() + tag + rest.replace(b"RENT", b"&i;").replace(b"LANDLORD", b"&i;")
    detail = refusal(name, data).detail
    assert "root:" not in detail and re.search("declares|damaged", detail)


def complete_cuts(name, data):
    """Where a cut leaves whole statements, or takes only what tells nothing more."""
    if name == "mt940.sta":
        ends = [place.end() for place in re.finditer(rb"-\}\n", data)]
        return [range(end - 1, end + 1) for end in ends[1:]]
    return [range(len(data.rstrip()) - (name == "bai2.txt"), len(data) + 1)]


@pytest.mark.parametrize("name", FORMATS)
def test_a_truncated_file_is_refused(name):
    data = bytes_of(name)
    whole = complete_cuts(name, data)
    for cut in range(0, len(data), 5):
        if not any(cut in span for span in whole):
            refusal(name, data[:cut], mapping=SIGNED, currency="usd")


def test_a_csv_truncated_inside_a_row_is_refused():
    data = bytes_of("signed.csv")
    start = data.index(b'11/25/2026,"RENT')
    for cut in range(start + 1, data.index(b",BANK-0002")):
        refusal("signed.csv", data[:cut], mapping=SIGNED, currency="usd")


@pytest.mark.parametrize(
    ("name", "before", "after", "line", "words"),
    [
        ("camt053_v02.xml", ">300.00<", ">30O.00<", 33, "the entry's amount '30O.00' is not an amount"),
        ("camt053_v02.xml", ">300.00<", ">-300.00<", 33, "is not an amount"),
        ("camt053_v02.xml", ">300.00<", ">300.001<", 33, "more decimals than USD has"),
        ("camt053_v02.xml", '"USD">300.00', '"XXQ">300.00', 33, "'XXQ' is not a known currency"),
        ("camt053_v02.xml", ">300.00<", ">301.00<", 5, "not to the closing balance"),
        ("camt053_v02.xml", "<CdtDbtInd>DBIT</CdtDbtInd>", "<CdtDbtInd>D</CdtDbtInd>", 33, "neither CRDT nor DBIT"),
        ("camt053_v02.xml", "2026-11-25T23:30", "2026-02-30T23:30", 36, "2026-02-30 is not a date"),
        ("camt053_v08.xml", 'encoding="ISO-8859-1"', 'encoding="UTF-8"', 29, "do not fit its encoding"),
        ("mt940.sta", "C1250,00NTRF", "C12x0,00NTRF", 6, "the entry :61: cannot be read"),
        ("mt940.sta", "D300,NMSC", "D30,NMSC", 2, "not to the closing balance"),
        ("mt940.sta", ":60M:C251231USD1950,00", ":60M:C251231USD1950,01", 15, "not to the closing balance"),
        ("mt940.sta", ":62F:C260105USD720,50", ":62F:C260105EUR720,50", 25, "another currency"),
        ("bai2.txt", "16,142,9999,", "16,142,9998,", 13, "control total"),
        ("bai2.txt", "16,142,9999,", "16,142,99.9,", 7, "'99.9' is not a whole number"),
        ("bai2.txt", "49,2459997,11/", "49,2459997,12/", 13, "number of records"),
        ("bai2.txt", "98,2459997,1,13/", "98,2459997,2,13/", 14, "number of accounts"),
        ("bai2.txt", "16,557,", "16,5x7,", 11, "type code"),
        ("bai2.txt", "02,CLINIC,BANKUS33,1,261125", "02,CLINIC,BANKUS33,1,261325", 2, "2026-13-25 is not a date"),
        ("bai2.txt", "JPY,2/", "JPX,2/", 15, "not a known currency"),
        ("ofx1.ofx", "-300,00", "-3OO,00", 31, "'-3OO,00' is not an amount"),
        ("ofx1.ofx", "<DTPOSTED>20261125\n", "<DTPOSTED>20261131\n", 30, "2026-11-31 is not a date"),
        ("ofx1.ofx", "<CURDEF>USD", "<CURDEF>US", 15, "the statement's currency"),
        ("ofx2.qfx", "<TRNAMT>980.00<", "<TRNAMT>9.8000<", None, None),
        ("ofx2.qfx", "<TRNAMT>980.00<", "<TRNAMT>nine<", 16, "TRNAMT (not shown) is not an amount"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named_with_its_line(name, before, after, line, words):
    data = changed(name, before, after)
    if words is None:
        reading.read(name, data)  # trailing zeros are no decimals more
        return
    error = refusal(name, data)
    assert words in error.detail
    assert error.facts["line"] == line


@pytest.mark.parametrize(
    ("before", "after", "line", "words"),
    [
        ("(300.00)", "(3OO.00)", 4, "Amount '(3OO.00)' is not an amount with a decimal point"),
        ("(300.00)", "300.0.0", 4, "is not an amount"),
        ("99.99", "99.999", 5, "more decimals"),
        ("99.99", '"99,99"', 5, "is not an amount with a decimal point"),
        ("99.99", "", 5, "Amount (empty) is not an amount"),
        ("11/27/2026", "27/11/2026", 5, "is not a date written as MM/DD/YYYY"),
        ("Posting Date", "Booked on", 2, "the column 'Posting Date' of this account's mapping is missing"),
        (',99.99,WIRE,"11,049.99",BANK-0003,Posted', ",99.99", 5, "the file breaks off here"),
        ('"RENT ""NOVEMBER"""', '"RENT', 4, "a quoted cell is not closed"),
    ],
)
def test_a_wrong_cell_of_a_csv_is_named_with_its_line(before, after, line, words):
    error = refusal("signed.csv", changed("signed.csv", before, after), mapping=SIGNED, currency="usd")
    assert words in error.detail
    assert error.facts["line"] == line


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("26.11.2026;;STRIPE;1,00;1,00;EUR", "both a debit and a credit"),
        ("26.11.2026;;STRIPE;;;EUR", "neither a debit nor a credit"),
        ("26.11.2026;;STRIPE;;1,00;EURO", "not a known currency"),
    ],
)
def test_a_row_with_two_amounts_or_none_is_refused(row, words):
    text = bytes_of("two_columns.csv").decode().splitlines()[0] + "\n" + row + "\n"
    assert words in refusal("t.csv", text.encode(), mapping=TWO_COLUMNS, currency="eur").detail


def test_errors_quote_no_payment_text():
    data = changed("signed.csv", "OLGA PINSTRIPE,99.99", "99.99,OLGA PINSTRIPE")
    assert "OLGA" not in refusal("signed.csv", data, mapping=SIGNED, currency="usd").detail
    data = changed("mt940.sta", ":86:RENT DECEMBER", ":61:RENT DECEMBER")
    assert "RENT" not in refusal("mt940.sta", data).detail


@pytest.mark.parametrize("name", [*FORMATS, "signed.csv", "two_columns.csv"])
def test_a_corrupted_file_is_read_or_refused_but_never_crashes(name):
    """Nothing but a refusal leaves the reader, and never after a long time."""
    chosen = random.Random(name)
    mapping = {"signed.csv": SIGNED, "two_columns.csv": TWO_COLUMNS}.get(name, SIGNED)
    for _ in range(250):
        data = bytearray(bytes_of(name))
        for _ in range(chosen.randint(1, 6)):
            place = chosen.randrange(len(data))
            kind = chosen.randrange(3)
            if kind == 0:
                data[place] = chosen.choice(b'<>/&,;:"0129-+[]{}\0\xff\xc3 \nAZ')
            elif kind == 1:
                del data[place : place + chosen.randint(1, 40)]
            else:
                data[place:place] = data[chosen.randrange(len(data)) :][: chosen.randint(1, 80)]
        try:
            reading.read(name, bytes(data), mapping=mapping, currency="usd")
        except Refused as error:
            assert "\n" not in error.detail
