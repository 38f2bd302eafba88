"""`payops backup` and `payops restore`: the embedded database in one file, and back."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from core.errors import PayopsError, Refused
from core.processes import is_served
from core.settings import Settings

SettingsOf = Callable[[], Settings]
Fail = Callable[[PayopsError], None]


def mount(payops: typer.Typer, settings_of: SettingsOf, fail: Fail) -> None:
    """Give `payops` the commands of this module."""

    @payops.command()
    def backup(file: Annotated[Path, typer.Argument(help="Where to write the backup.")]) -> None:
        """Write the embedded database to a file."""
        from core.db import backups

        try:
            size = backups.backup(_embedded(settings_of()).data_dir, file)
        except PayopsError as error:
            fail(error)
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
            fail(error)
        else:
            last = f"{restored.last_event_at:%-d %b %Y, %H:%M} UTC" if restored.last_event_at else "none"
            typer.echo(
                f"Restored {restored.events:,} events and {restored.consultations:,} consultations. Last event: {last}. "
                "Run payops backfill to fetch what happened at Stripe since then."
            )


def _embedded(settings: Settings) -> Settings:
    if settings.database_kind != "embedded":
        raise Refused(
            "not_embedded",
            "This works on the embedded database alone. Use pg_dump and pg_restore, or Supabase's backups, for another.",
        )
    return settings
