"""`payops providers …` and `payops assign`: the directory and assignment from the command line."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from core.db import Database, json_text
from core.figures.wording import counted
from core.providers import assignment, directory, files
from core.providers.directory_rows import SavedAll
from core.providers.registries import commands as registry_commands
from core.staff.roles import commandline_actor

# Opens the database, with the business's current time.
OpenNow = Callable[[], AbstractContextManager[tuple[Database, datetime]]]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
MAX_FILE_BYTES = 64 * 1024 * 1024


def mount(payops: typer.Typer, open_now: OpenNow) -> None:
    """Add these commands to `payops`; `open_now` opens the database for each."""
    app = typer.Typer(no_args_is_help=True, help="List, import and export the providers.")
    payops.add_typer(app, name="providers")
    _mount_reading(app, open_now)
    _mount_import(app, open_now)
    registry_commands.mount(app, open_now)
    _mount_assign(payops, open_now)


def _mount_reading(app: typer.Typer, open_now: OpenNow) -> None:
    @app.command("list")
    def list_providers(
        search: Annotated[str | None, typer.Option(help="Text in the name, e-mail or NPI.")] = None,
        as_json: AsJson = False,
    ) -> None:
        """List the providers."""
        with open_now() as (db, now):
            found = directory.everybody(db, search=search)
        if as_json:
            typer.echo(json_text({"items": found}))
            return
        for provider in found:
            states = " ".join(sorted({licence["state"] for licence in provider["licences"]}))
            state = "active" if provider["active"] else "deactivated"
            typer.echo(
                f"{provider['id']}  {provider['name']}  {state}  "
                f"{provider['pending']}/{provider['capacity']}  {', '.join(provider['specialties'])}  {states}"
            )

    @app.command()
    def export() -> None:
        """Print the directory as CSV, in the format that import reads."""
        with open_now() as (db, now):
            typer.get_binary_stream("stdout").write(files.write_csv(directory.everybody(db)))


def _mount_import(app: typer.Typer, open_now: OpenNow) -> None:
    @app.command("import")
    def import_providers(
        file: Annotated[
            Path | None, typer.Argument(help="A CSV or .xlsx with the columns " + ",".join(files.COLUMNS))
        ] = None,
        from_table: Annotated[str | None, typer.Option(help="A table of your own, such as public.providers.")] = None,
        nppes: Annotated[
            Path | None,
            typer.Option("--nppes", help="A file of the NPI registry: its CSV, its .zip or its API's JSON."),
        ] = None,
        dry_run: Annotated[
            bool, typer.Option("--dry-run", help="Show what would happen without writing anything.")
        ] = False,
        reason: Annotated[str, typer.Option(help="The reason, for the audit log.")] = "import",
        as_json: AsJson = False,
    ) -> None:
        """Add and change providers from a file or a table, or compare them with the NPI registry: all or none."""
        if [file, from_table, nppes].count(None) != 2:
            raise typer.BadParameter("Give one of FILE, --from-table and --nppes.")
        if nppes is not None:
            registry_commands.import_nppes(open_now, nppes, dry_run=dry_run, as_json=as_json)
            return
        with open_now() as (db, now):
            known = directory.vocabulary(db)
            if from_table is not None:
                read = files.from_table(directory.table_rows(db, from_table), known)
            else:
                assert file is not None
                read = files.read_file(_content(file), known, directory.identities(db))
            if read.problems:
                for problem in read.problems:
                    typer.echo(str(problem), err=True)
                typer.echo(f"{counted(len(read.problems), 'problem')}; nothing was written.", err=True)
                raise typer.Exit(1)
            if read.warning:
                typer.echo(read.warning, err=True)
            with _working(f"{'Trying' if dry_run else 'Importing'} {counted(len(read.documents), 'provider')}"):
                answer = directory.put(db, commandline_actor(), read.documents, now, reason=reason, trial=dry_run)
        if dry_run and not as_json:
            for number, document, item in zip(read.row_numbers, read.documents, answer["items"], strict=True):
                typer.echo(f"row {number:,}: {document.get('name')}: {item['outcome']}")
        _say_imported(answer, dry_run=dry_run, as_json=as_json)


def _mount_assign(payops: typer.Typer, open_now: OpenNow) -> None:
    @payops.command()
    def assign(
        consultation: str,
        provider: Annotated[str | None, typer.Option(help="A provider's ID; without it the rules choose.")] = None,
        reason: Annotated[str | None, typer.Option(help="The reason, if you name a provider.")] = None,
        override: Annotated[bool, typer.Option("--override", help="Ignore capacity and specialty.")] = False,
        as_json: AsJson = False,
    ) -> None:
        """Assign a consultation to a provider."""
        with open_now() as (db, now):
            given = assignment.assign(
                db, commandline_actor(), consultation, now, provider_id=provider, reason=reason, override=override
            )
        if as_json:
            typer.echo(json_text(given))
        else:
            to = f" to {given['provider_name']}" if given["provider_name"] else ""
            typer.echo(f"{given['id']} is {given['status']}{to}. {given['reason']}")
        if given["status"] != "assigned":
            raise typer.Exit(1)


def _say_imported(answer: SavedAll, *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        typer.echo(json_text({"items": answer["items"], "dry_run": dry_run}))
        return
    outcomes = [item["outcome"] for item in answer["items"]]
    counts = ", ".join(f"{outcomes.count(one):,} {one}" for one in ("added", "changed", "unchanged"))
    typer.echo(f"{'Dry run, nothing was written: ' if dry_run else ''}{counts}.")


def _working(what: str) -> AbstractContextManager[object]:
    """Shows a moving indicator on the terminal while this runs."""
    from rich.console import Console

    return Console(stderr=True).status(what)


def _content(file: Path) -> bytes:
    try:
        if file.stat().st_size > MAX_FILE_BYTES:
            raise typer.BadParameter(f"{file} is larger than 64 MiB.")
        return file.read_bytes()
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be read: {error.strerror}.") from None
