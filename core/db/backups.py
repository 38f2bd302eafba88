"""Backup and restore of the whole embedded database, in pg_dump's custom format."""

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import psycopg
from psycopg import sql

from core.db import embedded
from core.db.deploy import deploy
from core.db.embedded import EmbeddedServer
from core.db.embedded_programs import client_program
from core.errors import Refused, Unavailable

RESTORING, REPLACED = "payops_restoring", "payops_replaced"


@dataclass(frozen=True)
class Contents:
    """How much is in a database, to show what a restore would replace."""

    events: int
    consultations: int
    last_event_at: datetime | None


def backup(data_dir: Path, file: Path) -> int:
    """Write a backup that only its owner can read; returns its size in bytes. An older file is replaced at the end.

    Raises `Refused` if the file cannot be written, `Unavailable` if the database does not answer.
    """
    server = embedded.ensure_running(data_dir)
    unfinished = file.with_name(f"{file.name}.unfinished")
    try:
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as written:
            _run(server, "pg_dump", "--format=custom", "--dbname=payops", into=written)
        unfinished.replace(file)
    except OSError as error:
        raise Refused("file_not_written", f"{file} cannot be written: {error.strerror}.") from error
    finally:
        unfinished.unlink(missing_ok=True)
    return file.stat().st_size


def restore(data_dir: Path, file: Path) -> Contents:
    """Replace the embedded database by the backup and update its schema; returns what it contains now.

    The backup is first restored into a second database, so a failure changes nothing. Raises `Refused` for a file that
    is not a backup of payops.
    """
    server = embedded.ensure_running(data_dir)
    _require_backup(server, file)
    with psycopg.connect(server.conninfo("postgres", "postgres"), autocommit=True) as owner:
        _drop(owner, RESTORING)
        _make_app_role(owner)
        owner.execute(sql.SQL("create database {}").format(sql.Identifier(RESTORING)))
        try:
            _run(server, "pg_restore", "--exit-on-error", f"--dbname={RESTORING}", str(file))
            deploy(server.conninfo("postgres", RESTORING))
        except (Refused, Unavailable):
            _drop(owner, RESTORING)
            raise
        _swap(owner)
    embedded.allow_app_login(server)
    return contents(data_dir)


def contents(data_dir: Path) -> Contents:
    """What the embedded database contains now."""
    server = embedded.ensure_running(data_dir)
    with psycopg.connect(server.owner_conninfo) as owner:
        if owner.execute("select to_regclass('payops.consultations')").fetchone() == (None,):
            return Contents(0, 0, None)
        row = owner.execute(
            "select (select count(*) from payops.events), (select count(*) from payops.consultations),"
            " (select max(received_at) from payops.events)"
        ).fetchone()
    assert row is not None
    return Contents(*row)


def _require_backup(server: EmbeddedServer, file: Path) -> None:
    try:
        listed = _run(server, "pg_restore", "--list", str(file), connect=False)
    except Refused:
        listed = ""
    if " TABLE payops events " not in listed:
        raise Refused("not_a_backup", f"{file} is not a backup that payops made. Nothing was changed.")


def _swap(owner: psycopg.Connection) -> None:
    """Replace the present database by the restored one. Connections are closed; clients reconnect by themselves."""
    _drop(owner, REPLACED)
    owner.execute("alter database payops allow_connections false")
    owner.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = 'payops'")
    owner.execute(sql.SQL("alter database payops rename to {}").format(sql.Identifier(REPLACED)))
    owner.execute(sql.SQL("alter database {} rename to payops").format(sql.Identifier(RESTORING)))
    _drop(owner, REPLACED)


def _drop(owner: psycopg.Connection, database: str) -> None:
    owner.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(database)))


def _make_app_role(owner: psycopg.Connection) -> None:
    """Create the app's role if it is missing: a backup contains its rights, but not the role itself."""
    if not owner.execute("select 1 from pg_roles where rolname = 'payops_app'").fetchone():
        owner.execute("create role payops_app nologin")


def _run(
    server: EmbeddedServer, program: str, *arguments: str, into: BinaryIO | None = None, connect: bool = True
) -> str:
    """Run the program; returns its output, "" if it goes `into` a file. Raises `Refused` with the last error line."""
    login: Sequence[str] = ("-h", str(server.socket_dir), "-U", "postgres") if connect else ()
    ran = subprocess.run(
        [client_program(program), *login, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=into or subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    if ran.returncode != 0:
        last = ran.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise Refused("backup_failed", f"{program} failed: {''.join(last)}")
    return "" if into else ran.stdout.decode(errors="replace")
