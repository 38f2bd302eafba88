"""The interface to the database: SQL functions, called by name with named arguments; and its errors."""

import json
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Protocol, runtime_checkable
from uuid import UUID

from core.errors import PayopsError, Refused, Unauthorised, Unavailable

UNAUTHORISED_CODES = frozenset({"not_allowed", "not_signed_in"})
RAISED_BY_US = "P0001"
# Connection lost, resources exhausted, server stopping, deadlocks, read-only: nothing was committed, a retry is safe.
RETRYABLE_CLASSES = ("08", "53", "57", "40", "25006")
UNSTORABLE_TEXT = frozenset({"22021", "22P05"})  # a zero byte, in text and inside JSON
OUT_OF_RANGE = frozenset({"22003", "22007", "22008"})  # a number or a time that is too large for Postgres
TOO_SLOW = {
    "57014": "The database took longer than its time limit, so nothing was changed. "
    "Try again, or ask for a shorter period.",
    "55P03": "Another change holds what this one needs, so nothing was changed. Try again in a moment.",
}


# A missing right or object. The caller gets 503: nothing was done, and `payops migrate` mends it.
NO_RIGHT = "42501"
RIGHT_MISSING = (
    "database_right_missing",
    "The database refuses payops's login a right that it needs. Run `payops migrate`, which grants it again, and see "
    "that the login is a member of payops_app.",
)
FUNCTION_MISSING = (
    "database_not_migrated",
    "The database lacks a function of this version of payops. Run `payops migrate`, then try again.",
)
OURS_MISSING = ("function payops_api.", 'schema "payops_api"')
# An undefined function, table, column or object; a prepared statement that is gone or whose result type changed.
REPLACED = frozenset({"42883", "42P01", "42703", "42704", "0A000", "26000"})
REPLACED_INSIDE = ("cache lookup failed", "could not open relation with OID", "tuple concurrently updated")


@runtime_checkable
class Database(Protocol):
    """`call("begin_refund", refund_id=…)` runs `payops_api.begin_refund(p_refund_id => …)` in one transaction.

    Returns the function's JSON value, equal for every transport; a number that a float cannot represent is a `Decimal`
    (see `read_json`). Times are passed as aware `datetime`, lists and mappings become jsonb.
    Raises `Refused`, `Unauthorised` or `Unavailable`; `DatabaseFault` if the function itself has a defect.
    """

    def call(self, function: str, /, **arguments: Any) -> Any: ...

    def close(self) -> None: ...


class DatabaseFault(PayopsError):
    """Postgres reported an error that payops does not raise itself: a defect of payops, never shown to a caller."""

    default_code = "database_fault"


def plain(value: Any) -> Any:
    """The value in types of JSON, so that both transports send the same; raises `ValueError` for a naive time."""
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("times are aware")
        return value.isoformat()
    if isinstance(value, date | UUID | Decimal):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): _in_document(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_in_document(item) for item in value]
    return value


def _in_document(value: Any) -> Any:
    """A value inside a list or mapping: a `Decimal` becomes a float if that is exactly equal, else text."""
    if isinstance(value, Decimal) and value.is_finite() and Decimal(repr(float(value))) == value:
        return float(value)
    return plain(value)


def read_json(text: str | bytes) -> Any:
    """Parse JSON without changing any number.

    Integers have any size. A number with a fraction is a float if the float is written with the same digits, such as
    12.3; else it is a `Decimal`, such as 123456789012345678.90.
    """
    return json.loads(text, parse_float=_number_as_written)


def _number_as_written(text: str) -> float | Decimal:
    number, exact = float(text), Decimal(text)
    return number if Decimal(repr(number)) == exact else exact


def json_text(document: Any) -> str:
    """A value returned by the database as indented JSON, for people and programs."""
    return json.dumps(document, indent=2, default=_number)


def _number(value: Any) -> float:
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"{type(value).__name__} is not part of a JSON document")


def database_away() -> Unavailable:
    """For a call without an answer: it may have taken effect or not, but every function can safely be called again."""
    return Unavailable("database_unavailable", "The database did not answer. Try again in a moment.")


def unstorable_text() -> Refused:
    """For a text with a zero byte or half of a surrogate pair, which Postgres cannot store."""
    return Refused("unstorable_text", "The text contains a character that cannot be stored. Remove it and try again.")


def out_of_range() -> Refused:
    """For a number or a time that is too large for Postgres."""
    return Refused("out_of_range", "A number or a time is out of range. Correct it and try again.")


def changed_meanwhile(sqlstate: str | None, message: str) -> bool:
    """Whether the call failed because a deploy replaced something that it used; nothing was done, so call again."""
    return sqlstate in REPLACED or sqlstate == "XX000" and message.startswith(REPLACED_INSIDE)


def function_missing(sqlstate: str | None, message: str) -> bool:
    """Whether the called function or its schema does not exist; one that is missing inside a function is a defect."""
    return sqlstate in ("42883", "3F000") and message.startswith(OURS_MISSING)


def error_from_sqlstate(sqlstate: str, message: str, hint: str | None) -> PayopsError:
    """The error to raise for an error of Postgres; `message` is payops's error code if our SQL raised it."""
    if sqlstate == RAISED_BY_US:
        kind = Unauthorised if message in UNAUTHORISED_CODES else Refused
        return kind(message, hint or "")
    if sqlstate in TOO_SLOW:
        return Unavailable("database_too_slow", TOO_SLOW[sqlstate])
    if sqlstate in UNSTORABLE_TEXT:
        return unstorable_text()
    if sqlstate in OUT_OF_RANGE:
        return out_of_range()
    if sqlstate.startswith(RETRYABLE_CLASSES):
        return database_away()
    if sqlstate == NO_RIGHT:
        return Unavailable(*RIGHT_MISSING)
    if function_missing(sqlstate, message):
        return Unavailable(*FUNCTION_MISSING)
    return DatabaseFault("database_fault", f"{sqlstate}: {message}")
