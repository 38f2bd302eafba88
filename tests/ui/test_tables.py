"""Files of tables, as a spreadsheet opens them."""

import pandas as pd
import pytest

from core.ui.kit.tables import csv_of


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
def test_a_text_that_would_run_as_a_formula_begins_with_an_apostrophe(text):
    written = csv_of(pd.DataFrame({text: [text]})).decode("utf-8-sig")
    assert written.count("'" + text) == 2


def test_numbers_and_harmless_texts_stay_as_they_are():
    written = csv_of(pd.DataFrame({"Day": ["2026-09-01"], "Net": [-5.25], "Why": ["lost - or stolen"]}))
    assert written.decode("utf-8-sig") == "Day,Net,Why\r\n2026-09-01,-5.25,lost - or stolen\r\n"
    assert written.startswith(b"\xef\xbb\xbf")
