"""The value of a cell: typed, money in major units, times in the business's time zone, never a formula."""

import json
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from core.exports.table import Column, Row
from core.money import Money

STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%", "＝", "＋", "－", "＠")

Cell = None | str | int | float | Decimal | date | datetime | Money


def cell(column: Column, row: Row, zone: ZoneInfo) -> Cell:
    """The row's value in this column; a text that a spreadsheet would run as a formula is prefixed with `'`."""
    value = column.value(row)
    if value is None or value == "":
        return None
    if column.kind == "money":
        currency = column.currency or row.get(column.currency_field)
        return Money(value, currency) if currency else f"{value} minor units, no currency"
    if column.kind == "moment":
        return _moment(value).astimezone(zone)
    if column.kind == "day":
        return date.fromisoformat(value[:10]) if isinstance(value, str) else _day(value)
    if column.kind != "id" and isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return value
    return harmless_text(value)


def harmless_text(value: Any) -> str:
    """The value as text that no spreadsheet runs as a formula."""
    text = _text(value)
    return f"'{text}" if text.lstrip(" ").startswith(STARTS_A_FORMULA) else text


def _moment(value: Any) -> datetime:
    found = datetime.fromisoformat(value) if isinstance(value, str) else value
    if found.tzinfo is None:
        raise ValueError("times are aware")
    moment: datetime = found
    return moment


def _day(value: Any) -> date:
    return value.date() if isinstance(value, datetime) else value


def _text(value: Any) -> str:
    if isinstance(value, str):
        # Half of a surrogate pair cannot be written to a file, so it becomes a question mark.
        return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")
    if value is None:
        return ""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, Mapping | list | tuple):
        return _text(json.dumps(value, ensure_ascii=False, sort_keys=True, default=str))
    return str(value)
