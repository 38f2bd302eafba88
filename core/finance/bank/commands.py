"""`payops bank import`: a bank statement from the command line."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from core.db import Database
from core.finance.bank import imports, wording
from core.finance.bank.reading import MAX_BYTES
from core.staff.roles import commandline_actor

# Opens the database, with the present time (in the sandbox, that of its clock).
OpenNow = Callable[[], AbstractContextManager[tuple[Database, datetime]]]


def mount(payops: typer.Typer, open_now: OpenNow) -> None:
    """Add this module's commands to `payops`; each one opens the database with `open_now`."""
    app = typer.Typer(no_args_is_help=True, help="Import bank statements for the reconciliation.")
    payops.add_typer(app, name="bank")

    @app.callback()
    def bank() -> None:
        """Import bank statements for the reconciliation."""

    @app.command("import")
    def import_statement(
        file: Annotated[Path, typer.Argument(help="CAMT.053, MT940, BAI2, OFX, QFX or CSV.")],
        account: Annotated[
            str | None,
            typer.Option(help="The account of the statement; a new name adds an account. Required for a CSV."),
        ] = None,
        dry_run: Annotated[
            bool, typer.Option("--dry-run", help="Show what would happen without writing anything.")
        ] = False,
    ) -> None:
        """Import a bank statement: Stripe's deposits and withdrawals alone, and each of them once."""
        data = _bytes(file)
        with open_now() as (db, now), _progress() as tell:
            imported = imports.import_file(
                db, commandline_actor(), file.name, data, now, account=account, dry_run=dry_run, tell=tell
            )
        for line in wording.lines(imported):
            typer.echo(line)


def _bytes(file: Path) -> bytes:
    try:
        if file.stat().st_size > MAX_BYTES:
            raise typer.BadParameter(f"{file.name} is larger than {MAX_BYTES // 1024 // 1024} MB.")
        return file.read_bytes()
    except OSError as error:
        raise typer.BadParameter(f"{file.name} cannot be read: {error.strerror}.") from None


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """Shows on the terminal what is being done."""
    from rich.console import Console

    with Console(stderr=True).status("Reading the file") as status:
        yield status.update
