"""The NPI registry (NPPES): importing our providers' entries from its files, and acting on them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any

from core.db import Database
from core.providers import directory, states
from core.providers.directory_rows import LicenceDocument, Saved
from core.providers.registries import nppes_file
from core.providers.registries.file_values import RowProblem, refuse_problems
from core.providers.registries.nppes_file import NppesFile, Progress
from core.providers.registries.nppes_records import NppesRecord
from core.providers.registries.registry_rows import AllFindings, NppesOutcome, RegistryEntry, Subject
from core.staff import audit, roles
from core.staff.roles import Actor

# What was done with an entry, in words; "not in the file" is of a provider whom a file does not have.
OUTCOMES = {
    "added": "Stored",
    "changed": "Changed",
    "unchanged": "As before",
    "older": "Older than what is known, so it was left out",
    "deactivated": "NPI deactivated: out of assignment",
    "reactivated": "NPI active again: back in assignment",
    "absent": "Not in this file",
}


@dataclass(frozen=True)
class ReadNppes:
    """A file of the registry, read: what it says about our providers, and whom of them it does not have."""

    name: str
    rows: int
    entries: tuple[dict[str, Any], ...]
    absent: tuple[Subject, ...]
    problems: tuple[RowProblem, ...]


def subjects(db: Database) -> list[Subject]:
    """Every provider, active or not, for whom the files are searched."""
    found: list[Subject] = db.call("registry_subjects")
    return found


def read(db: Database, name: str, stream: IO[bytes], progress: Progress = lambda part: None) -> ReadNppes:
    """What the file says about our providers: the registry's CSV, its .zip, or its API's JSON answer.

    Raises `Refused` if it is not such a file; what is wrong in single rows is in `problems`.
    """
    by_npi = {one["npi"]: one for one in subjects(db) if one["npi"]}
    file = nppes_file.read(name, stream, by_npi.keys(), progress)
    return _about_ours(name, file, by_npi)


def _about_ours(name: str, file: NppesFile, by_npi: Mapping[str, Subject]) -> ReadNppes:
    entries = [_entry(record, by_npi[record.npi]) for record in file.records]
    there = {record.npi for record in file.records}
    absent = [one for npi, one in by_npi.items() if npi not in there]
    return ReadNppes(name, file.rows, tuple(entries), tuple(absent), tuple(file.problems))


def _entry(record: NppesRecord, subject: Subject) -> dict[str, Any]:
    """What is stored of a record."""
    return {
        "provider_id": subject["id"],
        "npi": record.npi,
        "entity_type": record.entity_type,
        "name": record.name,
        "name_match": record.compared_with(subject["name"]),
        "as_of": record.as_of,
        "deactivated_on": record.deactivated_on,
        "reactivated_on": record.reactivated_on,
        "deactivation_reason": record.deactivation_reason,
        "is_deactivated": record.is_deactivated,
        "taxonomies": [
            {
                "code": one.code,
                "primary": one.primary,
                "number": one.number,
                "state": one.state,
                "state_code": states.code_of(one.state),
            }
            for one in record.taxonomies
        ],
    }


def put(db: Database, actor: Actor, file: ReadNppes, now: datetime, *, trial: bool = False) -> list[NppesOutcome]:
    """Store what the file says about our providers; nothing of it if a row has a problem or if this is a `trial`.

    A deactivated NPI takes its provider out of assignment, and a reactivated one back in.
    """
    roles.require(actor, "providers")
    refuse_problems(file.problems)
    outcomes: list[NppesOutcome] = db.call(
        "import_nppes",
        actor=actor.name,
        actor_role=str(actor.role),
        file={"name": file.name, "rows": file.rows, "is_full": False},
        entries=list(file.entries),
        trial=trial,
        now=now,
    )
    return outcomes


def absent_as_outcomes(file: ReadNppes) -> list[NppesOutcome]:
    """The providers whom the file does not have, as rows beside the outcomes."""
    return [
        {
            "provider_id": one["id"],
            "name": one["name"],
            "npi": one["npi"] or "",
            "outcome": "absent",
            "open_consultations": 0,
            "findings": [],
        }
        for one in file.absent
    ]


def findings(db: Database) -> AllFindings:
    """The providers whose entry in the registry has something to check."""
    found: AllFindings = db.call("registry_findings")
    return found


def entry(db: Database, provider_id: str) -> RegistryEntry | None:
    """What the registry says about this provider; None if nothing was imported for their NPI."""
    found: RegistryEntry | None = db.call("registry_entry", provider=provider_id)
    return found


def add_licence(
    db: Database, actor: Actor, provider_id: str, licence: LicenceDocument, now: datetime, *, reason: str | None
) -> Saved:
    """Add a licence that the registry names, with the days that a person looked up, to the provider's others.

    A licence of that state whose number is missing gets this one.
    """
    roles.require(actor, "providers")
    audit.require_reason(db, reason)
    before = directory.one(db, provider_id)
    others: Sequence[LicenceDocument] = [
        LicenceDocument(**one) for one in before["licences"] if one["state"] != licence["state"] or one["number"]
    ]
    document = {"id": provider_id, "licences": [*others, licence], "seen_at": before["updated_at"]}
    return directory.save(db, actor, document, now, reason=reason)  # type: ignore[arg-type]
