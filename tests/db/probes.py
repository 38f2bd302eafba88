"""Functions that a test adds to the database that it shares with others."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg


@contextmanager
def added(owner_conninfo: str, functions: str) -> Iterator[None]:
    """The app may call these functions until the block ends.

    They are dropped then: others check who may execute what, and PUBLIC may execute a new function.
    """
    names = re.findall(r"function (payops_api\.\w+)", functions)
    with psycopg.connect(owner_conninfo) as connection:
        connection.execute(functions)
        for name in names:
            connection.execute(f"grant execute on function {name} to payops_app")
    try:
        yield
    finally:
        with psycopg.connect(owner_conninfo) as connection:
            for name in names:
                connection.execute(f"drop function {name}")
