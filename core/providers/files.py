"""Reading and writing the directory as a file or a company's own table; every problem is found before writing."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from core import table_files
from core.errors import Refused
from core.exports.cells import harmless_text
from core.providers import licences, states
from core.providers.directory import Identities, Vocabulary, problems_of
from core.providers.directory_rows import LicenceDocument, ProviderDocument, ProviderRow, TableRow
from core.providers.registries import person_names

COLUMNS = ("name", "email", "npi", "active", "capacity", "specialties", "licences")
TABLE_COLUMNS = frozenset({"id", "name", "states", "specialties", "active"})
NO_ROWS = "The file has no rows below its headings: it was cut off, or nothing was entered."
_YES, _NO = {"true", "yes", "1", "t"}, {"false", "no", "0", "f"}


@dataclass(frozen=True)
class CellProblem:
    """What is wrong with one cell; rows are counted as in a spreadsheet, so row 1 is the header."""

    row: int
    column: str
    message: str

    def __str__(self) -> str:
        return f"row {self.row}, {self.column}: {self.message}"


@dataclass(frozen=True)
class ReadFile:
    """The providers in a file with the row of each, every problem that stops the import, and a warning."""

    documents: tuple[ProviderDocument, ...]
    problems: tuple[CellProblem, ...]
    row_numbers: tuple[int, ...] = ()
    warning: str | None = None


def read_file(content: bytes, known: Vocabulary, people: Identities) -> ReadFile:
    """The providers of a CSV or .xlsx with `COLUMNS` or `TABLE_COLUMNS`; every problem, by row and column.

    A provider is the same one by NPI; one of the directory who has none yet, by a name that no other provider has.
    """
    documents: list[ProviderDocument] = []
    problems: list[CellProblem] = []
    row_numbers: list[int] = []
    number = 0
    try:
        rows = table_files.read(content, COLUMNS)
        number, header = next(rows, (1, []))
        header = [title.lower() for title in header]
        if set(header) >= TABLE_COLUMNS and "licences" not in header:
            return _read_table_file(header, rows, known)
        if cause := _header_problem(header):
            return ReadFile((), (CellProblem(number, "header", cause),))
        first_row: dict[str, int] = {}
        for number, row in rows:
            document, wrong = _read_row(header, row, known, people)
            if len(row) == len(header):
                wrong += _identity_problems(document, number, first_row)
            problems += [CellProblem(number, column, message) for column, message in wrong]
            documents.append(document)
            row_numbers.append(number)
    except Refused as error:
        problems.append(CellProblem(number + 1, "file", error.detail))
    if not row_numbers and not problems:
        problems.append(CellProblem(number + 1, "file", NO_ROWS))
    return ReadFile(tuple(documents), tuple(problems), tuple(row_numbers), _cut_off(content))


def _read_row(
    header: Sequence[str], row: Sequence[str], known: Vocabulary, people: Identities
) -> tuple[ProviderDocument, list[tuple[str, str]]]:
    """The entry of a row, and what is wrong in it by column."""
    document, wrong = _document(dict(zip(header, row, strict=False)))
    if len(row) != len(header):  # its cells then belong to other columns
        cells = f"This row has {len(row)} cells, and the header has {len(header)}"
        return document, [("row", f"{cells}: it was cut off, or its columns shifted.")]
    if (whose := people.names_by_npi.get(document["npi"] or "")) and not person_names.share_a_word(
        whose, document["name"] or ""
    ):
        wrong.append(("npi", f"This NPI is {whose}'s. Correct it, or rename that provider on the page first."))
    wrong += [(problem.field, problem.message) for problem in problems_of(document, known)]
    if document["npi"] not in people.npis and document["name"] in people.ids_by_name:
        document["id"] = people.ids_by_name[document["name"]]
    return document, wrong


def _cut_off(content: bytes) -> str | None:
    """A warning where a text ends within a line, as one that was cut off does, and one written by hand may."""
    if content.startswith(b"PK") or content.rstrip(b"\0").endswith((b"\n", b"\r")):
        return None
    return "The last line has no end. If the file was cut off, something is missing there: check its last row."


def _identity_problems(document: ProviderDocument, number: int, first_row: dict[str, int]) -> Iterable[tuple[str, str]]:
    """Whether it is unclear which provider a row is about; `first_row` is the first row with each NPI and id."""
    if not document["npi"] and "id" not in document:
        yield "npi", "The NPI is missing. Providers are matched by it."
    for column, who in (("npi", document["npi"]), ("name", document.get("id"))):
        if who and (earlier := first_row.setdefault(who, number)) != number:
            yield column, f"Row {earlier} has the same {'NPI' if column == 'npi' else 'provider'}."


def _header_problem(header: Sequence[str]) -> str | None:
    """What is wrong with the row of headings, as one cause; None if it has each of `COLUMNS` once."""
    if not set(COLUMNS) & set(header):
        return f"The first row must have the headings {', '.join(COLUMNS)}."
    return table_files.heading_problem(header, COLUMNS)


def _document(row: dict[str, str]) -> tuple[ProviderDocument, list[tuple[str, str]]]:
    """A row as a provider, and by column what cannot be read."""
    cell = {name: row.get(name, "") for name in COLUMNS}
    wrong: list[tuple[str, str]] = []
    active = cell["active"].lower()
    if active not in _YES | _NO:
        wrong.append(("active", f"{cell['active']!r} must be true or false."))
    held: list[LicenceDocument] = []
    for text in _split(cell["licences"]):
        try:
            held.append(licences.from_text(text))
        except ValueError as error:
            wrong.append(("licences", str(error)))
    capacity: int | str = cell["capacity"]
    if re.fullmatch(r"-?[0-9]{1,9}", cell["capacity"]):
        capacity = int(cell["capacity"])
    return {
        "name": " ".join(_without_guard(cell["name"]).split()),
        "email": _without_guard(cell["email"]) or None,
        "npi": cell["npi"] or None,
        "active": active in _YES,
        "capacity": capacity,
        "specialties": _once(map(_specialty, _split(cell["specialties"]))),
        "licences": held,
    }, wrong


def template() -> bytes:
    """A file to fill in: the headings, and one row that shows how each is written."""
    example = "Ada Example,ada@example.com,1234567893,true,20,dermatology;general_practice,TX:T12345:2027-12-31"
    return f"\ufeff{','.join(COLUMNS)}\n{example}\n".encode()


def write_csv(providers: Iterable[ProviderRow]) -> bytes:
    """The directory with `COLUMNS`, in UTF-8 with the byte-order mark by which Excel knows it.

    A cell that a spreadsheet would run as a formula begins with an apostrophe.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for provider in providers:
        writer.writerow(
            (
                harmless_text(provider["name"]),
                harmless_text(provider["email"]),
                provider["npi"] or "",
                "true" if provider["active"] else "false",
                provider["capacity"],
                ";".join(provider["specialties"]),
                ";".join(licences.as_text(licence) for licence in provider["licences"]),
            )
        )
    return out.getvalue().encode("utf-8-sig")


def _read_table_file(
    header: Sequence[str], rows: Iterator[tuple[int, table_files.Cells]], known: Vocabulary
) -> ReadFile:
    """The providers of a company's own table that was saved as a file, with its arrays as text."""
    if cause := table_files.heading_problem(header, sorted(TABLE_COLUMNS)):
        return ReadFile((), (CellProblem(1, "header", cause),))
    found: list[tuple[int, TableRow]] = []
    problems: list[CellProblem] = []
    for number, cells in rows:
        if len(cells) != len(header):
            wrong = f"This row has {len(cells)} cells, and the header has {len(header)}."
            problems.append(CellProblem(number, "row", wrong))
            continue
        cell = dict(zip(header, cells, strict=True))
        active = cell["active"].lower()
        row: TableRow = {
            "id": cell["id"] or None,
            "name": " ".join(_without_guard(cell["name"]).split()),
            "states": list(_array(cell["states"])),
            "specialties": list(_array(cell["specialties"])),
            "active": True if active in _YES else False if active in _NO else None,
        }
        found.append((number, row))
    if not found and not problems:
        return ReadFile((), (CellProblem(2, "file", NO_ROWS),))
    read = from_table([row for _, row in found], known)
    numbers = {place: number for place, (number, _) in enumerate(found, start=1)}
    problems += [CellProblem(numbers[one.row], one.column, one.message) for one in read.problems]
    return ReadFile(
        read.documents, tuple(sorted(problems, key=lambda one: one.row)), tuple(number for number, _ in found)
    )


def _array(text: str) -> Iterable[str]:
    """The parts of an array as databases and people write it: `{TX,"New York"}`, `["TX"]`, `TX; CA` or `TX, CA`."""
    inner = text[1:-1] if text[:1] + text[-1:] in ("{}", "[]") else text
    if ";" in inner and '"' not in inner:
        return _split(inner)
    parts = next(csv.reader([" ".join(inner.split())], skipinitialspace=True), [])
    return [part.strip().strip("'") for part in parts if part.strip()]


def from_table(rows: Sequence[TableRow], known: Vocabulary) -> ReadFile:
    """The providers in a table with id, name, states[], specialties[] and active, and every problem by row number."""
    documents: list[ProviderDocument] = []
    problems: list[CellProblem] = []
    for number, row in enumerate(rows, start=1):
        document: ProviderDocument = {
            "id": str(row["id"]),
            "name": row["name"],
            "active": bool(row["active"]),
            "specialties": _once(map(_specialty, row["specialties"] or [])),
            "licences": [{"state": state} for state in _once(map(_state, row["states"] or []))],
        }
        if row["id"] is None:
            problems.append(CellProblem(number, "id", "The ID is missing. Providers are matched by it."))
        if row["active"] is None:
            problems.append(CellProblem(number, "active", "This must be true or false."))
        problems += [CellProblem(number, one.field, one.message) for one in problems_of(document, known)]
        documents.append(document)
    return ReadFile(tuple(documents), tuple(problems), tuple(range(1, len(rows) + 1)))


def _specialty(text: str | None) -> str:
    """A specialty's code from the way another system most likely writes it."""
    return (text or "").strip().lower().replace("'", "").replace("-", "_").replace(" ", "_")


def _state(text: str | None) -> str:
    """A state's code by any of its names; what is no state stays as it is, to be named as a problem."""
    return states.code_of(text or "") or (text or "").strip()


def _once(parts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(parts))


def _split(text: str) -> list[str]:
    return [part.strip() for part in re.split(r"[;\n]", text) if part.strip()]


def _without_guard(text: str) -> str:
    """What `harmless_text` made of it undone."""
    return text[1:] if text[:1] == "'" and harmless_text(text[1:]) == text else text
