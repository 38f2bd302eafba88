"""The database by Postgres connections: direct ones, or through a pooler in transaction mode."""

import time
from decimal import Decimal
from math import inf
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import orjson
import psycopg
import structlog
from psycopg import sql
from psycopg.abc import PQGen
from psycopg.types.json import Jsonb, set_json_dumps, set_json_loads
from psycopg_pool import ConnectionPool, PoolTimeout

from core import telemetry
from core.db import (
    changed_meanwhile,
    database_away,
    error_from_sqlstate,
    out_of_range,
    plain,
    read_json,
    unstorable_text,
)
from core.db.time_limits import REPORT, TimeLimits

log = structlog.get_logger(__name__)
APPLICATION = "payops"
CONNECT_TIMEOUT_SECONDS = 3
CHECK_SECONDS = 1.0
SLOW_SECONDS = 1.0
# Sets the name by which pg_stat_activity and the server's log show the statements of a request.
SET_NAME = b"select set_config('application_name', %s, true)"
SET_LIMITS = b"select set_config(%s, %s, true), set_config(%s, %s, true)"  # until the end of the transaction

# In a pipeline, psycopg believes that a statement is prepared even if Postgres refused to prepare it; it would fail
# forever on that connection. SQLSTATEs: no right or no such function, no such schema, not prepared, not supported.
REFUSED_TO_PREPARE = ("42", "3F", "26", "0A")

T = TypeVar("T")
# orjson's messages about a caller's value; any other error of orjson is our defect.
HALF_A_PAIR, TOO_LARGE = "surrogates not allowed", "exceeds 64-bit range"


class TimedConnection(psycopg.Connection[Any]):
    """A connection that is closed if no answer arrives by `deadline`; a frozen one would never fail by itself."""

    deadline = inf

    def wait(self, gen: PQGen[T], *args: Any, **kwargs: Any) -> T:
        if self.deadline == inf:
            return super().wait(gen, *args, **kwargs)
        try:
            return super().wait(gen, timeout=max(0.0, self.deadline - time.monotonic()))
        except psycopg.OperationalError:
            if time.monotonic() >= self.deadline:
                self.pgconn.finish()
            raise

    def answer_within(self, seconds: float) -> None:
        self.deadline = time.monotonic() + seconds


class PsycopgDatabase:
    """Calls `payops_api` functions, each in its own transaction; can be shared between threads.

    A connection that answered within the last `surely_open_seconds` is not checked before a call; if it broke since,
    the call fails. With `direct` connections, statements are prepared and the time limits are set once. A pooler in
    transaction mode uses another connection each time, so the limits are set in each transaction, in the same round
    trip as the call.
    """

    def __init__(
        self,
        conninfo: str,
        *,
        max_connections: int = 8,
        surely_open_seconds: float = 0.1,
        direct: bool = False,
        limits: TimeLimits = REPORT,
    ):
        self._limits = limits
        self._direct = direct
        self._surely_open_seconds = surely_open_seconds
        self._away = False  # the last attempt to connect failed
        self._statements: dict[tuple[str, ...], bytes] = {}
        self._answered: WeakKeyDictionary[TimedConnection, float] = WeakKeyDictionary()
        postgres_limits = " ".join(f"-c {name}={value}" for name, value in limits.settings.items())
        self._pool: ConnectionPool[TimedConnection] = ConnectionPool(
            conninfo,
            connection_class=TimedConnection,
            min_size=1,
            max_size=max_connections,
            timeout=limits.connection_seconds,
            reconnect_timeout=0,
            max_lifetime=1800,
            check=self._check,
            configure=self._connected,
            reconnect_failed=self._not_connected,
            kwargs={
                "autocommit": True,
                "prepare_threshold": 2 if direct else None,
                "connect_timeout": CONNECT_TIMEOUT_SECONDS,
                "application_name": APPLICATION,
            }
            | ({"options": postgres_limits} if direct else {}),
            open=True,
        )

    def call(self, function: str, /, **arguments: Any) -> Any:
        started = time.monotonic()
        try:
            with telemetry.span(function, db__system="postgresql"):
                return self._call(function, arguments)
        finally:
            took = time.monotonic() - started
            if took >= SLOW_SECONDS and telemetry.request_id():  # background work may take long
                log.warning("a database call was slow", function=function, took_ms=round(took * 1000))

    def _call(self, function: str, arguments: dict[str, Any]) -> Any:
        statement = self._statement(function, tuple(arguments))
        values = _adapted(arguments)
        try:
            try:
                row = self._answer(statement, values)
            except (psycopg.ProgrammingError, psycopg.InternalError, psycopg.NotSupportedError) as error:
                if not changed_meanwhile(error.sqlstate, error.diag.message_primary or ""):
                    raise
                row = self._answer(statement, values)  # a deploy replaced something that the call was using
        except PoolTimeout as error:
            raise database_away() from error
        except UnicodeEncodeError as error:
            raise unstorable_text() from error
        except psycopg.Error as error:
            raise _translated(error) from error
        return row[0] if row else None

    def _answer(self, statement: bytes, values: dict[str, Any]) -> tuple[Any, ...] | None:
        with self._pool.connection(timeout=self._wait_seconds()) as connection:
            connection.answer_within(self._limits.answer_seconds)
            row = self._run(connection, statement, values)
            self._answered[connection] = time.monotonic()
        return row

    def _wait_seconds(self) -> float:
        quick = self._limits.while_away_seconds
        return quick if self._away and quick is not None else self._limits.connection_seconds

    def _connected(self, connection: TimedConnection) -> None:
        self._away = False
        _configure(connection)

    def _not_connected(self, _: ConnectionPool[TimedConnection]) -> None:
        self._away = True

    def pool_stats(self) -> dict[str, int]:
        """Use of the pool: connections, waiting requests, errors (see psycopg_pool's statistics)."""
        return dict(self._pool.get_stats())

    def close(self) -> None:
        self._pool.close()

    def _run(self, connection: TimedConnection, statement: bytes, arguments: dict[str, Any]) -> tuple[Any, ...] | None:
        """The row of the call's result. A pipeline is one transaction, which is committed at its end."""
        request_id = telemetry.request_id()
        if self._direct and request_id is None:
            return connection.execute(statement, arguments).fetchone()
        (first, second), (one, two) = self._limits.settings.keys(), self._limits.settings.values()
        try:
            with connection.pipeline():
                if not self._direct:
                    connection.execute(SET_LIMITS, (first, one, second, two))
                if request_id is not None:
                    connection.execute(SET_NAME, (f"{APPLICATION} {request_id}",))
                cursor = connection.execute(statement, arguments)
        except psycopg.Error as error:
            if self._direct and (error.sqlstate or "").startswith(REFUSED_TO_PREPARE):
                connection.close()
            raise
        return cursor.fetchone()

    def _check(self, connection: TimedConnection) -> None:
        """Check the connection. If it broke while idle the others did too, so close them all instead of trying each."""
        if time.monotonic() - self._answered.get(connection, -inf) < self._surely_open_seconds:
            return
        connection.answer_within(CHECK_SECONDS)
        try:
            ConnectionPool.check_connection(connection)
        except psycopg.Error:
            self._pool.drain()
            raise

    def _statement(self, function: str, names: tuple[str, ...]) -> bytes:
        key = (function, *names)
        if key not in self._statements:
            arguments = sql.SQL(", ").join(
                sql.SQL("{} => {}").format(sql.Identifier(f"p_{name}"), sql.Placeholder(name)) for name in names
            )
            call = sql.SQL("select payops_api.{}({})").format(sql.Identifier(function), arguments)
            self._statements[key] = call.as_bytes()
        return self._statements[key]


def _configure(connection: TimedConnection) -> None:
    set_json_loads(read_json, connection)
    set_json_dumps(_dumps, connection)


def _dumps(document: Any) -> bytes:
    """The document as JSON; times and ids become text as in `plain`, but without a copy of the document."""
    try:
        return orjson.dumps(document, default=_in_document)
    except orjson.JSONEncodeError as error:
        if HALF_A_PAIR in str(error):
            raise unstorable_text() from error
        if TOO_LARGE in str(error):
            raise out_of_range() from error
        raise


def _in_document(value: Any) -> Any:
    """For types that orjson does not know: a `Decimal` stays an exact number, all else is converted by `plain`."""
    if isinstance(value, Decimal) and value.is_finite():
        return orjson.Fragment(str(value))
    return plain(value)


def _adapted(arguments: dict[str, Any]) -> dict[str, Any]:
    return {name: Jsonb(value) if isinstance(value, dict | list) else plain(value) for name, value in arguments.items()}


def _translated(error: psycopg.Error) -> Exception:
    if isinstance(error, psycopg.DataError) and error.sqlstate is None:  # psycopg could not encode the text
        return unstorable_text()
    if error.sqlstate is None:
        return database_away()
    return error_from_sqlstate(error.sqlstate, error.diag.message_primary or "", error.diag.message_hint)
