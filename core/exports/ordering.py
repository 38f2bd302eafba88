"""Sorting a table's rows by a column, ascending or descending."""

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
# The kinds of columns that are sorted descending first, because the largest or newest value is wanted.
LARGEST_FIRST = frozenset({"count", "number", "money", "moment", "share", "trend"})


@dataclass(frozen=True)
class Order:
    """Sorting by this field of a column; as text `amount_minor`, or `-amount_minor` if descending."""

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
    """The order after a click on a heading: first the column's usual direction, then the other one, then none."""
    first = Order(column.field, column.kind in LARGEST_FIRST)
    if current is None or current.field != column.field:
        return first
    return Order(column.field, not current.descending) if current == first else None


def in_order(rows: Iterable[AnyRow], columns: Sequence[Column], order: Order | None) -> list[AnyRow]:
    """The rows sorted by the values of a column; empty values come last in both directions."""
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
    """The sort key of a row's value; keys of one column can be compared with each other."""
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
    """A page of a sorted list, and the number of rows in the whole list."""

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
    """Sort all rows and return `limit` of them from `skip` on; raises `Refused` if there are too many to sort."""
    found: list[Mapping[str, Any]] = []
    for batch in batches():
        found += batch
        if len(found) > SORTED_AT_MOST:
            raise Refused(
                "too_many_to_sort",
                f"More than {SORTED_AT_MOST:,} rows match, too many to sort. Set a filter or choose a shorter period.",
            )
    return SortedPage(in_order(found, columns, order)[skip : skip + limit], len(found))
