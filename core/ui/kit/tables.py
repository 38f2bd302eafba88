"""The table behind a chart, and its files."""

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any

import pandas as pd  # type: ignore[import-untyped]
import streamlit as st

from core.exports.table import Column, Kind, Row, Table, of_rows
from core.money import Money
from core.ui.kit import export_panel

_CURRENCY = re.compile(r"\(([A-Z]{3})\)")


def behind(rows: Callable[[], pd.DataFrame], *, name: str, formats: Mapping[str, str] | None = None) -> None:
    """A button that opens the table behind a chart, with its files; the rows are computed when it is opened.

    `formats` says how number columns are shown: `percent`, or `accounting` for money in the major unit of the currency
    that the heading names.
    """
    opened = st.popover("Table", type="tertiary", icon=":material/table_rows:", key=f"{name}-table", on_change="rerun")
    if opened.open:
        with opened:
            table = rows()
            shown = {title: st.column_config.NumberColumn(format=each) for title, each in (formats or {}).items()}
            st.dataframe(table, hide_index=True, key=f"{name}-rows", height=320, width=520, column_config=shown)
            described = described_as(table, name, formats or {}, export_panel.set_filters())
            export_panel.show(lambda _: described, name=name, type="secondary")


def described_as(frame: pd.DataFrame, name: str, formats: Mapping[str, str], filters: Mapping[str, str]) -> Table:
    """The frame as a table to export."""
    columns = [_column(frame[title], str(title), formats.get(title)) for title in frame.columns]
    rows: list[Row] = [
        {
            str(title): None if pd.api.types.is_scalar(value) and pd.isna(value) else value
            for title, value in row.items()
        }
        for row in frame.to_dict("records")
    ]
    title = name.replace("-", " ").capitalize()
    return Table(name, title, columns, of_rows(rows), len(rows), filters=filters)


def _column(values: pd.Series, title: str, shown_as: str | None) -> Column:
    if shown_as == "percent":
        return Column(title, title, "share")
    if shown_as == "accounting" and (named := _CURRENCY.search(title)):
        currency = named[1].lower()
        return Column(title, title, "money", read=partial(_minor, title, currency), currency=currency)
    kind: Kind = "text"
    if pd.api.types.is_integer_dtype(values):
        kind = "count"
    elif pd.api.types.is_float_dtype(values):
        kind = "number"
    elif len(values) and all(isinstance(each, date) for each in values):
        kind = "day"
    return Column(title, title, kind)


def _minor(title: str, currency: str, row: Mapping[str, Any]) -> int | None:
    major = row[title]
    return None if major is None else Money.from_major(Decimal(str(major)), currency).minor
