"""Writes a table to a file, completely or not at all; only the system user who writes it can read it."""

import os
import secrets
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from core.errors import Refused
from core.exports import csv_file, xlsx_file
from core.exports.table import Stamp, Table

Format = Literal["csv", "xlsx"]
CSV_TYPE = "text/csv"
ZIP_TYPE = "application/zip"
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MEDIA_TYPES: dict[Format, str] = {"csv": CSV_TYPE, "xlsx": XLSX_TYPE}
PRIVATE = 0o600


def write(
    table: Table, file_format: Format, path: Path, stamp: Stamp, progress: Callable[[int], None] = lambda rows: None
) -> int:
    """Write the table to `path`; returns the number of rows. An older file is replaced once the new one is complete.

    `progress` is called with the number of rows written so far; if it raises, the export stops and leaves no file.
    Raises `Refused` if the file cannot be written.
    """
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        try:
            rows = _write(table, file_format, part, stamp, progress)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise Refused(
            "file_not_written", f"{path.name} was not written: {error.strerror or error}. Choose another place."
        ) from error
    return rows


def content(table: Table, file_format: Format, stamp: Stamp) -> tuple[int, bytes]:
    """The number of rows and the file's bytes, for a table that is small enough to be in memory."""
    with tempfile.TemporaryDirectory(prefix="payops-export-") as folder:
        path = Path(folder) / "table"
        return write(table, file_format, path, stamp), path.read_bytes()


def _write(table: Table, file_format: Format, path: Path, stamp: Stamp, progress: Callable[[int], None]) -> int:
    if file_format == "csv":
        with open(path, "x", encoding="utf-8-sig", newline="", opener=_private) as text:
            return csv_file.write(table, stamp, text, progress)
    with (
        open(path, "xb", opener=_private) as file,
        tempfile.TemporaryDirectory(prefix=".payops-export-", dir=path.parent) as folder,
    ):
        return xlsx_file.write(table, stamp, file, Path(folder), progress)


def _private(name: str, flags: int) -> int:
    return os.open(name, flags, PRIVATE)
