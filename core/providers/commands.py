"""`payops providers …` and `payops assign`: the directory and assignment from the command line."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from core.db import Database
from core.providers import assignment, directory, files
from core.staff.roles import commandline_actor

# The database, and the business's now.
OpenNow = Callable[[], AbstractContextManager[tuple[Database, datetime]]]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
MAX_FILE_BYTES = 64 * 1024 * 1024


def mount(payops: typer.Typer, open_now: OpenNow) -> None:
    """Give `payops` the commands of this module, over what `open_now` opens for each."""
    app = typer.Typer(no_args_is_help=True, help="The directory of providers.")
    payops.add_typer(app, name="providers")
    _mount_reading(app, open_now)
    _mount_import(app, open_now)
    _mount_assign(payops, open_now)


def _mount_reading(app: typer.Typer, open_now: OpenNow) -> None:
    @app.command("list")
    def list_providers(
        search: Annotated[str | None, typer.Option(help="A part of the name, e-mail or NPI.")] = None,
        as_json: AsJson = False,
    ) -> None:
        """Print who is in the directory."""
        with open_now() as (db, now):
            found = directory.everybody(db, search=search)
        if as_json:
            typer.echo(json.dumps({"items": found}, indent=2))
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
        """Write the directory to standard output, as the CSV that import takes."""
        with open_now() as (db, now):
            typer.echo(files.write_csv(directory.everybody(db)), nl=False)


def _mount_import(app: typer.Typer, open_now: OpenNow) -> None:
    @app.command("import")
    def import_providers(
        file: Annotated[Path | None, typer.Argument(help="A CSV with " + ",".join(files.COLUMNS))] = None,
        from_table: Annotated[str | None, typer.Option(help="Such as public.providers.")] = None,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen; write nothing.")] = False,
        reason: Annotated[str, typer.Option(help="Why, for the history.")] = "import",
        as_json: AsJson = False,
    ) -> None:
        """Add and change providers from a file or a table: all of it, or nothing where anything is wrong."""
        if (file is None) == (from_table is None):
            raise typer.BadParameter("Give a FILE or --from-table.")
        with open_now() as (db, now):
            known = directory.vocabulary(db)
            if from_table is not None:
                rows = db.call("read_provider_table", table=from_table)
                read = files.from_table(rows, known)
            else:
                assert file is not None
                read = files.read_csv(_text(file), known, directory.identities(db))
            if read.problems:
                for problem in read.problems:
                    typer.echo(str(problem), err=True)
                typer.echo(
                    (
                        f"{len(read.problems):,} "
                        f"{'problem' if len(read.problems) == 1 else 'problems'}; nothing was "
                        "written."
                    ),
                    err=True,
                )
                raise typer.Exit(1)
            answer = directory.put(db, commandline_actor(), read.documents, now, reason=reason, trial=dry_run)
        _say_imported(answer, dry_run=dry_run, as_json=as_json)


def _mount_assign(payops: typer.Typer, open_now: OpenNow) -> None:
    @payops.command()
    def assign(
        consultation: str,
        provider: Annotated[str | None, typer.Option(help="Who by hand; without it the rules choose.")] = None,
        reason: Annotated[str | None, typer.Option(help="Why by hand.")] = None,
        override: Annotated[bool, typer.Option("--override", help="Pass over capacity and specialty.")] = False,
        as_json: AsJson = False,
    ) -> None:
        """Give a consultation to a provider."""
        with open_now() as (db, now):
            given = assignment.assign(
                db, commandline_actor(), consultation, now, provider_id=provider, reason=reason, override=override
            )
        if as_json:
            typer.echo(json.dumps(given, indent=2))
        else:
            typer.echo(f"{given['id']}: {given['status']}, {given['provider_name'] or 'nobody'}. {given['reason']}")
        if given["status"] != "assigned":
            raise typer.Exit(1)


def _say_imported(answer: dict[str, Any], *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"items": answer["items"], "dry_run": dry_run}, indent=2))
        return
    outcomes = [item["outcome"] for item in answer["items"]]
    counts = ", ".join(f"{outcomes.count(one)} {one}" for one in ("added", "changed", "unchanged"))
    typer.echo(f"{'Dry run, nothing was written: ' if dry_run else ''}{counts}.")


def _text(file: Path) -> str:
    try:
        if file.stat().st_size > MAX_FILE_BYTES:
            raise typer.BadParameter(f"{file} is larger than 64 MiB.")
        return file.read_bytes().decode("utf-8")
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise typer.BadParameter(f"{file} is not UTF-8.") from None
