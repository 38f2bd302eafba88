"""The table behind a chart, and its CSV, in which no text runs as a formula."""

from collections.abc import Callable, Mapping

import pandas as pd  # type: ignore[import-untyped]
import streamlit as st

from core.spreadsheets import CSV_TYPE
from core.ui.kit import rows as rows_kit

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def csv_of(rows: pd.DataFrame) -> bytes:
    """`rows` as CSV with a byte order mark; a text that a spreadsheet would run as a formula is prefixed with `'`."""
    safe = rows.rename(columns=_inert).map(_inert)
    text: str = safe.to_csv(index=False, lineterminator="\r\n")
    return text.encode("utf-8-sig")


def behind(rows: Callable[[], pd.DataFrame], *, name: str, formats: Mapping[str, str] | None = None) -> None:
    """A button that opens the table behind a chart, with its CSV; the rows are computed when it is opened.

    `formats` says how number columns are shown (`percent`, `accounting`); the CSV has the plain numbers.
    """
    opened = st.popover("Table", type="tertiary", icon=":material/table_rows:", key=f"{name}-table", on_change="rerun")
    if opened.open:
        with opened:
            table = rows()
            shown = {title: st.column_config.NumberColumn(format=each) for title, each in (formats or {}).items()}
            st.dataframe(table, hide_index=True, key=f"{name}-rows", height=320, width=520, column_config=shown)
            rows_kit.file("CSV", lambda _: csv_of(table), f"{name}.csv", CSV_TYPE, key=f"{name}-csv", type="secondary")


def _inert(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_STARTS) else value
