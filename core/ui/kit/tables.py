"""Tables of what a chart shows, and files of them that no spreadsheet runs as formulas."""

from collections.abc import Callable, Mapping

import pandas as pd  # type: ignore[import-untyped]
import streamlit as st

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def csv_of(rows: pd.DataFrame) -> bytes:
    """`rows` as CSV with a byte order mark; a text that a spreadsheet would run as a formula begins with `'`."""
    safe = rows.rename(columns=_inert).map(_inert)
    text: str = safe.to_csv(index=False, lineterminator="\r\n")
    return text.encode("utf-8-sig")


def behind(rows: Callable[[], pd.DataFrame], *, name: str, formats: Mapping[str, str] | None = None) -> None:
    """A button that opens the rows of a chart, with their file; they are made when somebody opens it.

    `formats` says how columns of numbers are shown (`percent`, `accounting`); the file has them as they are.
    """
    opened = st.popover("Table", type="tertiary", icon=":material/table_rows:", key=f"{name}-table", on_change="rerun")
    if opened.open:
        with opened:
            table = rows()
            shown = {title: st.column_config.NumberColumn(format=each) for title, each in (formats or {}).items()}
            st.dataframe(table, hide_index=True, key=f"{name}-rows", height=320, width=520, column_config=shown)
            st.download_button(
                "CSV",
                csv_of(table),
                f"{name}.csv",
                "text/csv",
                key=f"{name}-csv",
                icon=":material/download:",
                on_click="ignore",
            )


def _inert(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_STARTS) else value
