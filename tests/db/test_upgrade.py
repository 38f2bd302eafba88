"""An installation with the migrations before they were merged upgrades to today's schema, with its data."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from core.api import health
from core.db import deploy as deployment
from core.db.deploy import deploy, fingerprint, script
from core.db.via_psycopg import PsycopgDatabase
from core.errors import Refused
from tests.conftest import Server

CATALOGUE = (Path(__file__).parent / "catalogue.sql").read_bytes()
BEFORE_THE_MERGE = (Path(__file__).parent / "schema_before_merge.sql").read_bytes()
TABLES = "select oid from pg_class where relnamespace = 'payops'::regnamespace and relkind = 'r'"
TABLES += " and relname <> 'deployment'"  # the one that every deploy writes
COLUMNS = """
select attnum, quote_ident(attname), format_type(atttypid, atttypmod) from pg_attribute
where attrelid = %s and attnum > 0 and not attisdropped
"""
# What later migrations replace: the changes of subscriptions are in `subscription_snapshots`, and nobody needs to
# know how
# many requests a caller made in a minute that is over.
DROPPED = ("subscription_changes", "api_turns")
Rows = dict[int, dict[int, tuple[str, list[Any]]]]


@pytest.fixture
def older(server: Server) -> Iterator[psycopg.Connection]:
    with made(server, "payops_older") as connection:
        connection.execute(BEFORE_THE_MERGE)
        connection.execute("set search_path to default")
        yield connection


class made:
    """A database of its own, for a while."""

    def __init__(self, server: Server, name: str):
        self.server, self.name = server, name

    def __enter__(self) -> psycopg.Connection:
        with psycopg.connect(self.server.owner_conninfo, autocommit=True) as admin:
            admin.execute(f"drop database if exists {self.name} with (force)".encode())
            admin.execute(f"create database {self.name}".encode())
        self.connection = psycopg.connect(make_conninfo(self.server.owner_conninfo, dbname=self.name), autocommit=True)
        return self.connection

    def __exit__(self, *_: object) -> None:
        self.connection.close()
        with psycopg.connect(self.server.owner_conninfo, autocommit=True) as admin:
            admin.execute(f"drop database {self.name} with (force)".encode())


def catalogue(connection: psycopg.Connection) -> set[str]:
    return {line for (line,) in connection.execute(CATALOGUE).fetchall()}


# A state of two time zones counts by the one whose midnight comes first.
CORRECTED_ZONES = {
    "AZ": "America/Denver",
    "NV": "America/Denver",
    "OR": "America/Boise",
    "TN": "America/New_York",
}


def rows_of(connection: psycopg.Connection) -> Rows:
    """Each column's type and values, by the numbers that a renamed table and column keep; the rows in a fixed order."""
    found: Rows = {}
    for (table,) in connection.execute(TABLES).fetchall():
        name = connection.execute("select %s::oid::regclass::text", (table,)).fetchone()[0]
        found[table] = {
            number: (
                kind,
                [row[0] for row in connection.execute(f"select {column}::text from {name} order by ctid").fetchall()],
            )
            for number, column, kind in connection.execute(COLUMNS, (table,)).fetchall()
        }
    return found


def test_an_upgraded_installation_has_the_catalogue_of_a_new_one(server, older):
    applied = deploy(older.info.dsn).applied
    assert all(name >= "0080" for name in applied)
    with made(server, "payops_newer") as newer:
        assert "0001_deployment_and_audit.sql" in deploy(newer.info.dsn).applied
        fresh, upgraded = catalogue(newer), catalogue(older)
    assert sorted(upgraded - fresh) == []
    assert sorted(fresh - upgraded) == []
    assert len([line for line in fresh if line.startswith("column ")]) > 500


def test_the_script_for_an_editor_upgrades_to_the_same_and_may_run_again(server, older):
    text = "".join(script()).encode()
    older.execute(text)
    older.execute(text)
    assert deploy(older.info.dsn).changed is False
    with made(server, "payops_newer") as newer:
        newer.execute(text)
        assert deploy(newer.info.dsn).changed is False
        assert catalogue(newer) == catalogue(older)


def test_an_upgrade_keeps_every_row(older):
    before = rows_of(older)
    assert sum(not columns[1][1] for columns in before.values()) == 1  # only the template of the mirror has no row
    dropped = {older.execute("select %s::regclass::oid", (f"payops.{name}",)).fetchone()[0] for name in DROPPED}
    zones = dict(older.execute("select code, zone from payops.states").fetchall())
    place = older.execute(
        "select attrelid, attnum from pg_attribute where attrelid = 'payops.states'::regclass and attname = 'zone'"
    ).fetchone()
    deploy(older.info.dsn)
    after = rows_of(older)
    assert set(before) - set(after) == dropped
    assert dict(older.execute("select code, zone from payops.states").fetchall()) == zones | CORRECTED_ZONES
    del before[place[0]][place[1]]  # compared in the line above
    for table in dropped:
        del before[table]
    for table, columns in before.items():
        for number, (kind, values) in columns.items():
            if after[table].get(number, ("",))[0] == kind:
                assert Counter(values) <= Counter(after[table][number][1])


def test_the_changes_of_an_older_installation_are_in_the_history_of_subscriptions(older):
    changes = older.execute("select array_agg(id order by id) from payops.subscription_changes").fetchone()[0]
    deploy(older.info.dsn)
    snapshots = older.execute("select array_agg(id order by id) from payops.subscription_snapshots").fetchone()[0]
    assert set(changes) <= set(snapshots)


def test_dates_of_an_older_installation_keep_their_day(older):
    deploy(older.info.dsn)
    days = older.execute("select array_agg(arrival_date::text order by id) from payops.payouts").fetchone()[0]
    assert days == ["2026-03-05", "2026-03-06"]


@pytest.mark.parametrize(
    "undone",
    [
        "delete from payops.migrations where name = '0073_openings_know_the_capacity.sql'",
        "update payops.migrations set sha256 = 'of an edited file' where name = '0073_openings_know_the_capacity.sql'",
    ],
)
def test_an_installation_in_between_is_refused_with_what_is_missing(older, undone):
    older.execute(undone)
    before = catalogue(older)
    with pytest.raises(Refused, match="0073_openings_know_the_capacity.sql. Nothing was changed. Deploy the version"):
        deploy(older.info.dsn)
    with pytest.raises(psycopg.errors.RaiseException) as refusal:
        older.execute("".join(script()).encode())
    assert "Deploy the version that still has these files first" in refusal.value.diag.message_hint
    older.execute("rollback")
    assert catalogue(older) == before


def test_a_deployed_database_carries_the_fingerprint_after_an_upgrade(older):
    assert deploy(older.info.dsn).fingerprint == fingerprint()


def test_a_process_goes_on_with_a_later_schema_and_after_a_roll_back_the_later_one_does_not(older, monkeypatch):
    first, second = "1" * 16, "2" * 16

    def ready(version: str) -> str:
        monkeypatch.setattr(health, "fingerprint", lambda: version)
        return str(health._database_check(database)["state"])

    database = PsycopgDatabase(older.info.dsn)
    for version, states in ((first, ["ok", "failed"]), (second, ["ok", "ok"]), (first, ["ok", "failed"])):
        monkeypatch.setattr(deployment, "fingerprint", lambda version=version: version)
        deploy(older.info.dsn)
        assert [ready(first), ready(second)] == states
    database.close()
