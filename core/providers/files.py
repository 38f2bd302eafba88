"""The directory as a CSV file, and as the table a company had before:
read whole and judged before anything is written.
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from core.providers import licences
from core.providers.directory import Document, Identities, Vocabulary, problems_of
from core.spreadsheets import harmless

COLUMNS = ("name", "email", "npi", "active", "capacity", "specialties", "licences")
TABLE_COLUMNS = frozenset({"id", "name", "states", "specialties", "active"})
_YES, _NO = {"true", "yes", "1", "t"}, {"false", "no", "0", "f"}


@dataclass(frozen=True)
class CellProblem:
    """What is wrong in one cell; row 1 is the header, as a spreadsheet counts."""

    row: int
    column: str
    message: str

    def __str__(self) -> str:
        return f"row {self.row}, {self.column}: {self.message}"


@dataclass(frozen=True)
class ReadFile:
    """The entries of a file, and everything that is wrong with it."""

    documents: tuple[Document, ...]
    problems: tuple[CellProblem, ...]


def read_csv(text: str, known: Vocabulary, people: Identities) -> ReadFile:
    """The providers of a CSV with `COLUMNS`; every problem of every row, by row and column.

    A provider is the same one by NPI; one of the directory who has none yet, by the name that is theirs alone.
    """
    rows = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    documents: list[Document] = []
    problems: list[CellProblem] = []
    first_row: dict[str, int] = {}
    try:
        header = [title.strip().lower() for title in next(rows, [])]
        if problems_of_header := _header_problems(header):
            return ReadFile((), problems_of_header)
        for number, row in enumerate(rows, start=2):
            if not row:
                continue
            document, wrong = _document(dict(zip(header, row, strict=False)))
            if len(row) != len(header):
                wrong.append(("row", f"This row has {len(row)} cells, and the header has {len(header)}."))
            wrong += [(problem.field, problem.message) for problem in problems_of(document, known)]
            if document["npi"] not in people.npis and document["name"] in people.without:
                document["id"] = people.without[document["name"]]
            wrong += _identity_problems(document, number, first_row)
            problems += [CellProblem(number, column, message) for column, message in wrong]
            documents.append(document)
    except csv.Error as error:
        problems.append(CellProblem(rows.line_num, "file", f"This is not CSV: {error}."))
    return ReadFile(tuple(documents), tuple(problems))


def _identity_problems(document: Document, number: int, first_row: dict[str, int]) -> Iterable[tuple[str, str]]:
    """What is wrong with who a row is about; `first_row` says which row came first with each NPI and id."""
    if not document["npi"] and "id" not in document:
        yield "npi", "The NPI is missing; it says who is who."
    for column, who in (("npi", document["npi"]), ("name", document.get("id"))):
        if who and (earlier := first_row.setdefault(who, number)) != number:
            yield column, f"Row {earlier} has the same {'NPI' if column == 'npi' else 'provider'}."


def _header_problems(header: Sequence[str]) -> tuple[CellProblem, ...]:
    missing = [CellProblem(1, name, "This column is missing.") for name in COLUMNS if name not in header]
    twice = [CellProblem(1, name, "This column is there twice.") for name in COLUMNS if header.count(name) > 1]
    return (*missing, *twice)


def _document(row: dict[str, str]) -> tuple[Document, list[tuple[str, str]]]:
    """A row as an entry of the directory, and what cannot be read in it by column."""
    cell = {name: row.get(name, "").strip() for name in COLUMNS}
    wrong: list[tuple[str, str]] = []
    active = cell["active"].lower()
    if active not in _YES | _NO:
        wrong.append(("active", f"{cell['active']!r} is neither true nor false."))
    held = []
    for text in _split(cell["licences"]):
        try:
            held.append(licences.from_text(text))
        except ValueError as error:
            wrong.append(("licences", str(error)))
    capacity: int | str = cell["capacity"]
    if re.fullmatch(r"-?[0-9]{1,9}", cell["capacity"]):
        capacity = int(cell["capacity"])
    return {
        "name": _without_guard(cell["name"]),
        "email": _without_guard(cell["email"]) or None,
        "npi": cell["npi"] or None,
        "active": active in _YES,
        "capacity": capacity,
        "specialties": _once(map(_specialty, _split(cell["specialties"]))),
        "licences": held,
    }, wrong


def write_csv(providers: Iterable[Document]) -> str:
    """The directory with `COLUMNS`; a cell that a spreadsheet would run as a formula begins with an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for provider in providers:
        writer.writerow(
            (
                harmless(provider["name"]),
                harmless(provider["email"]),
                provider["npi"] or "",
                "true" if provider["active"] else "false",
                provider["capacity"],
                ";".join(provider["specialties"]),
                ";".join(licences.as_text(licence) for licence in provider["licences"]),
            )
        )
    return out.getvalue()


def from_table(rows: Sequence[dict[str, Any]], known: Vocabulary) -> ReadFile:
    """The entries of a table with id, name, states[], specialties[] and active; `row` is the row's place."""
    documents: list[Document] = []
    problems: list[CellProblem] = []
    for number, row in enumerate(rows, start=1):
        document = {
            "id": str(row["id"]),
            "name": row["name"],
            "active": row["active"],
            "specialties": _once(map(_specialty, row["specialties"] or [])),
            "licences": [{"state": state} for state in _once(map(_state, row["states"] or []))],
        }
        if row["id"] is None:
            problems.append(CellProblem(number, "id", "The id is missing; it says who is who."))
        if row["active"] is None:
            problems.append(CellProblem(number, "active", "It is neither true nor false."))
        problems += [CellProblem(number, one.field, one.message) for one in problems_of(document, known)]
        documents.append(document)
    return ReadFile(tuple(documents), tuple(problems))


def _specialty(text: str | None) -> str:
    """The code that a specialty's name in another system most likely means."""
    return (text or "").strip().lower().replace("'", "").replace("-", "_").replace(" ", "_")


def _state(text: str | None) -> str:
    return (text or "").strip().upper()


def _once(parts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(parts))


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(";") if part.strip()]


def _without_guard(text: str) -> str:
    """What `harmless` made of it undone."""
    return text[1:] if text[:1] == "'" and harmless(text[1:]) == text else text
