"""The export options of commands, `--csv F` and `--xlsx F`, with a progress bar on a terminal."""

from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from core.exports import files
from core.exports.files import Format
from core.exports.table import Stamp, Table


def save(table: Table, stamp: Stamp, *, csv: Path | None = None, xlsx: Path | None = None) -> None:
    """Write the requested files. Raises `Refused` if one cannot be written."""
    wanted: tuple[tuple[Format, Path | None], ...] = (("csv", csv), ("xlsx", xlsx))
    looks = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*looks, console=Console(stderr=True), transient=True) as bar:
        for file_format, path in wanted:
            if path is not None:
                task = bar.add_task(path.name, total=table.count)
                files.write(table, file_format, path, stamp, partial(_advance, bar, task))


def _advance(bar: Progress, task: TaskID, rows: int) -> None:
    bar.update(task, completed=rows)
