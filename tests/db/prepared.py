"""A Postgres folder with the schema deployed: made once for the whole run, copied wherever a test needs a server of its
own. Making one takes seconds of work, copying it a moment."""

import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from core.db import embedded
from core.db.deploy import deploy
from core.db.embedded_programs import locked

# Files outlive a process that is killed; only a machine that loses its power would need them on the disk at once.
OF_TESTS = "fsync = off\nfull_page_writes = off\n"


@dataclass(frozen=True)
class PreparedDatabase:
    """The folder, and where it goes."""

    pgdata: Path

    def copy_into(self, data_dir: Path) -> None:
        """The server of `data_dir` starts with the schema of today and no rows."""
        _copy(self.pgdata, embedded._place(data_dir) / "postgres")


def of_this_run(factory: pytest.TempPathFactory) -> PreparedDatabase:
    """The same for all workers of a run; the first that asks makes it."""
    base = factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    prepared = PreparedDatabase(shared / "prepared-database")
    with locked(shared / "prepared-database.lock"):
        if not prepared.pgdata.exists():
            _make(prepared.pgdata)
    return prepared


def _make(pgdata: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="payops-test-") as folder:
        server = embedded.ensure_running(Path(folder))
        deploy(server.owner_conninfo)
        embedded.allow_app_login(server)
        embedded.stop(Path(folder))
        with (server.pgdata / "postgresql.conf").open("a") as configuration:
            configuration.write(OF_TESTS)
        building = pgdata.with_suffix(".new")
        _copy(server.pgdata, building)
        building.rename(pgdata)
        embedded.remove(Path(folder))


def _copy(source: Path, target: Path) -> None:
    """With its owner and its permissions, which Postgres insists on."""
    subprocess.run(["cp", "-a", source, target], check=True)
