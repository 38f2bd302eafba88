"""A backup holds every row, and a restore replaces the database or changes nothing."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from core import services
from core.db import backups, embedded
from core.errors import Refused
from core.events import inbox
from core.events.recorded import Applying
from core.processes import only_server
from core.settings import load_settings
from tests.factories import body_of, charge, event


@pytest.fixture(scope="module")
def full(prepared) -> Iterator[Path]:
    """A DATA_DIR whose database holds some of everything that a first start writes."""
    with tempfile.TemporaryDirectory(prefix="payops-test-") as folder:
        prepared.copy_into(Path(folder))
        running = services.start(load_settings({"DATA_DIR": folder}, env_file=None))
        told = [
            event(f"evt_{n}", "charge.succeeded", charge(id=f"ch_{n}", payment_intent=f"pi_{n}")) for n in range(50)
        ]
        prepared_events = [inbox.prepare(each, body_of(each), livemode=False) for each in told]
        inbox.receive(running.db, prepared_events[:-5], now=running.clock())
        inbox.record(running.db, prepared_events[-5:], now=running.clock())  # and not applied yet
        running.close()
        yield Path(folder)
        embedded.remove(Path(folder))


@pytest.fixture
def empty() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="payops-test-") as folder:
        yield Path(folder)
        embedded.remove(Path(folder))


def rows(data_dir: Path) -> dict[str, tuple[int, str]]:
    """Every table with its count and a digest of its rows."""
    with psycopg.connect(embedded.ensure_running(data_dir).owner_conninfo) as owner:
        tables = owner.execute(
            "select c.relname from pg_class as c where c.relnamespace = 'payops'::regnamespace and c.relkind = 'r'"
        ).fetchall()
        return {
            name: owner.execute(
                f"select count(*), md5(coalesce(string_agg(t::text, '|' order by t::text), '')) from payops.{name} as t"
            ).fetchone()
            for (name,) in tables
        }


def test_a_restore_into_an_empty_folder_has_every_row_and_payops_works_on_it(full, empty, tmp_path):
    file = tmp_path / "payops.backup"
    assert backups.backup(full, file) > 10_000
    assert file.stat().st_mode & 0o777 == 0o600
    restored = backups.restore(empty, file)
    assert restored.events == 50
    expected = rows(full)
    assert (expected["charges"][0], expected["recorded_batches"][0]) == (45, 1) and len(expected) > 30
    assert rows(empty) == expected
    running = services.start(load_settings({"DATA_DIR": str(empty)}, env_file=None))
    assert running.db.call("schema_fingerprint")
    assert Applying(running.db, running.clock).apply_all() == 5
    assert rows(empty)["charges"][0] == 50
    running.close()


def test_an_invalid_backup_changes_nothing(full, tmp_path):
    before = rows(full)
    whole = tmp_path / "payops.backup"
    backups.backup(full, whole)
    cut_off = tmp_path / "cut.backup"
    cut_off.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    text = tmp_path / "notes.txt"
    text.write_text("no backup")
    for file in (text, cut_off):
        with pytest.raises(Refused):
            backups.restore(full, file)
    assert rows(full) == before


def test_a_backup_that_cannot_be_written_says_so_and_leaves_the_older_one(full, tmp_path):
    with pytest.raises(Refused, match="cannot be written"):
        backups.backup(full, tmp_path / "nowhere" / "payops.backup")


def test_a_database_that_is_being_served_is_not_replaced(full, tmp_path):
    file = tmp_path / "payops.backup"
    backups.backup(full, file)
    with only_server(full, console="http://localhost:1", api="http://localhost:2"):
        ran = subprocess.run(
            [sys.executable, "-c", "from core.cli import app; app()", "restore", str(file), "--yes"],
            env={"DATA_DIR": str(full), "PYTHONPATH": ":".join(sys.path), "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
        )
    assert (ran.returncode, "Stop it first" in ran.stderr) == (1, True)
