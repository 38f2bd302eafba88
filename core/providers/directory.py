"""The directory of providers: what makes an entry valid, adding and changing providers, and the history of changes."""

import re
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime

from core.db import Database
from core.errors import Refused
from core.providers import licence_kinds, licences, states
from core.providers.directory_rows import (
    DirectorySummary,
    LicenceDocument,
    Preview,
    ProviderChange,
    ProviderDocument,
    ProviderPage,
    ProviderRow,
    Saved,
    SavedAll,
    StateCoverage,
    TableRow,
)
from core.providers.licence_kinds import StateRules
from core.staff import audit, roles
from core.staff.roles import Actor

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
MAX_CAPACITY = 10_000
NO_STATE = "Choose the state of each licence."


@dataclass(frozen=True)
class Vocabulary:
    """The states and specialties that the directory knows, their names by code; and the rules that cross states."""

    states: Mapping[str, str]
    specialties: Mapping[str, str]
    rules: StateRules = StateRules()


@dataclass(frozen=True)
class Identities:
    """How a row of a file finds the provider it is about: the NPIs in the directory, and the ids of providers without
    an NPI by their name, where no other such provider has it. The names tell whose an NPI is."""

    npis: Set[str]
    ids_by_name: Mapping[str, str]
    names_by_npi: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Problem:
    """What is wrong with one field, in a sentence."""

    field: str
    message: str


def vocabulary(db: Database) -> Vocabulary:
    known = db.call("directory_vocabulary")
    return Vocabulary(known["states"], known["specialties"], StateRules(known["compacts"], known["registrations"]))


def identities(db: Database) -> Identities:
    known = db.call("directory_identities")
    return Identities(frozenset(known["npis"]), known["ids_by_name"], known["names_by_npi"])


def problems_of(document: ProviderDocument, known: Vocabulary) -> list[Problem]:
    """Everything that is wrong with the entry, field by field; empty for a valid one."""
    problems = []
    if not str(document.get("name") or "").strip():
        problems.append(Problem("name", "Enter the provider's name."))
    if (email := document.get("email")) and not _EMAIL.fullmatch(email):
        problems.append(Problem("email", f"{email!r} is not an e-mail address."))
    if (npi := document.get("npi")) and (wrong := licences.npi_problem(npi)):
        problems.append(Problem("npi", wrong))
    capacity = document.get("capacity", 1)
    if not isinstance(capacity, int) or not 1 <= capacity <= MAX_CAPACITY:
        problems.append(Problem("capacity", f"The capacity must be a whole number from 1 to {MAX_CAPACITY:,}."))
    for specialty in document.get("specialties", []):
        if specialty not in known.specialties:
            problems.append(Problem("specialties", f"{specialty!r} is not one of the directory's specialties."))
    return problems + _licence_problems(document.get("licences", []), known)


def _licence_problems(given: Sequence[LicenceDocument], known: Vocabulary) -> list[Problem]:
    wrong = []
    seen: set[tuple[str | None, str | None]] = set()
    for licence in given:
        state, number = licence.get("state"), licence.get("number") or None
        if state not in known.states:
            wrong.append((states.problem(state) or f"{state!r} is not a state's code.") if state else NO_STATE)
        if licence.get("status", "active") not in licences.STATUSES:
            wrong.append(
                f"The status of a licence must be {', '.join(licences.STATUSES[:-1])} or {licences.STATUSES[-1]}."
            )
        days = {name: licence.get(name) for name in ("issued_on", "expires_on", "verified_on")}
        malformed = [_day_problem(day) for day in days.values() if day]
        wrong += [message for message in malformed if message]
        issued, expires = days["issued_on"], days["expires_on"]
        if issued and expires and not any(malformed) and str(expires) < str(issued):
            wrong.append(f"The licence in {states.name_of(str(state))} ends before it starts.")
        if (state, number) in seen:
            wrong.append(f"The licence in {states.name_of(str(state))} {number or 'without a number'} is listed twice.")
        seen.add((state, number))
        wrong += licence_kinds.problems_of(licence, known.rules)
    wrong += licence_kinds.two_homes(given)
    return [Problem("licences", message) for message in wrong]


def _day_problem(day: object) -> str | None:
    try:
        licences.day(str(day))
    except ValueError as error:
        return str(error)
    return None


def search(
    db: Database,
    *,
    text: str | None = None,
    state: str | None = None,
    specialty: str | None = None,
    active: bool | None = None,
    skip: int = 0,
    limit: int = 200,
    after_id: str | None = None,
) -> tuple[list[ProviderRow], int]:
    """Providers by name, with `text` in their name, e-mail or NPI, licensed in `state`; and how many there are in all.

    With `after_id`, those after that one.
    """
    found: ProviderPage = db.call(
        "search_providers",
        search=text or None,
        state=state,
        specialty=specialty,
        active=active,
        skip=skip,
        limit=limit,
        after_id=after_id,
    )
    return found["items"], found["total"]


def one(db: Database, provider_id: str) -> ProviderRow:
    """The provider with this id; raises `Refused` if they do not exist."""
    found: ProviderRow = db.call("provider", id=provider_id)
    return found


def summary(db: Database, now: datetime) -> DirectorySummary:
    """The number of providers, active ones and free slots, and of licences that ended or will within 90 days."""
    counted: DirectorySummary = db.call("directory_summary", now=now)
    return counted


def preview(db: Database, document: ProviderDocument, now: datetime) -> Preview:
    """What saving this document would lead to: open consultations `to_move` to other providers, states `left_without` a
    provider, consultations `over_capacity`, and waiting ones that the provider `would_take`.

    The document must have no problems.
    """
    follows: Preview = db.call("preview_provider", document=document, now=now)
    return follows


def everybody(db: Database, *, search: str | None = None) -> list[ProviderRow]:
    """All providers by id, or those with `search` in their name, e-mail or NPI."""
    found: list[ProviderRow] = []
    while True:
        after = found[-1]["id"] if found else None
        page: list[ProviderRow] = db.call("list_providers", search=search, after=after)
        found += page
        if len(page) < 1000:
            return found


def save(db: Database, actor: Actor, document: ProviderDocument, now: datetime, *, reason: str | None = None) -> Saved:
    """Add one provider, or change one for a `reason`; fields that `document` leaves out stay as they are.

    Raises `Refused` naming every problem before anything is written, and where somebody else changed the provider after
    the document's `seen_at`.
    """
    roles.require(actor, "providers")
    if "id" in document:
        audit.require_reason(db, reason)
    answer = put(db, actor, [document], now, reason=reason)
    return {**answer["items"][0], "placed": answer["placed"]}


def put(
    db: Database,
    actor: Actor,
    documents: Iterable[ProviderDocument],
    now: datetime,
    *,
    reason: str | None = None,
    trial: bool = False,
) -> SavedAll:
    """Add or change all of these providers; none of them if one is refused or if this is a `trial`."""
    roles.require(actor, "providers")
    given = list(documents)
    known = vocabulary(db)
    problems = [problem.message for document in given for problem in problems_of(_checkable(document), known)]
    if problems:
        raise Refused("bad_provider", " ".join(problems))
    answer: SavedAll = db.call(
        "put_providers",
        actor=actor.name,
        actor_role=str(actor.role),
        documents=given,
        reason=reason,
        trial=trial,
        now=now,
    )
    return answer


def _checkable(document: ProviderDocument) -> ProviderDocument:
    """A change of a known provider may leave out the name."""
    return {"name": "-", **document} if "id" in document else document


def add_specialty(db: Database, actor: Actor, name: str, now: datetime) -> str:
    """Add a specialty that providers can have and patients can ask for; answers its code."""
    roles.require(actor, "providers")
    code: str = db.call("add_specialty", actor=actor.name, actor_role=str(actor.role), name=name, now=now)
    return code


def history(db: Database, provider_id: str) -> list[ProviderChange]:
    """Every change of the provider, newest first."""
    changes: list[ProviderChange] = db.call("provider_history", id=provider_id)
    return changes


def table_rows(db: Database, table: str) -> list[TableRow]:
    """The providers in a company's own table; raises `Refused` where it is missing or has other columns."""
    rows: list[TableRow] = db.call("read_provider_table", table=table)
    return rows


def coverage(db: Database, now: datetime) -> list[StateCoverage]:
    """Each state with its active licensed providers, their free slots, waiting patients and demand of 30 days."""
    states: list[StateCoverage] = db.call("state_coverage", now=now)
    return states
