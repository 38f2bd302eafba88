"""A list that is read page by page, sorted by a heading over all its rows and not only over those of one page."""

from collections.abc import Callable, Iterable, Sequence

import streamlit as st

from core.errors import Refused
from core.exports import ordering
from core.exports.ordering import Order
from core.exports.table import Column, Row
from core.ui.kit import rows
from core.ui.text import literal

PAGE_ROWS = 200
PLACE = "from"


def shown(
    key: str,
    columns: Sequence[Column],
    batches: Callable[[], Iterable[Sequence[Row]]],
    *,
    choose: str,
    id_field: str = "id",
) -> bool:
    """Draw the table and its paging if the address names an order for it; False where the page draws its own order."""
    order = rows.order_of(key, sortable(columns))
    if order is None:
        return False
    skip = place()
    try:
        page = ordering.sorted_page(batches, columns, order, skip=skip, limit=PAGE_ROWS)
    except Refused as refused:
        st.warning(literal(refused.detail))
        st.button("Usual order", key=f"{key}-usual", on_click=rows.forget_order, args=(key,))
        return False
    rows.show(page.rows, columns, key=key, choose=choose, id_field=id_field, ordered=sortable(columns))
    _paging(key, _title(columns, order), skip, len(page.rows), page.total)
    return True


def sortable(columns: Sequence[Column]) -> frozenset[str]:
    return frozenset(column.field for column in columns)


def pages(key: str, skip: int, page_rows: int, *, more: bool) -> None:
    """The buttons to the page before and the next one."""
    with st.container(horizontal=True, width="content"):
        st.button("Previous", key=f"{key}-previous", disabled=not skip, on_click=_go, args=(skip - page_rows,))
        st.button("Next", key=f"{key}-next", disabled=not more, on_click=_go, args=(skip + page_rows,))


def _paging(key: str, title: str, skip: int, count: int, total: int) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        pages(key, skip, PAGE_ROWS, more=skip + PAGE_ROWS < total)
        st.button("Usual order", key=f"{key}-usual", on_click=rows.forget_order, args=(key,))
        st.caption(literal(f"{skip + 1:,} to {skip + count:,} of {total:,}, by {title}"), width="content")


def _title(columns: Sequence[Column], order: Order) -> str:
    title = next(column.title for column in columns if column.field == order.field)
    return f"{title[0].lower()}{title[1:]}, {'largest or newest' if order.descending else 'smallest or oldest'} first"


def place() -> int:
    """How many rows of the list come before this page, from the address."""
    given = st.query_params.get(PLACE, "0")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 7 else 0


def _go(place: int) -> None:
    if place > 0:
        st.query_params[PLACE] = str(place)
    else:
        st.query_params.pop(PLACE, None)
