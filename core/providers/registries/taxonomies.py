"""The NUCC's taxonomy code set: reading its CSV, and which codes mean which of our specialties."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from core import table_files
from core.db import Database
from core.errors import Refused
from core.providers.registries.file_values import RowProblem, refuse_problems
from core.providers.registries.nppes_records import NO_TAXONOMY_CODE, TAXONOMY_CODE
from core.providers.registries.registry_rows import TaxonomyCode, TaxonomyOutcome
from core.staff import roles
from core.staff.roles import Actor

# The columns of the file, by our names for them. Older versions of the set have no display name and no section.
COLUMNS = {
    "code": "code",
    "grouping": "grouping",
    "classification": "classification",
    "specialization": "specialization",
    "name": "display name",
    "section": "section",
}
REQUIRED = ("code", "grouping", "classification", "specialization")


@dataclass(frozen=True)
class ReadTaxonomy:
    """The code set as it was read, and everything that is wrong in it."""

    name: str
    codes: tuple[dict[str, str], ...]
    problems: tuple[RowProblem, ...]


def read(name: str, content: bytes) -> ReadTaxonomy:
    """The codes of the file, and every problem of every row; raises `Refused` where this is no such file."""
    rows = table_files.read(content, tuple(COLUMNS.values()))
    _, header = next(rows, (1, []))
    titles = [title.lower() for title in header]
    if cause := table_files.heading_problem(titles, [COLUMNS[column] for column in REQUIRED]):
        raise Refused("bad_file", f"This is not the NUCC's code set. {cause}")
    places = {column: titles.index(title) for column, title in COLUMNS.items() if title in titles}
    codes: dict[str, dict[str, str]] = {}
    lines: dict[str, int] = {}
    problems: list[RowProblem] = []
    line = 1
    try:
        for line, cells in rows:
            if wrong := _row_problem(cells, len(header), places, lines):
                problems.append(RowProblem(line, *wrong))
                continue
            code = _code(cells, places)
            lines[code["code"]], codes[code["code"]] = line, code
    except Refused as error:
        problems.append(RowProblem(line + 1, "file", error.detail))
    if not codes and not problems:
        raise Refused("bad_file", "The code set has no rows below its headings: it was cut off. Download it again.")
    return ReadTaxonomy(name, tuple(codes.values()), tuple(problems))


def _row_problem(
    cells: Sequence[str], width: int, places: Mapping[str, int], lines: Mapping[str, int]
) -> tuple[str, str] | None:
    if len(cells) != width:
        return "row", f"This row has {len(cells):,} cells, and the headings are {width:,}."
    code = cells[places["code"]]
    if not TAXONOMY_CODE.fullmatch(code):
        return "code", NO_TAXONOMY_CODE
    if code in lines:
        return "code", f"Line {lines[code]:,} has the same code."
    return None if cells[places["classification"]] else ("classification", "The classification is missing.")


def _code(cells: Sequence[str], places: Mapping[str, int]) -> dict[str, str]:
    cell = {column: cells[places[column]] if column in places else "" for column in COLUMNS}
    named = " - ".join(part for part in (cell["classification"], cell["specialization"]) if part)
    return cell | {"name": cell["name"] or named}


def put(db: Database, actor: Actor, file: ReadTaxonomy, now: datetime, *, trial: bool = False) -> list[TaxonomyOutcome]:
    """Replace the code set by the file's, whole or not at all; nothing is written if this is a `trial`."""
    roles.require(actor, "providers")
    refuse_problems(file.problems)
    outcomes: list[TaxonomyOutcome] = db.call(
        "import_taxonomy",
        actor=actor.name,
        actor_role=str(actor.role),
        file={"name": file.name, "rows": len(file.codes), "is_full": True},
        codes=list(file.codes),
        trial=trial,
        now=now,
    )
    return outcomes


def codes(db: Database, search: str | None = None) -> list[TaxonomyCode]:
    """The codes that mean one of our specialties or that providers have, or those with `search` in code or name."""
    found: list[TaxonomyCode] = db.call("taxonomy_codes", search=search or None)
    return found


def set_specialties(
    db: Database, actor: Actor, code: str, specialties: Sequence[str], now: datetime, *, reason: str
) -> None:
    """Set the specialties that the taxonomy code stands for."""
    roles.require(actor, "providers")
    db.call(
        "set_taxonomy_specialties",
        actor=actor.name,
        actor_role=str(actor.role),
        code=code,
        specialties=list(specialties),
        reason=reason,
        now=now,
    )
