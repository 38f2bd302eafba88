"""Reads the OIG's list of excluded individuals and entities (LEIE): which of its rows are, or may be, about a provider.

A birth date is only shown for comparison, from memory, and never stored or sent; addresses are not read.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from core import table_files
from core.errors import Refused
from core.providers import states
from core.providers.registries import file_values
from core.providers.registries.file_values import MOST_PROBLEMS, RowProblem
from core.providers.registries.person_names import NameIndex
from core.providers.registries.registry_rows import Subject

COLUMNS = ("lastname", "firstname", "midname", "busname", "npi", "dob", "excltype", "excldate", "reindate")
OTHERS = ("waiverdate", "wvrstate")
FIRST_YEAR = 1970
_SUPPLEMENT = re.compile(r"[0-9]{4}\s*(excl|rein)|supp|(^|[^a-z])rein", re.IGNORECASE)


@dataclass(frozen=True)
class ListRow:
    """One row of the list, without address and birth date."""

    line: int
    last_name: str
    first_name: str
    business: str
    npi: str | None
    exclusion_type: str
    excluded_on: date
    reinstated_on: date | None
    waived_on: date | None
    waiver_state: str | None
    npi_problem: str | None = None  # what is wrong with the NPI, which then matches nobody

    @property
    def name(self) -> str:
        return " ".join(part for part in (self.first_name, self.last_name) if part) or self.business


@dataclass(frozen=True)
class ListMatch:
    """A row that is about this provider by `npi`, or may be by `name`. `born` is None where the list has no date."""

    row: ListRow
    subject: Subject
    matched_by: str
    born: date | None = field(repr=False)

    def as_stored(self) -> dict[str, Any]:
        """What of the row is stored."""
        return {
            "line": self.row.line,
            "provider_id": self.subject["id"],
            "listed_name": self.row.name,
            "listed_npi": self.row.npi,
            "exclusion_type": self.row.exclusion_type,
            "excluded_on": self.row.excluded_on,
            "reinstated_on": self.row.reinstated_on,
            "waived_on": self.row.waived_on,
            "waiver_state": self.row.waiver_state,
            "matched_by": self.matched_by,
        }


@dataclass(frozen=True)
class ReadExclusions:
    """The list, read: how many rows it has, those that concern our providers, and everything that is wrong in it.

    `doubtful` are rows whose NPI has a typing error. They are matched by name and stop no import: the rest of the list
    must count today.
    """

    name: str
    is_full: bool
    rows: int
    matches: tuple[ListMatch, ...]
    problems: tuple[RowProblem, ...]
    doubtful: tuple[RowProblem, ...] = ()


def is_supplement(name: str) -> bool:
    """Whether the file's name is that of a monthly supplement, such as 2610EXCL.csv or 2610REIN.csv."""
    return bool(_SUPPLEMENT.search(name))


def read(name: str, content: bytes, subjects: Iterable[Subject], *, is_full: bool | None = None) -> ReadExclusions:
    """The rows that concern these providers, and every problem of every row.

    Raises `Refused` if this is not the list. Without `is_full` the file's name decides.
    """
    rows = table_files.read(content, COLUMNS)
    _, header = next(rows, (1, []))
    places = _places(header)
    finder = _Finder(subjects)
    found: list[ListMatch] = []
    problems: list[RowProblem] = []
    doubtful: list[RowProblem] = []
    read_rows, line = 0, 1
    try:
        for line, cells in rows:
            read_rows += 1
            row, born, wrong = _read_row(line, cells, places, len(header))
            problems += [RowProblem(line, column, message) for column, message in wrong]
            if row:
                found += finder.matches(row, born)
                if row.npi_problem:
                    doubtful.append(RowProblem(line, "npi", f"{row.npi_problem} The row is matched by name."))
            if len(problems) >= MOST_PROBLEMS:
                break
    except Refused as error:
        problems.append(RowProblem(line + 1, "file", error.detail))
    if not read_rows and not problems:
        raise Refused("bad_file", "The list has no rows below its headings: it was cut off. Download it again.")
    return ReadExclusions(
        name,
        is_full=not is_supplement(name) if is_full is None else is_full,
        rows=read_rows,
        matches=_once(found),
        problems=tuple(problems),
        doubtful=tuple(doubtful),
    )


def _once(found: Iterable[ListMatch]) -> tuple[ListMatch, ...]:
    """Each exclusion of a provider once: the list has some rows twice. A row with the NPI counts before one without."""
    kept: dict[tuple[str, date, str], ListMatch] = {}
    for match in found:
        key = (match.subject["id"], match.row.excluded_on, match.row.exclusion_type)
        if key not in kept or (match.matched_by == "npi" and kept[key].matched_by == "name"):
            kept[key] = match
    return tuple(kept.values())


def _places(header: Sequence[str]) -> Mapping[str, int]:
    titles = [re.sub(r"[^a-z]", "", title.lower()) for title in header]
    if cause := table_files.heading_problem(titles, COLUMNS):
        raise Refused("bad_file", f"This is not the OIG's list of excluded individuals. {cause}")
    return {name: titles.index(name) for name in (*COLUMNS, *OTHERS) if name in titles}


def _read_row(
    line: int, cells: Sequence[str], places: Mapping[str, int], width: int
) -> tuple[ListRow | None, date | None, list[tuple[str, str]]]:
    """The row and the birth date in it, or what is wrong by column. No sentence repeats a cell."""
    if len(cells) != width:
        said = (
            f"This row has {len(cells):,} cells, and the headings are {width:,}: it was cut off or its columns shifted."
        )
        return None, None, [("row", said)]
    cell = {name: cells[place] for name, place in places.items()}
    wrong: list[tuple[str, str]] = []
    days = {name: _day(name, cell.get(name, ""), wrong) for name in ("excldate", "reindate", "waiverdate")}
    npi = npi_problem = None
    try:
        npi = file_values.npi(cell["npi"])
    except ValueError as error:
        if re.fullmatch(r"[0-9]{10}", cell["npi"]):
            npi_problem = str(error)
        else:
            wrong.append(("npi", "This is neither an NPI nor ten zeros: the columns of this row may be shifted."))
    excluded_on = days["excldate"]
    if excluded_on is None and not any(column == "excldate" for column, _ in wrong):
        wrong.append(("excldate", "The date of the exclusion is missing."))
    if not cell["lastname"] and not cell["busname"]:
        wrong.append(("lastname", "There is neither a person's name nor a business."))
    if not cell["excltype"]:
        wrong.append(("excltype", "The type of the exclusion is missing."))
    if wrong or excluded_on is None:
        return None, None, wrong
    reinstated_on, waiver_state = days["reindate"], cell.get("wvrstate") or None
    row = ListRow(
        line=line,
        last_name=cell["lastname"],
        first_name=cell["firstname"],
        business=cell["busname"],
        npi=npi,
        exclusion_type=cell["excltype"],
        excluded_on=excluded_on,
        reinstated_on=reinstated_on if reinstated_on and reinstated_on >= excluded_on else None,
        waived_on=days["waiverdate"],
        waiver_state=states.code_of(waiver_state) or waiver_state if waiver_state else None,
        npi_problem=npi_problem,
    )
    return row, _born(cell["dob"]), []


def _day(column: str, text: str, wrong: list[tuple[str, str]]) -> date | None:
    try:
        found = file_values.day(text)
    except ValueError as error:
        wrong.append((column, str(error)))
        return None
    if found and found.year < FIRST_YEAR:
        wrong.append((column, f"The list has no dates before {FIRST_YEAR}: the columns of this row may be shifted."))
        return None
    return found


def _born(text: str) -> date | None:
    """The birth date, which nothing here depends on: None where it cannot be read."""
    try:
        return file_values.day(text)
    except ValueError:
        return None


class _Finder:
    """Finds the provider that a row is about: by NPI, or by name if the row or the provider has no NPI."""

    def __init__(self, subjects: Iterable[Subject]):
        everybody = list(subjects)
        self._by_id = {one["id"]: one for one in everybody}
        self._by_npi = {one["npi"]: one for one in everybody if one["npi"]}
        self._by_name = NameIndex((one["id"], one["name"]) for one in everybody)

    def matches(self, row: ListRow, born: date | None) -> list[ListMatch]:
        if row.npi in self._by_npi:
            return [ListMatch(row, self._by_npi[row.npi], "npi", born)]
        if not row.last_name:
            return []
        named = (self._by_id[one] for one in self._by_name.matching(row.last_name, row.first_name))
        # Two different NPIs belong to two people.
        return [ListMatch(row, one, "name", born) for one in named if not (row.npi and one["npi"])]
