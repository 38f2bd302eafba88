"""Functions that a test adds to the database that it shares with others, or breaks there."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import Connection


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


@contextmanager
def broken(owner: Connection, *names: str) -> Iterator[None]:
    """Until the block ends these functions of payops_api have a defect."""
    found = owner.execute(
        "select pg_get_functiondef(oid), oid::regproc::text, pg_get_function_arguments(oid),"
        " pg_get_function_result(oid) from pg_proc"
        " where proname = any (%s) and pronamespace = 'payops_api'::regnamespace",
        (sorted(names),),
    ).fetchall()
    assert len({name for _, name, _, _ in found}) == len(set(names))
    for _, name, arguments, result in found:
        defect = "$$ begin raise division_by_zero; end $$"
        owner.execute(f"create or replace function {name}({arguments}) returns {result} language plpgsql as {defect}")
    try:
        yield
    finally:
        for definition, *_ in found:
            owner.execute(definition)
