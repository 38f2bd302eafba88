"""The order of a table's rows: by which column and which way; and rows in that order, by value."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

from core.errors import Refused
from core.exports.table import Column
from core.money import Money

AnyRow = TypeVar("AnyRow", bound=Mapping[str, Any])
SORTED_AT_MOST = 10_000
# What people want to see first of these is the largest or the newest.
LARGEST_FIRST = frozenset({"count", "number", "money", "moment", "share", "trend"})


@dataclass(frozen=True)
class Order:
    """Sorted by this column's field; written `amount_minor`, or `-amount_minor` where it is descending."""

    field: str
    descending: bool = False

    def __str__(self) -> str:
        return f"-{self.field}" if self.descending else self.field


def read(text: str | None, fields: Collection[str]) -> Order | None:
    """The order that this text names; None for any other text, and for a column that cannot be sorted by."""
    given = text or ""
    order = Order(given.removeprefix("-"), given.startswith("-"))
    return order if order.field in fields else None


def next_order(current: Order | None, column: Column) -> Order | None:
    """What a click on a heading makes of the order: the column's own way, then the other way, then none."""
    first = Order(column.field, column.kind in LARGEST_FIRST)
    if current is None or current.field != column.field:
        return first
    return Order(column.field, not current.descending) if current == first else None


def in_order(rows: Iterable[AnyRow], columns: Sequence[Column], order: Order | None) -> list[AnyRow]:
    """The rows sorted by the values of a column; empty values come last, whichever way."""
    column = next((each for each in columns if order and each.field == order.field), None)
    if column is None or order is None:
        return list(rows)
    with_value: list[tuple[Any, AnyRow]] = []
    empty: list[tuple[Any, AnyRow]] = []
    for row in rows:
        value = _value(column, row)
        (empty if value in (None, "") else with_value).append((value, row))
    with_value.sort(key=lambda pair: pair[0], reverse=order.descending)
    return [row for _, row in [*with_value, *empty]]


def _value(column: Column, row: Mapping[str, Any]) -> Any:
    """What the column is sorted by, comparable with the values of its other rows."""
    value = row.get(column.sort_by) if column.sort_by else column.value(row)
    if value is None:
        return None
    if column.kind == "money":
        currency = column.currency or row[column.currency_field]
        return (Money(int(value), currency).major, currency)
    if column.kind == "moment" and isinstance(value, str):
        return datetime.fromisoformat(value)
    if column.kind == "trend":
        return sum(value)
    if isinstance(value, bool | int | float | Decimal):
        return value
    return str(value).casefold()


@dataclass(frozen=True)
class SortedPage:
    """Some rows of a sorted list, and how many the whole list has."""

    rows: list[Any]
    total: int


def sorted_page(
    batches: Callable[[], Iterable[Sequence[Mapping[str, Any]]]],
    columns: Sequence[Column],
    order: Order,
    *,
    skip: int,
    limit: int,
) -> SortedPage:
    """`limit` rows from `skip` on of all rows in the batches, in this order; refused where there are too many."""
    found: list[Mapping[str, Any]] = []
    for batch in batches():
        found += batch
        if len(found) > SORTED_AT_MOST:
            raise Refused(
                "too_many_to_sort",
                f"More than {SORTED_AT_MOST:,} rows match, too many to sort. Set a filter or choose a shorter period.",
            )
    return SortedPage(in_order(found, columns, order)[skip : skip + limit], len(found))
