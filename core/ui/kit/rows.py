"""Tables of records: readable columns, one selectable row whose id is in the address, and exports."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import pandas as pd  # type: ignore[import-untyped]
import streamlit as st

from core.money import Money
from core.spreadsheets import CSV_TYPE, XLSX_TYPE, as_csv, as_xlsx
from core.staff.roles import Actor
from core.ui import exports, session

Row = Mapping[str, Any]
Kind = Literal["text", "count", "money", "moment", "day", "share", "link"]


@dataclass(frozen=True)
class Column:
    """A column: the record's field, its heading, and how it is shown.

    `money` is a field in minor units next to a field `currency` (or
    `currency_field`); `moment` an ISO time, shown in the
    business's time zone; `day` an ISO date; `share` a fraction; `link` an address. `read` computes the value from the
    record.
    """

    field: str
    title: str
    kind: Kind = "text"
    help: str | None = None
    read: Callable[[Row], Any] | None = None
    currency_field: str = "currency"
    width: Literal["small", "medium", "large"] | int | None = None  # as a number, pixels

    def value(self, row: Row) -> Any:
        found = self.read(row) if self.read else row.get(self.field)
        if self.kind == "money" and found is not None:
            return str(Money(found, row[self.currency_field]))
        return found


def show(
    rows: Sequence[Row], columns: Sequence[Column], *, key: str, choose: str | None = None, id_field: str = "id"
) -> str | None:
    """A table of `rows`; with `choose` one row can be selected, and its id is the query parameter of that name.

    Returns the id in the address, even if it is not among the rows: a link is a view.
    """
    chosen = st.query_params.get(choose) if choose else None
    ids = [str(row[id_field]) for row in rows] if choose else []
    drawn = hashlib.sha256("|".join([*ids, chosen or ""]).encode()).hexdigest()[:12] if choose else ""
    table = _frame(rows, columns)
    config = {column.title: _config(column) for column in columns}
    if choose is None:
        st.dataframe(table, hide_index=True, key=key, column_config=config, placeholder="")
        return None
    at = [ids.index(chosen)] if chosen in ids else []
    widget = f"{key}-{drawn}"
    st.dataframe(
        table,
        hide_index=True,
        key=widget,
        column_config=config,
        placeholder="",
        selection_mode="single-row",
        on_select=partial(_select, widget, choose, ids),
        selection_default={"selection": {"rows": at, "columns": [], "cells": []}},
    )
    return chosen


def files(rows: Callable[[Actor], Sequence[Row]], columns: Sequence[Column], *, name: str) -> None:
    """Buttons for the rows as CSV and XLSX, read at the click; money is in minor units with its currency."""

    def exported(actor: Actor) -> tuple[list[dict[str, Any]], list[str]]:
        titles: list[str] = []
        for column in columns:
            titles.append(f"{column.title} (minor units)" if column.kind == "money" else column.title)
            if column.kind == "money" and "Currency" not in titles:
                titles.append("Currency")
        return [_plain(row, columns) for row in rows(actor)], titles

    with st.container(horizontal=True):
        file("CSV", lambda actor: as_csv(*exported(actor)), f"{name}.csv", CSV_TYPE)
        file("XLSX", lambda actor: as_xlsx(*exported(actor), sheet=name[:31]), f"{name}.xlsx", XLSX_TYPE)


def file(label: str, made: Callable[[Actor], bytes], name: str, media_type: str, **shown: Any) -> None:
    """A button for a file that is made at the click and opens only for the user who clicked.

    `shown` are further arguments of `st.download_button`.
    """
    actor = session.actor_at_click()

    def content() -> bytes:
        user = actor()
        return exports.owners().add(made(user), user.name.partition(":")[2])

    st.download_button(
        label,
        content,
        name,
        media_type,
        on_click="ignore",
        icon=":material/download:",
        **{"type": "tertiary", "key": name} | shown,
    )


def _select(widget: str, parameter: str, ids: Sequence[str]) -> None:
    """Put the id of the clicked row into the address."""
    picked = st.session_state[widget]["selection"]["rows"]
    if picked:
        st.query_params[parameter] = ids[picked[0]]
    else:
        st.query_params.pop(parameter, None)


def _frame(rows: Sequence[Row], columns: Sequence[Column]) -> pd.DataFrame:
    frame = pd.DataFrame({column.title: [column.value(row) for row in rows] for column in columns})
    for column in columns:
        if column.kind == "moment":
            at = pd.to_datetime(frame[column.title], utc=True, format="ISO8601")
            frame[column.title] = at.dt.tz_convert(session.settings().business_zone)
        elif column.kind == "day":
            frame[column.title] = pd.to_datetime(frame[column.title]).dt.date
    return frame


def _config(column: Column) -> Any:
    if column.kind == "moment":
        zone = session.settings().business_zone.key
        return st.column_config.DatetimeColumn(
            help=column.help or f"Times are in {zone.replace('_', ' ')}.",
            format="D MMM YYYY, HH:mm",
            width=column.width,
        )
    if column.kind == "day":
        return st.column_config.DateColumn(help=column.help, format="D MMM YYYY", width=column.width)
    if column.kind == "count":
        return st.column_config.NumberColumn(help=column.help, format="localized", width=column.width)
    if column.kind == "share":
        return st.column_config.NumberColumn(help=column.help, format="percent", width=column.width)
    if column.kind == "link":
        return st.column_config.LinkColumn(help=column.help, display_text="Open", width=column.width or "small")
    alignment: Literal["right", "left"] = "right" if column.kind == "money" else "left"
    return st.column_config.TextColumn(help=column.help, alignment=alignment, width=column.width)


def _plain(row: Row, columns: Sequence[Column]) -> dict[str, Any]:
    cells: dict[str, Any] = {}
    for column in columns:
        if column.kind == "money":
            cells[f"{column.title} (minor units)"] = column.read(row) if column.read else row.get(column.field)
            cells["Currency"] = str(row.get(column.currency_field) or "").upper()
        else:
            cells[column.title] = column.value(row)
    return cells
