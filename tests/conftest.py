"""What the tests stand on: one real Postgres for the run, in a temporary folder."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from core.db import embedded
from core.db.deploy import deploy
from core.db.via_psycopg import PsycopgDatabase


@pytest.fixture(scope="session")
def server() -> Iterator[embedded.EmbeddedServer]:
    """A running embedded Postgres with the schema deployed, whose app may sign in."""
    with tempfile.TemporaryDirectory(prefix="payops-test-") as folder:
        data_dir = Path(folder)
        running = embedded.ensure_running(data_dir)
        deploy(running.owner_conninfo)
        with psycopg.connect(running.owner_conninfo) as connection:
            connection.execute("alter role payops_app login")
        yield running
        embedded.remove(data_dir)


@pytest.fixture(scope="session")
def database(server: embedded.EmbeddedServer) -> Iterator[PsycopgDatabase]:
    """The database as the app reaches it: it may call functions and touch no table."""
    opened = PsycopgDatabase(server.app_conninfo)
    yield opened
    opened.close()


@pytest.fixture
def owner(server: embedded.EmbeddedServer) -> Iterator[psycopg.Connection]:
    """The owner's connection, to look at tables in a test; starts from an empty inbox and mirror."""
    with psycopg.connect(server.owner_conninfo, autocommit=True) as connection:
        connection.execute("set session_replication_role = replica")  # the append-only triggers stay away
        tables = connection.execute(
            "select string_agg(format('payops.%I', c.relname), ', ') from pg_class c"
            " where c.relnamespace = 'payops'::regnamespace and c.relkind = 'r'"
            " and c.relname not in ('migrations', 'deployment', 'business', 'mirrored', 'states', 'specialties')"
        ).fetchone()[0]
        for table in tables.split(", "):
            connection.execute(f"delete from {table}")
        connection.execute("set session_replication_role = origin")
        yield connection


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Browser tests that did not run are said loudly, before the closing line."""
    skipped = [
        report for report in terminalreporter.stats.get("skipped", []) if "tests/browser" in report.nodeid
    ]
    if skipped:
        terminalreporter.write_line(
            f"WARNING: {len(skipped)} browser tests were NOT RUN: no chromium.", red=True
        )
