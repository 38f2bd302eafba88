"""Tables of records: readable columns, rows that open by a click anywhere or Enter, and exports.

The id of an opened row is in the address, and so is the order of the rows.
"""

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any

import streamlit as st

from core.exports import ordering
from core.exports.ordering import Order
from core.exports.table import Column, Row, Table, of_rows, whole
from core.periods import Period
from core.staff.roles import Actor
from core.ui import exports, session
from core.ui.kit import export_panel, row_frame

__all__ = ["Column", "Row"]
NOTHING: dict[str, Any] = {"selection": {"rows": [], "columns": [], "cells": []}}
PLACES = ("before", "after", "from")  # where in a list a page begins: another order starts anew


def show(
    rows: Sequence[Row],
    columns: Sequence[Column],
    *,
    key: str,
    choose: str | None = None,
    id_field: str = "id",
    ordered: Collection[str] | None = None,
    file: str | None = None,
) -> str | None:
    """A table of `rows`; with `choose` a row can be opened, and its id is the query parameter of that name.

    Returns the id in the address, even if it is not among the rows, so that a link opens the same view. A click on a
    heading sorts: all of `rows` here, or, where they are one page of a list, in the database by one of the fields in
    `ordered`; the page asks `order_of` which. `file` names the export of `rows`, whose buttons are drawn below; a list
    that has more rows than are shown has `files` or `export_panel.show` in place of it.
    """
    chosen = st.query_params.get(choose) if choose else None
    if choose is None:
        st.dataframe(
            row_frame.frame(rows, columns),
            hide_index=True,
            key=key,
            column_config=row_frame.config(columns),
            placeholder="",
        )
    else:
        _show_rows_that_open(rows, columns, key, choose, id_field, ordered)
    if file:
        files(lambda _: rows, columns, name=file)
    return chosen


def _show_rows_that_open(
    rows: Sequence[Row],
    columns: Sequence[Column],
    key: str,
    choose: str,
    id_field: str,
    ordered: Collection[str] | None,
) -> None:
    sortable = {column.field for column in columns} if ordered is None else ordered
    order = order_of(key, sortable)
    listed = ordering.in_order(rows, columns, order) if ordered is None else list(rows)
    chosen, ids = st.query_params.get(choose), [str(row[id_field]) for row in listed]
    widget = f"{key}-{order or ''}-{hashlib.sha256('|'.join(ids).encode()).hexdigest()[:12]}"
    st.session_state.setdefault(_widgets_of(choose), {})[key] = widget
    if widget not in st.session_state:
        at = [ids.index(chosen)] if chosen in ids else []
        st.session_state[widget] = {"selection": {"rows": at, "columns": [], "cells": []}}
    with st.container(key=f"opens-{key}"):
        st.dataframe(
            row_frame.frame(listed, columns),
            hide_index=True,
            key=widget,
            column_config=row_frame.config(columns, order),
            placeholder="",
            selection_mode=["single-row", "single-column"],
            on_select=partial(_select, widget, key, choose, ids, columns, sortable),
        )


def order_of(key: str, sortable: Collection[str]) -> Order | None:
    """The order of the table with this key, from the address; None where it has its own."""
    return ordering.read(st.query_params.get(f"{key}-order"), sortable)


def unmark(choose: str) -> None:
    """No row of a table with this parameter is marked as opened anymore; for callbacks."""
    for widget in st.session_state.get(_widgets_of(choose), {}).values():
        st.session_state[widget] = NOTHING


def forget_order(key: str) -> None:
    """The table has its own order again; for callbacks."""
    for each in (*PLACES, f"{key}-order"):
        st.query_params.pop(each, None)


def _widgets_of(choose: str) -> str:
    return f"tables of {choose}"


def _select(
    widget: str,
    key: str,
    parameter: str,
    ids: Sequence[str],
    columns: Sequence[Column],
    sortable: Collection[str],
) -> None:
    """Put the id of the clicked row into the address, or the order that a clicked heading asks for."""
    picked = st.session_state[widget]["selection"]
    if headings := picked["columns"]:
        _sort(key, next(each for each in columns if each.title == headings[0]), sortable)
        st.session_state[widget] = NOTHING
    elif picked["rows"]:
        st.query_params[parameter] = ids[picked["rows"][0]]
    else:
        st.query_params.pop(parameter, None)


def _sort(key: str, column: Column, sortable: Collection[str]) -> None:
    if column.field not in sortable:
        return
    order = ordering.next_order(order_of(key, sortable), column)
    forget_order(key)
    if order:
        st.query_params[f"{key}-order"] = str(order)


def files(
    rows: Callable[[Actor], Sequence[Row]],
    columns: Sequence[Column],
    *,
    name: str,
    period: Period | None = None,
    definitions: Mapping[str, str] | None = None,
    large: bool = False,
) -> None:
    """Buttons for a table that is read in one call, as CSV and XLSX, at the click.

    `large` is for one that may have more than `export_panel.LARGE_ROWS` rows.
    """
    filters = export_panel.set_filters()

    def table(actor: Actor) -> Table:
        found = whole(rows(actor))
        title = name.replace("-", " ").capitalize()
        return Table(name, title, columns, of_rows(found), len(found), period, filters, definitions or {})

    export_panel.show(table, name=name, large=large)


def note_if_cut(shown: Sequence[Row], most: int, which: str) -> None:
    """Says so where a list of at most `most` rows has more than are shown: the newest, the largest."""
    if len(shown) >= most:
        st.caption(f"The {which} {most:,} are shown; the files have all.")


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
        **{"type": "tertiary", "key": name, "icon": ":material/download:"} | shown,
    )
