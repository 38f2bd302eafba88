"""The tables behind charts, as files."""

import csv
import io
import re
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import openpyxl
import pandas as pd
import pytest

from core.exports import files
from core.exports.table import Column, Stamp
from core.ui.kit.row_frame import frame
from core.ui.kit.tables import described_as

STAMP = Stamp(datetime(2026, 11, 24, tzinfo=UTC), "staff:ana", ZoneInfo("America/New_York"))
FORMATS = {"Success rate": "percent", "Net (KWD)": "accounting"}


def content(frame: pd.DataFrame, file_format: files.Format) -> bytes:
    return files.content(described_as(frame, "volume", FORMATS, {}), file_format, STAMP)[1]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
def test_a_text_that_would_run_as_a_formula_begins_with_an_apostrophe(text):
    (found,) = csv.DictReader(
        io.StringIO(content(pd.DataFrame({"Why": [text]}), "csv").decode("utf-8-sig"), newline="")
    )
    assert found["Why"] == f"'{text}"


def test_the_columns_of_a_chart_have_their_types_in_a_file():
    frame = pd.DataFrame(
        {
            "Day": [date(2026, 9, 1), date(2026, 9, 2)],
            "Payments": [3, 4],
            "Success rate": [0.5, None],
            "Net (KWD)": [-5.25, 1000.001],
            "Why": ["lost - or stolen", ""],
        }
    )
    lines = content(frame, "csv").decode("utf-8-sig").splitlines()
    assert lines == [
        "Day,Payments,Success rate,Net (KWD),Why",
        "2026-09-01,3,0.5,-5.250,lost - or stolen",
        "2026-09-02,4,,1000.001,",
    ]
    sheet = openpyxl.load_workbook(io.BytesIO(content(frame, "xlsx")))["Volume"]
    day, payments, rate, net, _ = sheet[2]
    assert (day.is_date, payments.value, rate.number_format, net.value) == (True, 3, "0.0%", -5.25)
    assert net.number_format.startswith('"KD "')


def test_the_rates_of_a_column_have_the_same_decimals():
    drawn = frame(
        [{"rate": 0.0164}, {"rate": 0.0033}, {"rate": None}, {"rate": 0.041}], [Column("rate", "Rate", "share")]
    )
    assert re.findall(r"[\d.]+%", drawn.to_html()) == ["1.6%", "0.3%", "4.1%"]
