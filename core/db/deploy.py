"""Brings a Postgres up to date: numbered migrations, then every function anew, in one transaction."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from core.errors import Refused, Unavailable

HERE = Path(__file__).parent
MIGRATIONS = HERE / "migrations"
FUNCTIONS = HERE / "functions"
DEPLOY_LOCK_KEY = 7_209_113  # any number, as long as nothing else in the database takes it


@dataclass(frozen=True)
class Deployed:
    """What a deploy did: the migrations it applied, and the fingerprint the schema now has."""

    applied: tuple[str, ...]
    fingerprint: str
    changed: bool


def deploy(conninfo: str) -> Deployed:
    """Apply what is missing. Twice, at once or interrupted is safe: it is one transaction under one lock."""
    wanted = fingerprint()
    try:
        with psycopg.connect(conninfo, connect_timeout=5, prepare_threshold=None) as connection:
            connection.execute("select pg_advisory_xact_lock(%s)", (DEPLOY_LOCK_KEY,))
            recorded = _recorded(connection)
            if recorded.get("fingerprint") == wanted:
                return Deployed((), wanted, changed=False)
            applied = _migrate(connection, recorded)
            for script in sorted(FUNCTIONS.rglob("*.sql")):
                connection.execute(script.read_bytes())
            connection.execute((HERE / "grants.sql").read_bytes())
            connection.execute("update payops.deployment set fingerprint = %s, deployed_at = now()", (wanted,))
            return Deployed(tuple(applied), wanted, changed=True)
    except psycopg.OperationalError as error:
        raise Unavailable("database_unavailable", "The database did not answer; nothing was changed.") from error
    except psycopg.errors.InsufficientPrivilege as error:
        raise Refused(
            "not_the_owner",
            f"This login may not change the schema ({error.diag.message_primary}). "
            "Set MIGRATION_DATABASE_URL to the owner's login.",
        ) from error


def fingerprint() -> str:
    """A digest of every SQL file: a database that carries it is up to date."""
    digest = hashlib.sha256()
    for path in [*sorted(MIGRATIONS.glob("*.sql")), *sorted(FUNCTIONS.rglob("*.sql")), HERE / "grants.sql"]:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def script() -> Iterator[str]:
    """The whole deploy as SQL for an editor that wraps it in a transaction, such as Supabase's; safe to run again."""
    yield "begin;\n"
    yield f"select pg_advisory_xact_lock({DEPLOY_LOCK_KEY});\n"
    for path in sorted(MIGRATIONS.glob("*.sql")):
        body = path.read_text()
        yield f"-- {path.name}\n" + _guarded(path, body)
    for path in [*sorted(FUNCTIONS.rglob("*.sql")), HERE / "grants.sql"]:
        yield f"-- {path.name}\n{path.read_text()}\n"
    yield f"update payops.deployment set fingerprint = '{fingerprint()}', deployed_at = now();\n"
    yield "commit;\n"


def _recorded(connection: psycopg.Connection[Any]) -> dict[str, str]:
    """The fingerprint and each applied migration's digest, empty on a new database."""
    exists = connection.execute("select to_regclass('payops.migrations') is not null").fetchone()
    if not exists or not exists[0]:
        return {}
    rows = dict(connection.execute("select name, sha256 from payops.migrations").fetchall())
    current = connection.execute("select fingerprint from payops.deployment").fetchone()
    return rows | ({"fingerprint": current[0]} if current else {})


def _migrate(connection: psycopg.Connection, recorded: dict[str, str]) -> list[str]:
    applied = []
    for path in sorted(MIGRATIONS.glob("*.sql")):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        if path.name in recorded:
            if recorded[path.name] != digest:
                raise Refused("migration_changed", f"{path.name} was changed after it had been applied. Add a new one.")
            continue
        connection.execute(path.read_bytes())
        connection.execute("insert into payops.migrations (name, sha256) values (%s, %s)", (path.name, digest))
        applied.append(path.name)
    return applied


def _guarded(path: Path, body: str) -> str:
    """The migration wrapped so that a second run of the script passes over it."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return (
        "do $deploy$ begin\n"
        "if to_regclass('payops.migrations') is not null then\n"
        f"  if exists (select from payops.migrations where name = '{path.name}') then return; end if;\n"
        "end if;\n"
        f"execute $migration$\n{body}\n$migration$;\n"
        f"insert into payops.migrations (name, sha256) values ('{path.name}', '{digest}');\n"
        "end $deploy$;\n"
    )
