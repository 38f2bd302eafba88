"""Shared fixtures: one real Postgres for the run, in a temporary folder."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg.rows import tuple_row
from xdist.remote import Producer

from core import logs
from core.db import embedded
from core.db.deploy import deploy
from core.db.via_psycopg import PsycopgDatabase
from core.staff import passwords
from tests import scheduling
from tests.db import prepared as prepared_database
from tests.db.prepared import PreparedDatabase
from tests.telemetry import private_log_lines


@dataclass(frozen=True)
class External:
    """A database of our own on the Postgres that `DATABASE_URL` names."""

    owner_conninfo: str

    @property
    def app_conninfo(self) -> str:
        return make_conninfo(self.owner_conninfo, user="payops_app", password=APP_PASSWORD)


Server = embedded.EmbeddedServer | External
APP_PASSWORD = "of-the-tests-alone"
# One statement, which asks each table whether it has a row: most have none. The append-only triggers stay away.
EMPTY = """
do $$
declare
  name regclass;
  filled boolean;
begin
  set local session_replication_role = replica;
  for name in
    select c.oid from pg_class as c
    where c.relnamespace = 'payops'::regnamespace and c.relkind = 'r' and c.relname not in (
      'migrations', 'deployment', 'business', 'mirrored', 'states', 'specialties', 'taxonomy_codes',
      'taxonomy_specialties', 'write_probe', 'clinical_words', 'network_limits', 'compacts', 'compact_members',
      'telehealth_registrations', 'licensing_policy'
    )
  loop
    execute format('select exists (select from %s)', name) into filled;
    if filled then
      execute format('delete from %s', name);
    end if;
  end loop;
end $$
"""


# As `discard all`, which would have the tables learned anew.
NOTHING_LEFT = (
    "set session authorization default; reset all; close all; unlisten *; select pg_advisory_unlock_all(); discard temp"
)


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> Iterator[None]:
    """Password hashing takes a millisecond instead of a quarter of a second; `test_users` measures production's."""
    with pytest.MonkeyPatch.context() as tests_alone:
        tests_alone.setattr(passwords, "BCRYPT_ROUNDS", 4)
        tests_alone.setattr(passwords, "NOBODYS_HASH", passwords.hashed("nobody").encode())
        yield


@pytest.fixture(scope="session", autouse=True)
def nothing_private_is_logged() -> Iterator[private_log_lines.Collector]:
    """Fails at the end of the run where any test made a line be logged that holds something private."""
    with private_log_lines.collecting() as collector:
        logs.through_logging()
        yield collector
    assert not collector.found, "\n".join(["Private text was logged:", *sorted(collector.found)])


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> PreparedDatabase:
    """For a test with a server of its own: it starts with the schema deployed."""
    return prepared_database.of_this_run(tmp_path_factory)


@pytest.fixture(scope="session")
def server(prepared: PreparedDatabase) -> Iterator[Server]:
    """A Postgres with the schema deployed, whose app may sign in: `DATABASE_URL`'s, else the embedded one."""
    with _external(os.environ["DATABASE_URL"]) if "DATABASE_URL" in os.environ else _embedded(prepared) as running:
        deploy(running.owner_conninfo)
        with psycopg.connect(running.owner_conninfo) as connection:
            connection.execute(f"alter role payops_app login password '{APP_PASSWORD}'")
        yield running
        with psycopg.connect(running.app_conninfo) as connection:
            facts = connection.execute("select payops_api.checklist_facts('[]', now())").fetchone()[0]
        assert not facts["access"], f"A test left rights in the database that all tests here share: {facts['access']}"


@contextmanager
def _embedded(prepared: PreparedDatabase) -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="payops-test-") as folder:
        prepared.copy_into(Path(folder))
        yield embedded.ensure_running(Path(folder))
        embedded.remove(Path(folder))


@contextmanager
def _external(address: str) -> Iterator[Server]:
    name = f"payops_test_{os.getpid()}"
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f"create database {name}")
        yield External(make_conninfo(address, dbname=name))
        connection.execute(f"drop database {name} with (force)")


@pytest.fixture(scope="session")
def database(server: Server) -> Iterator[PsycopgDatabase]:
    """The database as the app reaches it: it may call functions and touch no table."""
    opened = PsycopgDatabase(server.app_conninfo)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def kept_connection(server: Server) -> Iterator["KeptConnection"]:
    kept = KeptConnection(server.owner_conninfo)
    yield kept
    kept.close()


@pytest.fixture
def owner(kept_connection: "KeptConnection") -> Iterator[psycopg.Connection]:
    """The owner's connection, to look at tables in a test; starts from an empty inbox and mirror."""
    with kept_connection.as_new() as connection:
        empty(connection)
        yield connection


class KeptConnection:
    """One connection of the owner for all tests: a new one each time learns all tables before it empties them."""

    def __init__(self, conninfo: str):
        self._conninfo = conninfo
        self._open: psycopg.Connection | None = None

    @contextmanager
    def as_new(self) -> Iterator[psycopg.Connection]:
        """As a new one: nothing of the test before is left in its session. What a test broke is opened anew."""
        if self._open is None or self._open.closed:
            self._open = psycopg.connect(self._conninfo, autocommit=True, prepare_threshold=None)
        yield self._open
        try:
            self._open.rollback()
            self._open.autocommit = True
            self._open.row_factory = tuple_row
            self._open.execute(NOTHING_LEFT)
        except psycopg.Error:
            self.close()

    def close(self) -> None:
        if self._open is not None:
            self._open.close()


def empty(connection: psycopg.Connection) -> None:
    """Takes away whatever earlier tests wrote; what the deployment wrote stays."""
    connection.execute(EMPTY)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    scheduling.longest_first(items)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> scheduling.FilesTogether:
    config.option.loadscopereorder = False  # xdist's own order is by the number of tests, and few may take long
    return scheduling.FilesTogether(config, log)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Reports browser tests that did not run, or ran twice, before the closing line."""
    for report in terminalreporter.stats.get("rerun", []):
        terminalreporter.write_line(f"WARNING: a second try was needed: {report.nodeid}", yellow=True)
    skipped = [report for report in terminalreporter.stats.get("skipped", []) if "tests/browser" in report.nodeid]
    if skipped:
        terminalreporter.write_line(f"WARNING: {len(skipped)} browser tests were NOT RUN: no chromium.", red=True)
