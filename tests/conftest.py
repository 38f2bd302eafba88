"""What the tests stand on: one real Postgres for the run, in a temporary folder."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from core.db import embedded
from core.db.deploy import deploy


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
