"""Tables as files: every cell typed, in the major unit and the business timezone, and none is a formula."""

import csv
import io
import stat
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import openpyxl
import pytest

from core.errors import Refused
from core.exports import files, xlsx_file
from core.exports.cells import harmless_text
from core.exports.table import Column, Stamp, Table, by_key, of_rows
from core.periods import Period

NEW_YORK = ZoneInfo("America/New_York")
STAMP = Stamp(datetime(2026, 11, 24, 15, 0, tzinfo=UTC), "staff:ana", NEW_YORK)
EVIL = ["=cmd()", "+1", "-1+2", "@SUM(A1)", "\t=1", "\r=1", "  =1", "|x", "%x", "＝1", "－1"]
COLUMNS = (
    Column("created", "Created", "moment"),
    Column("amount_minor", "Amount", "money", total=True, help="What the customer paid."),
    Column("day", "Due", "day"),
    Column("share", "Rate", "share"),
    Column("tries", "Attempts", "count", total=True),
    Column("order_id", "Order", "id"),
    Column("why", "Why"),
)


def row(amount: int | None, currency: str = "usd", **fields):
    return {
        "created": "2026-11-01T05:30:00+00:00",
        "amount_minor": amount,
        "currency": currency,
        "day": "2028-02-29",
        "share": 0.125,
        "tries": 2,
        "order_id": "0012",
        "why": "late",
    } | fields


def table(*rows, **more) -> Table:
    return Table("payments", "Payments", COLUMNS, of_rows(rows), **more)


def as_csv(described: Table) -> list[dict[str, str]]:
    _, content = files.content(described, "csv", STAMP)
    assert content.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def as_book(described: Table) -> openpyxl.Workbook:
    return openpyxl.load_workbook(io.BytesIO(files.content(described, "xlsx", STAMP)[1]))


@pytest.mark.parametrize("given", EVIL)
def test_no_text_is_read_as_a_formula(given):
    assert harmless_text(given) == f"'{given}"
    assert as_csv(table(row(1, why=given)))[0]["Why"] == f"'{given}"
    assert as_book(table(row(1, why=given)))["Payments"]["H2"].value.startswith("'")


@pytest.mark.parametrize(
    ("minor", "currency", "written"),
    [
        (1999, "usd", "19.99"),
        (-500, "eur", "-5.00"),
        (500, "jpy", "500"),
        (1234, "kwd", "1.234"),
        (-1, "kwd", "-0.001"),
        (0, "usd", "0.00"),
        (9_007_199_254_740_993, "usd", "90071992547409.93"),
    ],
)
def test_money_in_a_csv_is_the_major_unit_with_its_currency_beside_it(minor, currency, written):
    found = as_csv(table(row(minor, currency)))[0]
    assert (found["Amount"], found["Currency"]) == (written, currency.upper())


def test_times_in_a_csv_are_business_time_with_their_offset_and_dates_stay_dates():
    before = as_csv(table(row(1, created="2026-11-01T05:30:00+00:00")))[0]
    after = as_csv(table(row(1, created="2026-11-01T06:30:00.75+00:00")))[0]
    assert before["Created"] == "2026-11-01T01:30:00-04:00"
    assert after["Created"] == "2026-11-01T01:30:00-05:00"  # the same time on the clock, an hour later
    assert before["Due"] == "2028-02-29"


@pytest.mark.parametrize(
    ("minor", "currency", "value", "number_format"),
    [
        (1999, "usd", 19.99, '"$"#,##0.00;-"$"#,##0.00'),
        (500, "jpy", 500, '"¥"#,##0;-"¥"#,##0'),
        (-1234, "kwd", -1.234, '"KD "#,##0.000;-"KD "#,##0.000'),
        (300, "chf", 3, '"CHF "#,##0.00;-"CHF "#,##0.00'),
    ],
)
def test_money_in_a_book_is_a_number_with_the_format_of_its_currency(minor, currency, value, number_format):
    cell = as_book(table(row(minor, currency)))["Payments"]["B2"]
    assert (cell.value, cell.data_type, cell.number_format) == (value, "n", number_format)


def test_other_cells_of_a_book_have_their_types():
    sheet = as_book(table(row(1)))["Payments"]
    assert [cell.value for cell in sheet[1]] == [
        "Created", "Amount", "Currency", "Due", "Rate", "Attempts", "Order", "Why",
    ]  # fmt: skip
    created, _, currency, due, rate, tries, order, why = sheet[2]
    assert (created.value, created.is_date) == (datetime(2026, 11, 1, 1, 30), True)
    assert (due.value.date(), due.number_format) == (date(2028, 2, 29), "d mmm yyyy")
    assert (rate.value, rate.number_format) == (0.125, "0.0%")
    assert (tries.value, order.value, order.data_type, why.value, currency.value) == (2, "0012", "s", "late", "USD")


def test_totals_stand_below_the_rows_one_line_a_currency_and_outside_the_filter():
    sheet = as_book(table(row(1999), row(1, "jpy"), row(-999), row(None), row(2, "jpy", tries=None)))["Payments"]
    assert sheet.freeze_panes == "A2"
    assert sheet.auto_filter.ref == "A1:H6"
    assert [[cell.value for cell in line][:6] for line in sheet.iter_rows(min_row=7)] == [
        ["Total JPY", 3, "JPY", None, None, None],
        ["Total USD", 10, "USD", None, None, None],
        ["Total", None, None, None, None, 8],
    ]
    assert sheet["B8"].number_format.startswith('"$"') and sheet["B8"].font.bold


def test_the_second_sheet_says_what_the_file_holds():
    period = Period(date(2026, 11, 1), date(2026, 11, 7), NEW_YORK)
    book = as_book(table(row(1), period=period, filters={"Status": "failed"}, definitions={"Net": "Gross less fees."}))
    assert book.sheetnames == ["Payments", "About"]
    said = {what.value: value.value for what, value in book["About"].iter_rows()}
    assert said["Rows"] == "1"
    assert said["Period"] == "1 Nov 2026 to 7 Nov 2026, both included, each ending at midnight in America/New York"
    assert said["Filter: Status"] == "failed"
    assert said["Definition: Amount"] == "What the customer paid."
    assert said["Definition: Net"] == "Gross less fees."
    assert (said["Generated"], said["Generated by"]) == ("24 Nov 2026, 10:00:00 EST", "ana")
    assert said["payops version"]


def test_values_that_excel_cannot_hold_are_written_as_text():
    long, huge = "x" * 40_000, 10**15
    sheet = as_book(table(row(huge, why=long, day="1899-01-01", tries=huge)))["Payments"]
    assert sheet["B2"].value == "$10,000,000,000,000.00"
    assert sheet["D2"].value == "1899-01-01"
    assert sheet["F2"].value == "1000000000000000"
    assert len(sheet["H2"].value) == 32_767 and sheet["H2"].value.endswith("(the CSV file has the whole text)")
    assert as_csv(table(row(1, why=long)))[0]["Why"] == long


def test_nothing_is_computed_or_followed_and_odd_signs_do_not_break_the_file():
    odd = ["https://evil.example", "a\x00b\x0bc", "half \ud800 a pair", 'x,"y"\nz', "<f>1</f>", "é"]
    described = table(*(row(1, why=each) for each in odd))
    archive = zipfile.ZipFile(io.BytesIO(files.content(described, "xlsx", STAMP)[1]))
    sheet = archive.read("xl/worksheets/sheet1.xml")
    assert b"<f>" not in sheet and b"hyperlink" not in sheet
    assert [each["Why"] for each in as_csv(described)][2:] == ["half ? a pair", 'x,"y"\nz', "<f>1</f>", "é"]
    assert as_book(described)["Payments"]["H7"].value == "é"


def test_a_table_longer_than_a_sheet_goes_on_in_a_further_one(tmp_path):
    rows = [row(1) for _ in range(7)]
    with (tmp_path / "book.xlsx").open("wb") as file:
        assert xlsx_file.write(table(*rows), STAMP, file, tmp_path, lambda _: None, sheet_lines=4) == 7
    book = openpyxl.load_workbook(tmp_path / "book.xlsx")
    assert book.sheetnames == ["Payments", "About", "Payments 2", "Payments 3"]
    counts = [len(list(book[name].iter_rows(min_row=2))) for name in ("Payments", "Payments 2", "Payments 3")]
    assert counts == [3, 3, 3]  # the last row, and two lines of totals
    assert book["Payments 3"]["B3"].value == 0.07
    assert any("continue on further sheets" in str(value.value) for _, value in book["About"].iter_rows())


def test_rows_are_read_page_by_page_to_the_end():
    pages = {None: ([row(1), row(2)], 2), 2: ([row(3), row(4)], 4), 4: ([row(5)], None)}
    described = Table("payments", "Payments", COLUMNS, by_key(pages.__getitem__))
    assert [each["Amount"] for each in as_csv(described)] == ["0.01", "0.02", "0.03", "0.04", "0.05"]
    assert files.content(described, "xlsx", STAMP)[0] == 5  # from the start again


@pytest.mark.parametrize("file_format", ["csv", "xlsx"])
def test_a_file_is_complete_or_absent_and_only_for_its_maker(tmp_path, file_format):
    path = tmp_path / f"payments.{file_format}"
    path.write_text("the file of yesterday")

    def stop(rows: int) -> None:
        raise Refused("export_canceled", "Stopped.")

    with pytest.raises(Refused):
        files.write(table(row(1)), file_format, path, STAMP, stop)
    assert [path.read_text()] == ["the file of yesterday"] and list(tmp_path.iterdir()) == [path]
    assert files.write(table(row(1)), file_format, path, STAMP) == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and list(tmp_path.iterdir()) == [path]
    with pytest.raises(Refused, match="was not written"):
        files.write(table(row(1)), file_format, Path(tmp_path / "nowhere" / "file"), STAMP)


def test_a_heading_is_no_formula_either():
    described = Table("plans", "Plans", (Column("id", "=cmd()"),), of_rows([]))
    assert files.content(described, "csv", STAMP)[1].decode("utf-8-sig").strip() == "'=cmd()"
    assert as_book(described)["Plans"]["A1"].value == "'=cmd()"


def test_an_empty_table_has_its_headings():
    assert as_csv(table()) == []
    assert as_book(table())["Payments"]["A1"].value == "Created"
