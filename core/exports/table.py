"""The description of a table: its columns, its rows in batches, and what readers of its file should know."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeVar
from zoneinfo import ZoneInfo

from core.errors import Refused
from core.periods import Period

MOST_AT_ONCE = 100_000  # the most rows of a list that is read in one call
Row = Mapping[str, Any]
Kind = Literal["text", "id", "count", "number", "money", "moment", "day", "share", "link", "trend"]
Place = TypeVar("Place")
Rows = TypeVar("Rows", bound=Sequence[Any])


@dataclass(frozen=True)
class Column:
    """A column: the record's field, its heading, and how it is shown and written to a file.

    `money` is a field in minor units next to a field `currency` (or `currency_field`); `moment` an ISO time, shown in
    the business's time zone; `day` an ISO date; `share` a fraction; `number` one with decimals, such as an exchange
    rate; `id` a text that is never read as a number; `link` an address; `trend` a list of counts, drawn on the page and
    in no file. `read` computes the value from the record. `help` defines the figure, on the page and in the file. A
    file adds up the columns with `total`. Rows are sorted by the column's value, or by the field `sort_by`.
    """

    field: str
    title: str
    kind: Kind = "text"
    help: str | None = None
    read: Callable[[Any], Any] | None = None  # called with a row, of the type that the table has
    currency_field: str = "currency"
    width: Literal["small", "medium", "large"] | int | None = None  # on the page; a number is in pixels
    total: bool = False
    currency: str | None = None  # of the whole column, if no field of the record has it
    sort_by: str | None = None  # the record's field to sort by, if `read` returns text
    links_to: str | None = None  # on the page, the target of a link on the value: `payments?payment={}`

    def value(self, row: Row) -> Any:
        """The record's value, money in minor units."""
        return self.read(row) if self.read else row.get(self.field)


@dataclass(frozen=True)
class Table:
    """A table to export: `name` is the file's name, `title` its sheet's.

    `batches` returns the rows, from the start at each call; `count` is their number, None if unknown. `filters` are the
    filters that were set; `definitions` explain figures in addition to the columns' `help`.
    """

    name: str
    title: str
    columns: Sequence[Column]
    batches: Callable[[], Iterable[Sequence[Row]]]
    count: int | None = None
    period: Period | None = None
    filters: Mapping[str, str] = field(default_factory=dict)
    definitions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Stamp:
    """When a file was made, by whom (`staff:ana`, `cli:root`), and the time zone that its times are in."""

    made_at: datetime
    made_by: str
    zone: ZoneInfo


def of_rows(rows: Sequence[Row]) -> Callable[[], Iterable[Sequence[Row]]]:
    """The batches of a table whose rows are all in memory."""
    return lambda: [rows]


def by_key(
    fetch: Callable[[Place | None], tuple[Sequence[Row], Place | None]],
) -> Callable[[], Iterator[Sequence[Row]]]:
    """The batches of a table that is read page by page, so that only one page is in memory. `fetch` returns a page and
    the place of the next one, None at the end.
    """

    def batches() -> Iterator[Sequence[Row]]:
        rows, place = fetch(None)
        yield rows
        while place is not None:
            rows, place = fetch(place)
            yield rows

    return batches


def by_last_id(fetch: Callable[[str | None], Sequence[Row]], *, size: int) -> Callable[[], Iterator[Sequence[Row]]]:
    """The batches of a table that is read `size` rows at a time, each page after the id of the last row."""

    def page(after: str | None) -> tuple[Sequence[Row], str | None]:
        rows = fetch(after)
        return rows, str(rows[-1]["id"]) if len(rows) == size else None

    return by_key(page)


def whole(rows: Rows) -> Rows:
    """The rows of a table that is read in one call; raises `Refused` if there are more than one call returns."""
    if len(rows) >= MOST_AT_ONCE:
        raise Refused("too_many_rows", f"{MOST_AT_ONCE:,} rows or more match. Set a filter or choose a shorter period.")
    return rows


def with_currencies(columns: Sequence[Column]) -> list[Column]:
    """The columns of a file: after each column of money one with its currency, unless the table has it already."""
    present = {column.field for column in columns if column.kind != "money"}
    found: list[Column] = []
    for column in columns:
        found.append(column)
        if column.kind == "money" and column.currency is None and column.currency_field not in present:
            present.add(column.currency_field)
            found.append(_currency_column(column.currency_field))
    return found


def _currency_column(name: str) -> Column:
    return Column(name, name.replace("_", " ").capitalize(), "id", read=lambda row: str(row.get(name) or "").upper())
