"""Public provider files from the command line: the NPI registry, the exclusion list and the taxonomy codes."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from core.db import Database, json_text
from core.figures.wording import counted
from core.providers import directory
from core.providers.registries import exclusions, nppes, taxonomies
from core.providers.registries.exclusion_file import ListMatch
from core.providers.registries.file_values import RowProblem
from core.providers.registries.findings import sentence, within_a_sentence
from core.providers.registries.registry_rows import ExclusionOutcome, NppesOutcome
from core.staff.roles import commandline_actor

# Opens the database, with the business's current time.
OpenNow = Callable[[], AbstractContextManager[tuple[Database, datetime]]]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would happen without writing anything.")]
MAX_LIST_BYTES = 256 * 1024 * 1024


def mount(providers: typer.Typer, open_now: OpenNow) -> None:
    """Add the commands `exclusions` and `taxonomy` to `payops providers`."""

    @providers.command("exclusions")
    def import_exclusions(
        file: Annotated[Path, typer.Argument(help="The OIG's UPDATED.csv, or a monthly supplement.")],
        full: Annotated[
            bool | None,
            typer.Option("--full/--supplement", help="Which of the two; without it the file's name decides."),
        ] = None,
        dry_run: DryRun = False,
        as_json: AsJson = False,
    ) -> None:
        """Import the OIG's list of excluded individuals: whoever is on it is out of assignment at once."""
        with open_now() as (db, now):
            read = exclusions.read(db, file.name, _content(file), is_full=full)
            _stop_if_wrong(read.problems)
            done = exclusions.put(db, commandline_actor(), read, now, trial=dry_run)
        if as_json:
            typer.echo(json_text({"items": done, "rows": read.rows, "dry_run": dry_run}))
            return
        for doubtful in read.doubtful:
            typer.echo(str(doubtful), err=True)
        by_line = {match.row.line: match for match in read.matches}
        for one in done:
            typer.echo(_exclusion_line(one, by_line.get(one.get("line") or 0)))
        typer.echo(f"{_dry(dry_run)}{exclusions.in_words(read, done)}")

    @providers.command("taxonomy")
    def import_taxonomy(
        file: Annotated[Path, typer.Argument(help="The NUCC's taxonomy code set as CSV.")],
        dry_run: DryRun = False,
        as_json: AsJson = False,
    ) -> None:
        """Import the NUCC's taxonomy codes, whole or not at all."""
        with open_now() as (db, now):
            read = taxonomies.read(file.name, _content(file))
            _stop_if_wrong(read.problems)
            done = taxonomies.put(db, commandline_actor(), read, now, trial=dry_run)
        if as_json:
            typer.echo(json_text({"items": done, "dry_run": dry_run}))
            return
        counts = Counter(one["outcome"] for one in done)
        typer.echo(f"{_dry(dry_run)}{', '.join(f'{count:,} {outcome}' for outcome, count in counts.items())}.")


def import_nppes(open_now: OpenNow, file: Path, *, dry_run: bool, as_json: bool) -> None:
    """Import what a file of the NPI registry says about our providers, with a progress bar."""
    try:
        stream = file.open("rb")
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be read: {error.strerror}.") from None
    with stream, open_now() as (db, now):
        with _progress() as tell:
            read = nppes.read(db, file.name, stream, tell)
        _stop_if_wrong(read.problems)
        done = nppes.put(db, commandline_actor(), read, now, trial=dry_run)
        names = directory.vocabulary(db).specialties
    items = [*done, *nppes.absent_as_outcomes(read)]
    if as_json:
        typer.echo(json_text({"items": items, "rows": read.rows, "dry_run": dry_run}))
        return
    for one in items:
        _say_nppes(one, names)
    counts = Counter(one["outcome"] for one in items)
    told = ", ".join(f"{count:,} × {within_a_sentence(nppes.OUTCOMES[outcome])}" for outcome, count in counts.items())
    typer.echo(f"{_dry(dry_run)}{counted(read.rows, 'row')} read. {told or 'No provider of the directory has an NPI'}.")


def _say_nppes(one: NppesOutcome, specialties: Mapping[str, str]) -> None:
    typer.echo(f"{one['name']} ({one['npi']}): {nppes.OUTCOMES[one['outcome']]}")
    for finding in one["findings"]:
        typer.echo(f"    {sentence(finding, specialties)}")


def _exclusion_line(one: ExclusionOutcome, match: ListMatch | None) -> str:
    where = f"line {one['line']:,}: " if one.get("line") else ""
    listed = f", listed as {match.row.name}" if match else ""
    # Only here and only for comparison: the year of birth goes to the terminal, and is not stored.
    born = f", born {match.born.year}" if match and match.born and match.matched_by == "name" else ""
    assigned = counted(one["assigned_since"], "consultation")
    return (
        f"{where}{one['name']}{listed}{born}: {exclusions.OUTCOMES[one['outcome']]}. "
        f"Excluded since {one['excluded_on']}; {one['open_consultations']:,} open, {assigned} assigned since."
    )


def _stop_if_wrong(problems: Sequence[RowProblem]) -> None:
    if not problems:
        return
    for problem in problems:
        typer.echo(str(problem), err=True)
    typer.echo(f"{counted(len(problems), 'problem')}; nothing was written.", err=True)
    raise typer.Exit(1)


def _dry(dry_run: bool) -> str:
    return "Dry run, nothing was written: " if dry_run else ""


def _content(file: Path) -> bytes:
    try:
        if file.stat().st_size > MAX_LIST_BYTES:
            raise typer.BadParameter(f"{file} is larger than 256 MiB.")
        return file.read_bytes()
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be read: {error.strerror}.") from None


@contextmanager
def _progress() -> Iterator[Callable[[float], Any]]:
    """A bar on the terminal, which takes how much is read."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Reading the file", total=1.0)
        yield lambda part: bar.update(task, completed=part)
