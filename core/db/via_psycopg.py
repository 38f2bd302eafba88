"""The database through a Postgres connection: direct, or through a pooler in transaction mode."""

import time
from math import inf
from typing import Any
from weakref import WeakKeyDictionary

import orjson
import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb, set_json_dumps, set_json_loads
from psycopg_pool import ConnectionPool, PoolTimeout

from core.db import error_from_sqlstate, plain, unstorable_text
from core.errors import Unavailable

CONNECT_TIMEOUT_SECONDS = 3
POOL_WAIT_SECONDS = 3.0


class PsycopgDatabase:
    """Calls `payops_api` functions, each in a transaction of its own; safe to share between threads.

    A connection that answered within `surely_open_seconds` is not asked first whether it still does: one that broke in
    between costs a call, as one does that breaks during it. Statements are prepared where the connection is `direct`: a
    pooler in transaction mode hands out another one each time.
    """

    def __init__(
        self, conninfo: str, *, max_connections: int = 8, surely_open_seconds: float = 0.1, direct: bool = False
    ):
        self._surely_open_seconds = surely_open_seconds
        self._statements: dict[tuple[str, ...], bytes] = {}
        self._answered: WeakKeyDictionary[psycopg.Connection[Any], float] = WeakKeyDictionary()
        self._pool: ConnectionPool[psycopg.Connection[Any]] = ConnectionPool(
            conninfo,
            min_size=1,
            max_size=max_connections,
            timeout=POOL_WAIT_SECONDS,
            reconnect_timeout=0,
            max_lifetime=1800,
            check=self._check,
            configure=_configure,
            kwargs={
                "autocommit": True,
                "prepare_threshold": 2 if direct else None,
                "connect_timeout": CONNECT_TIMEOUT_SECONDS,
                "application_name": "payops",
            },
            open=True,
        )

    def call(self, function: str, /, **arguments: Any) -> Any:
        statement = self._statement(function, tuple(arguments))
        try:
            with self._pool.connection() as connection:
                row = connection.execute(statement, _adapted(arguments)).fetchone()
                self._answered[connection] = time.monotonic()
        except PoolTimeout as error:
            raise Unavailable("database_unavailable", "The database did not answer. Nothing was changed.") from error
        except psycopg.Error as error:
            raise _translated(error) from error
        except (UnicodeEncodeError, orjson.JSONEncodeError) as error:
            raise unstorable_text() from error
        return row[0] if row else None

    def pool_stats(self) -> dict[str, int]:
        """How the pool is used: connections, waiting requests, errors (see psycopg_pool's statistics)."""
        return dict(self._pool.get_stats())

    def close(self) -> None:
        self._pool.close()

    def _check(self, connection: psycopg.Connection[Any]) -> None:
        """One connection that broke while idle means that the others did: none of them is tried one by one."""
        if time.monotonic() - self._answered.get(connection, -inf) < self._surely_open_seconds:
            return
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


def _configure(connection: psycopg.Connection[Any]) -> None:
    set_json_loads(orjson.loads, connection)
    set_json_dumps(_dumps, connection)


def _dumps(document: Any) -> bytes:
    """Times and ids inside a document become text as `plain` makes them, without a copy of the document."""
    return orjson.dumps(document, default=plain)


def _adapted(arguments: dict[str, Any]) -> dict[str, Any]:
    return {name: Jsonb(value) if isinstance(value, dict | list) else plain(value) for name, value in arguments.items()}


def _translated(error: psycopg.Error) -> Exception:
    if error.sqlstate is None and isinstance(error, psycopg.DataError):
        return unstorable_text()  # the driver itself refuses a zero byte
    if error.sqlstate is None:
        return Unavailable("database_unavailable", "The database did not answer. Nothing was changed.")
    return error_from_sqlstate(error.sqlstate, error.diag.message_primary or "", error.diag.message_hint)
