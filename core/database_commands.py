"""`payops migrate`, which updates any database's schema, and `backup` and `restore` of the embedded database."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NoReturn, Protocol

import typer

from core.errors import PayopsError, Refused
from core.periods import wall_clock
from core.processes import is_served
from core.settings import Settings
from core.staff.roles import commandline_actor

UP_TO_DATE = "The schema is up to date, and its rights are granted again."
SettingsOf = Callable[[], Settings]


class Fail(Protocol):
    """Prints the error and ends the command with this exit code."""

    def __call__(self, error: PayopsError, *, code: int) -> NoReturn: ...


def mount(payops: typer.Typer, settings_of: SettingsOf, fail: Fail) -> None:
    """Give `payops` the commands of this module."""

    @payops.command()
    def migrate(
        print_sql: Annotated[bool, typer.Option("--print", help="Print the SQL instead of running it.")] = False,
        timezone: Annotated[
            str, typer.Option(help="Count every business day anew in this time zone, such as America/New_York.")
        ] = "",
    ) -> None:
        """Bring the database's schema up to date."""
        from core import services
        from core.db.deploy import deploy, script

        settings = settings_of()
        zone = _time_zone(timezone) if timezone else None
        if print_sql:
            for part in (*script(), services.timezone_script(settings, zone)):
                typer.echo(part, nl=False)
            return
        try:
            conninfo = services.owner_conninfo(settings)
        except PayopsError as error:
            fail(error, code=2)
        try:
            deployed = deploy(conninfo, repair=True)
            _count_days_in(settings, conninfo, zone)
        except PayopsError as error:
            fail(error, code=1)
        applied = ", ".join(deployed.applied) or "no new migration"
        typer.echo(f"Schema {deployed.fingerprint}: {applied}." if deployed.changed else UP_TO_DATE)

    @payops.command()
    def backup(file: Annotated[Path, typer.Argument(help="Where to write the backup.")]) -> None:
        """Write the embedded database to a file."""
        from core.db import backups

        try:
            size = backups.backup(_embedded(settings_of()).data_dir, file)
        except PayopsError as error:
            fail(error, code=1)
        else:
            typer.echo(f"{file}: {size / 1_000_000:.1f} MB. Only you can read it; it holds payment records.")

    @payops.command()
    def restore(
        file: Annotated[Path, typer.Argument(help="A backup that payops made.", exists=True, dir_okay=False)],
        yes: Annotated[bool, typer.Option("--yes", help="Do not ask before replacing the database.")] = False,
    ) -> None:
        """Replace the embedded database by a backup."""
        from core.db import backups

        try:
            settings = _embedded(settings_of())
            if is_served(settings.data_dir):
                raise Refused("being_served", f"payops serves {settings.data_dir}. Stop it first.")
            now = backups.contents(settings.data_dir)
            replaced = f"This replaces a database with {now.events:,} events and {now.consultations:,} consultations."
            if not yes and (now.events or now.consultations):
                typer.confirm(f"{replaced} Go on?", abort=True)
            restored = backups.restore(settings.data_dir, file)
        except PayopsError as error:
            fail(error, code=1)
        else:
            last = f"{restored.last_event_at:%-d %b %Y, %H:%M} UTC" if restored.last_event_at else "none"
            typer.echo(
                f"Restored {restored.events:,} events and {restored.consultations:,} "
                f"consultations. Last event: {last}. "
                "Run payops backfill to fetch what happened at Stripe since then."
            )


def _embedded(settings: Settings) -> Settings:
    if settings.database_kind != "embedded":
        raise Refused(
            "not_embedded",
            (
                "This works on the embedded database alone. Use pg_dump and pg_restore, or "
                "Supabase's backups, for another."
            ),
        )
    return settings


def _count_days_in(settings: Settings, owner_conninfo: str, chosen: str | None) -> None:
    """Store the time zone of business days: `chosen`, or in a new database the setting's; recount if it changed."""
    from rich.progress import BarColumn, Progress, TextColumn

    from core.db import timezone
    from core.db.time_limits import WORKER
    from core.db.via_psycopg import PsycopgDatabase

    db = PsycopgDatabase(owner_conninfo, max_connections=1, limits=WORKER)
    now, actor = wall_clock(), commandline_actor()
    try:
        zone, role = chosen or settings.business_timezone, str(actor.role)
        timezone.require_same_rules(db, zone, now)
        stale = timezone.choose(db, zone, actor=actor.name, role=role, now=now, unless_chosen=chosen is None)
        with Progress(TextColumn("Counting the days of {task.description}"), BarColumn(), disable=not stale) as bar:
            task = bar.add_task(zone, total=stale)
            timezone.recount(db, lambda counted: bar.advance(task, counted))
        if chosen and chosen != settings.business_timezone:
            typer.echo(
                f"Days are counted in {chosen}. Set BUSINESS_TIMEZONE={chosen}: no process starts with another one."
            )
        else:
            timezone.require(db, settings.business_timezone, now)
    finally:
        db.close()


def _time_zone(name: str) -> str:
    from pydantic import TypeAdapter, ValidationError

    from core.settings.values import TimeZone

    try:
        return TypeAdapter[str](TimeZone).validate_python(name)
    except ValidationError as error:
        raise typer.BadParameter(f"{name!r} {error.errors()[0]['msg']}") from None
