"""Records as the table that Streamlit draws: typed columns that sort by value, money as numbers with their currency."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from typing import Any, Literal
from urllib.parse import quote

import pandas as pd  # type: ignore[import-untyped]
import streamlit as st

from core.exports.ordering import Order
from core.exports.table import Column, Row
from core.figures.wording import decimals_of, percent
from core.money import Money
from core.ui import navigation, session
from core.ui.text import zone_name

ID_IN_LINK = r"=([^=]*)$"


def frame(rows: Sequence[Row], columns: Sequence[Column]) -> Any:
    """The rows as a data frame, with a style where there is money: cells are numbers, written in their currency."""
    linked = [_is_linked(column) for column in columns]
    table = pd.DataFrame(
        {
            column.title: [_cell(column, row, leads) for row in rows]
            for column, leads in zip(columns, linked, strict=True)
        }
    )
    for column in columns:
        if column.kind == "moment":
            at = pd.to_datetime(table[column.title], utc=True, format="ISO8601")
            table[column.title] = at.dt.tz_convert(session.settings().business_zone)
        elif column.kind == "day":
            table[column.title] = pd.to_datetime(table[column.title]).dt.date
        elif column.kind == "money":
            table[column.title] = table[column.title].astype("float64")
    written = [column for column in columns if column.kind in ("money", "share")]
    return _written(table, rows, written) if written and len(rows) else table


def config(columns: Sequence[Column], order: Order | None = None) -> dict[str, Any]:
    """How each column is drawn; an arrow in the heading says by which the rows are sorted."""
    return {column.title: _drawn_as(column)(_heading(column, order), column) for column in columns}


def _heading(column: Column, order: Order | None) -> str:
    if order is None or order.field != column.field:
        return column.title
    return f"{column.title} {'↓' if order.descending else '↑'}"


def _cell(column: Column, row: Row, linked: bool) -> Any:
    value = column.value(row)
    if value is None or value == "":
        return None if column.kind == "money" or linked else value
    if column.kind == "money":
        return float(Money(value, _currency(column, row)).major)
    if column.links_to and linked:
        return "/" + column.links_to.format(quote(str(value), safe=""))
    return value


def _written(table: pd.DataFrame, rows: Sequence[Row], columns: Sequence[Column]) -> Any:
    """The table with a style that writes each amount in its own currency, and shares as sentences write them."""
    styled = table.style
    for column in columns:
        if column.kind == "share":
            places = decimals_of(None if pd.isna(each) else each for each in table[column.title])
            styled = styled.format(partial(_share, places=places), subset=[column.title], na_rep="")
            continue
        of_currency: dict[str, list[int]] = {}
        for place, row in enumerate(rows):
            of_currency.setdefault(_currency(column, row), []).append(place)
        for currency, these in of_currency.items():
            styled = styled.format(_in(currency), subset=pd.IndexSlice[these, [column.title]], na_rep="")
    return styled


def _share(value: float | None, places: int) -> str:
    return "" if value is None or pd.isna(value) else percent(value, places)


def _in(currency: str) -> Callable[[float], str]:
    return lambda major: "" if pd.isna(major) else str(Money.from_major(Decimal(str(major)), currency or "usd"))


def _currency(column: Column, row: Row) -> str:
    return str(column.currency or row.get(column.currency_field) or "usd")


def _is_linked(column: Column) -> bool:
    """Whether the column leads to a page that the reader may open."""
    return bool(column.links_to) and navigation.may_open(session.actor().role, column.links_to or "")


def _drawn_as(column: Column) -> Callable[[str, Column], Any]:
    if column.links_to and _is_linked(column):
        return _link
    return _KINDS.get(column.kind, _text)


def _moment(heading: str, column: Column) -> Any:
    help = column.help or f"Times are in {zone_name(session.settings().business_zone)}."
    return st.column_config.DatetimeColumn(heading, help=help, format="D MMM YYYY, HH:mm", width=column.width)


def _day(heading: str, column: Column) -> Any:
    return st.column_config.DateColumn(heading, help=column.help, format="D MMM YYYY", width=column.width)


def _number(format: str | None, heading: str, column: Column) -> Any:
    return st.column_config.NumberColumn(heading, help=column.help, format=format, width=column.width)


def _trend(heading: str, column: Column) -> Any:
    return st.column_config.BarChartColumn(heading, help=column.help, y_min=0, width=column.width or "small")


def _open(heading: str, column: Column) -> Any:
    width = column.width or "small"
    return st.column_config.LinkColumn(heading, help=column.help, display_text="Open", width=width)


def _link(heading: str, column: Column) -> Any:
    return st.column_config.LinkColumn(heading, help=column.help, display_text=ID_IN_LINK, width=column.width)


def _text(heading: str, column: Column) -> Any:
    alignment: Literal["left"] = "left"
    return st.column_config.TextColumn(heading, help=column.help, alignment=alignment, width=column.width)


_KINDS: dict[str, Callable[[str, Column], Any]] = {
    "moment": _moment,
    "day": _day,
    "money": partial(_number, None),
    "count": partial(_number, "localized"),
    "number": partial(_number, "localized"),
    "share": partial(_number, None),
    "trend": _trend,
    "link": _open,
}
