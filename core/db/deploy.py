"""Updates a Postgres schema: new migrations in the order of their numbers, then all functions, in one transaction."""

import hashlib
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import psycopg

from core.errors import Refused, Unavailable

HERE = Path(__file__).parent
MIGRATIONS = HERE / "migrations"
FUNCTIONS = HERE / "functions"
# The migrations up to this one replace 30 earlier files, whose names and digests are in `merged_migrations.txt`.
LAST_MERGED = "0007_providers.sql"
MERGED = HERE / "merged_migrations.txt"
DEPLOY_LOCK = 7_209_113  # see functions/advisory_locks.sql
# While a migration waits for a lock on a table, all users of the table wait behind it; so it gives up and retries.
LOCK_TIMEOUT = "set local lock_timeout = '3s'"
ATTEMPTS = 10
PAUSE_SECONDS = 1.0
_FUNCTION = re.compile(r"^create function (payops(?:_api)?\.\w+)", re.MULTILINE)


@dataclass(frozen=True)
class Deployed:
    """The result of a deploy: the applied migrations, and the schema's fingerprint."""

    applied: tuple[str, ...]
    fingerprint: str
    changed: bool


def migrations() -> list[Path]:
    """The migration files in the order of their numbers; their folders have no meaning."""
    return sorted(MIGRATIONS.rglob("*.sql"), key=lambda path: path.name)


def deploy(conninfo: str, *, repair: bool = False) -> Deployed:
    """Apply what is missing, in one transaction under one lock; repeated, concurrent or interrupted calls are safe.

    With `repair`, dropped functions and changed rights are restored even if the schema is up to date.

    Processes of the version before may be running: they see the old functions until the commit and the new ones after
    it. If a table that a migration changes stays in use, the deploy is rolled back and tried again.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return _deployed(conninfo, repair)
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected) as error:
            if attempt == ATTEMPTS:
                raise Unavailable(
                    "database_busy", "Tables that have to change stayed in use; nothing was changed. Run it again."
                ) from error
            time.sleep(PAUSE_SECONDS)
    raise AssertionError("unreachable")


def _deployed(conninfo: str, repair: bool) -> Deployed:
    wanted = fingerprint()
    try:
        with psycopg.connect(conninfo, connect_timeout=5, prepare_threshold=None) as connection:
            connection.execute("select pg_advisory_xact_lock(%s)", (DEPLOY_LOCK,))
            if _deployed_fingerprint(connection) == wanted and not (repair and _lacks_functions(connection)):
                if repair:
                    connection.execute((HERE / "grants.sql").read_bytes())
                return Deployed((), wanted, changed=False)
            connection.execute(LOCK_TIMEOUT)
            connection.execute(_recognise_merged().encode())
            applied = _migrate(connection)
            for script in sorted(FUNCTIONS.rglob("*.sql")):
                connection.execute(script.read_bytes())
            connection.execute((HERE / "grants.sql").read_bytes())
            connection.execute(_noted(wanted).encode())
            return Deployed(tuple(applied), wanted, changed=True)
    except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
        raise
    except psycopg.OperationalError as error:
        raise Unavailable("database_unavailable", "The database did not answer; nothing was changed.") from error
    except psycopg.errors.RaiseException as error:
        raise Refused(error.diag.message_primary or "", error.diag.message_hint or "") from error
    except psycopg.errors.InsufficientPrivilege as error:
        raise Refused(
            "not_the_owner",
            f"This login may not change the schema ({error.diag.message_primary}). "
            "Set MIGRATION_DATABASE_URL to the owner's login.",
        ) from error


@cache
def fingerprint() -> str:
    """A digest of all SQL files; a database with this fingerprint is up to date.

    It is cached, so that a process keeps its own if a deploy replaces the files while it runs.
    """
    digest = hashlib.sha256()
    for path in [*migrations(), *sorted(FUNCTIONS.rglob("*.sql")), HERE / "grants.sql"]:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def script() -> Iterator[str]:
    """The whole deploy as SQL, to be run in an editor such as Supabase's; safe to run again."""
    yield "begin;\n"
    yield f"select pg_advisory_xact_lock({DEPLOY_LOCK});\n"
    yield f"{LOCK_TIMEOUT};\n"
    yield _recognise_merged()
    for path in migrations():
        body = path.read_text()
        yield f"-- {path.name}\n" + _guarded(path, body)
    for path in [*sorted(FUNCTIONS.rglob("*.sql")), HERE / "grants.sql"]:
        yield f"-- {path.name}\n{path.read_text()}\n"
    yield _noted(fingerprint())
    yield "commit;\n"


def _noted(deployed: str) -> str:
    """SQL that records this version as deployed, and the list of earlier ones.

    If an earlier version is deployed again, as a roll-back, the versions after it are removed from that list.
    """
    return (
        "update payops.deployment set earlier = case"
        f" when fingerprint = '{deployed}' then earlier"
        f" when '{deployed}' = any(earlier) then earlier[:array_position(earlier, '{deployed}') - 1]"
        f" else array_append(earlier, fingerprint) end, fingerprint = '{deployed}', deployed_at = now();\n"
    )


def _deployed_fingerprint(connection: psycopg.Connection[Any]) -> str | None:
    """The fingerprint in the database; None in a new one."""
    if not _has_table(connection, "deployment"):
        return None
    row = connection.execute("select fingerprint from payops.deployment").fetchone()
    return row[0] if row else None


def _has_table(connection: psycopg.Connection[Any], name: str) -> bool:
    row = connection.execute("select to_regclass(%s) is not null", (f"payops.{name}",)).fetchone()
    return bool(row and row[0])


def _lacks_functions(connection: psycopg.Connection[Any]) -> bool:
    found = connection.execute(
        "select n.nspname || '.' || p.proname from pg_proc as p join pg_namespace as n on n.oid = p.pronamespace"
        " where n.nspname in ('payops', 'payops_api')"
    )
    wanted = (name for path in FUNCTIONS.rglob("*.sql") for name in _FUNCTION.findall(path.read_text()))
    return not {name for (name,) in found}.issuperset(wanted)


def _migrate(connection: psycopg.Connection[Any]) -> list[str]:
    recorded, applied = {}, []
    if _has_table(connection, "migrations"):
        recorded = dict(connection.execute("select name, sha256 from payops.migrations").fetchall())
    for path in migrations():
        digest = _digest(path)
        if path.name in recorded:
            if recorded[path.name] != digest:
                raise Refused("migration_changed", f"{path.name} was changed after it had been applied. Add a new one.")
            continue
        connection.execute(path.read_bytes())
        connection.execute("insert into payops.migrations (name, sha256) values (%s, %s)", (path.name, digest))
        applied.append(path.name)
    return applied


def _guarded(path: Path, body: str) -> str:
    """The migration as SQL that does nothing if it was applied before."""
    digest = _digest(path)
    return (
        "do $deploy$ begin\n"
        "if to_regclass('payops.migrations') is not null then\n"
        f"  if exists (select from payops.migrations where name = '{path.name}') then return; end if;\n"
        "end if;\n"
        f"execute $migration$\n{body}\n$migration$;\n"
        f"insert into payops.migrations (name, sha256) values ('{path.name}', '{digest}');\n"
        "end $deploy$;\n"
    )


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _recognise_merged() -> str:
    """SQL that records the merged migrations as applied if all files that they replace were applied.

    It fails if only some of these were applied, and does nothing in a new or already converted database.
    """
    lines = (line.split() for line in MERGED.read_text().splitlines())
    replaced = json.dumps({name: digest for digest, name in lines})
    paths = [path for path in migrations() if path.name <= LAST_MERGED]
    merged = json.dumps({path.name: _digest(path) for path in paths})
    return f"""
do $deploy$
declare
  missing text;
begin
  if to_regclass('payops.migrations') is null then
    return;
  end if;
  if exists (select from payops.migrations where name = '{LAST_MERGED}') then
    return;
  end if;
  select string_agg(r.name, ', ' order by r.name) into missing
  from jsonb_each_text('{replaced}') as r (name, sha256)
  where not exists (select from payops.migrations as m where m.name = r.name and m.sha256 = r.sha256);
  if missing is not null then
    raise exception 'migrations_missing' using hint =
      'This database was last deployed by an older version, and these of its migrations are missing or were changed: '
      || missing || '. Nothing was changed. Deploy the version that still has these files first, then this one.';
  end if;
  insert into payops.migrations (name, sha256) select m.key, m.value from jsonb_each_text('{merged}') as m;
end
$deploy$;
"""
