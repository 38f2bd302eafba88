"""What is read of a provider's entry in the NPI registry (NPPES), from a row of its CSV or an answer of its API.

An address, a phone number and a birth date are never read.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from core import table_files
from core.errors import Refused
from core.providers.registries import file_values
from core.providers.registries.person_names import Match, compare

PERSON, ORGANISATION = "1", "2"
TAXONOMY_CODE = re.compile(r"[0-9]{3}[0-9A-Z]{6}X")
NO_TAXONOMY_CODE = "This is not a taxonomy code: nine characters and an X."
# The fields of a record by the heading of its column, without what headings add in brackets.
HEADINGS = {
    "npi": "npi",
    "entity_type": "entity type code",
    "organisation": "provider organization name",
    "last_name": "provider last name",
    "first_name": "provider first name",
    "other_last_name": "provider other last name",
    "other_first_name": "provider other first name",
    "updated_on": "last update date",
    "deactivation_reason": "npi deactivation reason code",
    "deactivated_on": "npi deactivation date",
    "reactivated_on": "npi reactivation date",
}
TAXONOMY_HEADINGS = {
    "code": "healthcare provider taxonomy code",
    "number": "provider license number",
    "state": "provider license number state code",
    "primary": "healthcare provider primary taxonomy switch",
}
NO_ANSWER = "This is not an answer of the NPI registry's API, version 2.1."
REQUIRED = ("npi", "entity_type", "last_name", "first_name", "deactivated_on", "reactivated_on")


@dataclass(frozen=True)
class Taxonomy:
    """What a provider is registered as, with the licence they name for it; texts as the registry has them."""

    code: str
    primary: bool
    number: str
    state: str


@dataclass(frozen=True)
class NppesRecord:
    """A provider's entry in the registry. A deactivated one has nothing but its NPI and dates."""

    line: int
    npi: str
    entity_type: str
    organisation: str
    last_names: tuple[str, ...]
    first_names: tuple[str, ...]
    updated_on: date | None
    deactivation_reason: str
    deactivated_on: date | None
    reactivated_on: date | None
    taxonomies: tuple[Taxonomy, ...]

    @property
    def is_deactivated(self) -> bool:
        """Whether the NPI is deactivated and not reactivated since."""
        return self.deactivated_on is not None and (
            self.reactivated_on is None or self.reactivated_on < self.deactivated_on
        )

    @property
    def as_of(self) -> date | None:
        """The day of the newest change in the entry."""
        return max((one for one in (self.updated_on, self.deactivated_on, self.reactivated_on) if one), default=None)

    @property
    def name(self) -> str:
        """The name of the person, or of the organisation; empty for a deactivated NPI."""
        person = " ".join(part for part in (*self.first_names[:1], *self.last_names[:1]) if part)
        return person or self.organisation

    def compared_with(self, name: str) -> Match | None:
        """How a provider's name compares with the registry's; None where the registry no longer tells any."""
        return compare(name, self.last_names, self.first_names) if any(self.last_names) else None


class Problems(Exception):
    """What is wrong with one entry: pairs of a column and a sentence."""

    def __init__(self, found: Sequence[tuple[str, str]]):
        super().__init__(found)
        self.found = found


@dataclass(frozen=True)
class Columns:
    """Where the columns of an NPPES file are."""

    width: int
    places: Mapping[str, int]
    taxonomies: tuple[Mapping[str, int], ...]

    @classmethod
    def of(cls, header: Sequence[str]) -> "Columns":
        """Found by the headings; raises `Refused` naming what is missing or there twice."""
        titles = [_title(heading) for heading in header]
        needed = [*(HEADINGS[name] for name in REQUIRED), *(f"{name}_1" for name in TAXONOMY_HEADINGS.values())]
        if cause := table_files.heading_problem(titles, needed):
            raise Refused("bad_file", f"This is not a file of the NPI registry. {cause}")
        places = {name: titles.index(title) for name, title in HEADINGS.items() if title in titles}
        return cls(len(header), places, tuple(_taxonomy_places(titles)))

    def record(self, line: int, row: Sequence[str]) -> NppesRecord:
        """The entry in a row with as many cells as there are headings; raises `Problems`."""
        cell = {name: row[place].strip() for name, place in self.places.items()}
        groups = ({name: row[place].strip() for name, place in group.items()} for group in self.taxonomies)
        return _checked(line, cell, [group for group in groups if any(group.values())])


def _title(heading: str) -> str:
    return " ".join(re.sub(r"\(.*?\)", " ", heading.lower()).split()).lstrip("\ufeff")


def _taxonomy_places(titles: list[str]) -> Iterator[Mapping[str, int]]:
    number = 1
    while f"{TAXONOMY_HEADINGS['code']}_{number}" in titles:
        headings = {name: f"{title}_{number}" for name, title in TAXONOMY_HEADINGS.items()}
        if cause := table_files.heading_problem(titles, headings.values()):
            raise Refused("bad_file", cause)
        yield {name: titles.index(title) for name, title in headings.items()}
        number += 1


def from_api(line: int, answer: Mapping[str, Any]) -> NppesRecord:
    """The entry in one of the `results` of the registry's API, version 2.1; raises `Problems`."""
    basic = answer.get("basic")
    given = answer.get("taxonomies") or []
    if not isinstance(basic, dict) or not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
        raise Problems([("results", NO_ANSWER)])
    others = [each for each in answer.get("other_names") or [] if isinstance(each, dict)]
    former = next((each for each in others if each.get("last_name")), {})
    cell = {
        "npi": answer.get("number"),
        "entity_type": str(answer.get("enumeration_type") or "").removeprefix("NPI-"),
        "organisation": basic.get("organization_name"),
        "last_name": basic.get("last_name"),
        "first_name": basic.get("first_name"),
        "other_last_name": former.get("last_name"),
        "other_first_name": former.get("first_name"),
        "updated_on": basic.get("last_updated"),
        "deactivation_reason": basic.get("deactivation_reason_code"),
        "deactivated_on": basic.get("deactivation_date"),
        "reactivated_on": basic.get("reactivation_date"),
    }
    if basic.get("status") not in (None, "A") and not cell["deactivated_on"]:
        raise Problems([("status", "The NPI is not active, but the date of its deactivation is missing.")])
    groups = [
        {
            "code": _text(each.get("code")),
            "number": _text(each.get("license")),
            "state": _text(each.get("state")),
            "primary": "Y" if each.get("primary") is True else "N",
        }
        for each in given
    ]
    return _checked(line, {name: _text(value) for name, value in cell.items()}, groups)


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip()


def _checked(line: int, cell: Mapping[str, str], groups: Iterable[Mapping[str, str]]) -> NppesRecord:
    """The entry with these fields; raises `Problems` with everything that is wrong."""
    problems: list[tuple[str, str]] = []

    def read(column: str, how: Callable[[str], Any]) -> Any:
        try:
            return how(cell.get(column, ""))
        except ValueError as error:
            problems.append((HEADINGS[column], str(error)))
            return None

    record = NppesRecord(
        line=line,
        npi=read("npi", file_values.npi) or "",
        entity_type=cell["entity_type"],
        organisation=cell.get("organisation", ""),
        last_names=_given(cell, "last_name", "other_last_name"),
        first_names=_given(cell, "first_name", "other_first_name"),
        updated_on=read("updated_on", file_values.day),
        deactivation_reason=cell.get("deactivation_reason", ""),
        deactivated_on=read("deactivated_on", file_values.day),
        reactivated_on=read("reactivated_on", file_values.day),
        taxonomies=tuple(_taxonomies(groups, problems)),
    )
    problems += _entity_problems(record)
    if problems:
        raise Problems(problems)
    return record


def _given(cell: Mapping[str, str], *names: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(cell.get(name, "") for name in names if cell.get(name)))


def _taxonomies(groups: Iterable[Mapping[str, str]], problems: list[tuple[str, str]]) -> Iterator[Taxonomy]:
    for number, group in enumerate(groups, start=1):
        if not TAXONOMY_CODE.fullmatch(group["code"]):
            problems.append((f"{TAXONOMY_HEADINGS['code']}_{number}", NO_TAXONOMY_CODE))
        yield Taxonomy(group["code"], group["primary"].upper() == "Y", group["number"], group["state"])


def _entity_problems(record: NppesRecord) -> Iterator[tuple[str, str]]:
    if record.entity_type not in (PERSON, ORGANISATION, ""):
        yield "entity type code", "This is neither 1 (a person) nor 2 (an organisation)."
    elif record.entity_type == "" and not record.deactivated_on:
        yield "entity type code", "It is missing, though the NPI is not deactivated."
    if record.entity_type == PERSON and not record.is_deactivated and not record.name:
        yield "provider last name", "The name is missing, though the NPI is not deactivated."
