"""Rows are sorted by their values over the whole list, whatever is written in their cells."""

from itertools import count

import pytest

from core.errors import Refused
from core.exports import ordering
from core.exports.ordering import SORTED_AT_MOST, Order, in_order, next_order, sorted_page
from core.exports.table import Column

AMOUNT = Column("minor", "Amount", "money")
LEFT = Column("left", "Time left", read=lambda one: f"{one['hours']} h", sort_by="hours")
COLUMNS = (AMOUNT, LEFT, Column("name", "Name"), Column("at", "At", "moment"))


def names(rows):
    return [row["name"] for row in rows]


def money(name, minor, currency="usd"):
    return {"name": name, "minor": minor, "currency": currency}


def test_amounts_are_sorted_by_value_and_not_as_text():
    rows = [money("a", 6900), money("b", 11900), money("c", 14900), money("d", 29000), money("e", None)]
    assert names(in_order(rows, COLUMNS, Order("minor"))) == ["a", "b", "c", "d", "e"]
    assert names(in_order(rows, COLUMNS, Order("minor", descending=True))) == ["d", "c", "b", "a", "e"]


def test_amounts_of_several_currencies_are_compared_in_their_major_units():
    rows = [money("yen", 500, "jpy"), money("dinar", 1234, "kwd"), money("dollar", 19999)]
    assert names(in_order(rows, COLUMNS, Order("minor"))) == ["dinar", "dollar", "yen"]


def test_worded_cells_are_sorted_by_their_value():
    rows = [{"name": "long", "hours": 12}, {"name": "short", "hours": 3}, {"name": "none", "hours": None}]
    assert names(in_order(rows, COLUMNS, Order("left"))) == ["short", "long", "none"]


def test_times_with_different_offsets_are_sorted_by_the_moment_they_name():
    rows = [
        {"name": "later", "at": "2026-11-24T07:30:00-05:00"},
        {"name": "earlier", "at": "2026-11-24T12:00:00+00:00"},
    ]
    assert names(in_order(rows, COLUMNS, Order("at"))) == ["earlier", "later"]


def test_only_a_column_of_the_table_is_a_key_to_sort_by():
    fields = {"minor", "name"}
    assert ordering.read("-minor", fields) == Order("minor", descending=True)
    for text in (None, "", "-", "id; drop table", "left", "--minor"):
        assert ordering.read(text, fields) is None


def test_clicking_a_heading_sorts_descending_ascending_then_default():
    first = next_order(None, AMOUNT)
    second = next_order(first, AMOUNT)
    assert (first, second, next_order(second, AMOUNT)) == (Order("minor", descending=True), Order("minor"), None)
    assert next_order(first, COLUMNS[2]) == Order("name")


def test_a_page_is_cut_from_all_rows_and_not_from_one_batch():
    batches = [[money("a", 300), money("b", 100)], [money("c", 200), money("d", 400)]]
    page = sorted_page(lambda: batches, COLUMNS, Order("minor"), skip=1, limit=2)
    assert (names(page.rows), page.total) == (["c", "a"], 4)


def test_a_list_too_long_to_sort_is_refused_without_being_read_whole():
    read = count()

    def batches():
        while True:
            next(read)
            yield [money("a", 100)] * 1000

    with pytest.raises(Refused, match="Set a filter"):
        sorted_page(batches, COLUMNS, Order("minor"), skip=0, limit=10)
    assert next(read) == SORTED_AT_MOST // 1000 + 1
