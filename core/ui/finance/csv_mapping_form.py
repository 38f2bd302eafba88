"""The form that maps the columns of a bank's CSV."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from core.errors import Refused
from core.finance.bank.csv_file import Layout
from core.finance.bank.csv_mapping import DATE_FORMATS, DELIMITERS, CsvMapping
from core.ui.text import literal

NONE = "None"
SIGNED, TWO_COLUMNS = "One signed column", "A debit and a credit column"
MARKS = {".": "Point, as in 1,234.56", ",": "Comma, as in 1.234,56"}
SHOWN_ROWS = 5


def draw(layout: Layout, saved: CsvMapping | None, *, key: str) -> CsvMapping | None:
    """Show the form, prefilled with the saved or proposed mapping; returns the chosen one, None while incomplete."""
    fits = saved is not None and set(saved.columns()) <= set(layout.header)
    before = saved if fits else layout.proposed
    st.markdown("**Columns**")
    st.dataframe([dict(zip(layout.header, row, strict=False)) for row in layout.rows[:SHOWN_ROWS]], hide_index=True)
    if before is not None:
        said = "Columns as saved for this account." if fits else "The headings leave no doubt about these columns."
        if not st.toggle(f"{said} Change them", key=f"{key} change"):
            return before
    elif saved is not None:
        st.warning("This file has other columns than the last one of this account. Is it a statement of this account?")
    return _chosen(layout, before, key)


def _chosen(layout: Layout, before: CsvMapping | None, key: str) -> CsvMapping | None:
    left, right = st.columns(2)
    with left:
        date_column = _column("Date", layout.header, before.date_column if before else None, key)
        signed = st.radio(
            "Amounts",
            [SIGNED, TWO_COLUMNS],
            index=int(before is not None and not before.amount_column),
            key=f"{key} amounts",
        )
        chosen: dict[str, Any] = (
            {"amount_column": _column("Amount", layout.header, before.amount_column if before else None, key)}
            if signed == SIGNED
            else {
                "debit_column": _column("Debit", layout.header, before.debit_column if before else None, key),
                "credit_column": _column("Credit", layout.header, before.credit_column if before else None, key),
            }
        )
        texts = st.multiselect(
            "The bank's text", layout.header, default=list(before.text_columns) if before else [], key=f"{key} texts"
        )
    with right:
        date_format = _one_of("Dates are written as", list(DATE_FORMATS), before.date_format if before else None, key)
        decimal = _one_of("Decimal mark", list(MARKS), before.decimal if before else None, key, MARKS)
        for name, label in OPTIONAL.items():
            chosen[name] = _column(label, layout.header, getattr(before, name) if before else None, key)
    delimiter = next(name for name, mark in DELIMITERS.items() if mark == layout.delimiter)
    st.caption(f"Cells are divided by a {delimiter}. The choice is kept for the account.")
    try:
        return CsvMapping(
            date_column=date_column or "",
            date_format=date_format or "",
            text_columns=tuple(texts),
            delimiter=layout.delimiter,
            decimal=decimal or "",
            **chosen,
        )
    except Refused as error:
        st.info(literal(error.detail))
        return None


OPTIONAL = {
    "value_column": "Value date (optional)",
    "currency_column": "Currency (optional)",
    "status_column": "Status, such as Pending (optional)",
    "id_column": "The bank's number of the entry (optional)",
}


def _column(label: str, header: Sequence[str], before: str | None, key: str) -> str | None:
    names = [name for name in header if name]
    place = names.index(before) + 1 if before in names else 0
    picked = st.selectbox(label, [NONE, *names], index=place, key=f"{key} {label}")
    return None if picked == NONE else picked


def _one_of(
    label: str, options: list[str], before: str | None, key: str, titles: Mapping[str, str] | None = None
) -> str | None:
    def title(option: str) -> str:
        return titles[option] if titles else option

    place = options.index(before) if before in options else None
    picked: str | None = st.selectbox(
        label, options, index=place, placeholder="Choose", format_func=title, key=f"{key} {label}"
    )
    return picked
