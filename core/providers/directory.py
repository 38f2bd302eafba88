"""The directory of providers: what a right entry is, changing it, and who changed what."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from core.db import Database
from core.errors import Refused
from core.providers import licences
from core.staff import roles
from core.staff.roles import Actor

Document = dict[str, Any]
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
MAX_CAPACITY = 10_000


@dataclass(frozen=True)
class Vocabulary:
    """The codes that a directory may use: states by code with their names, and specialties."""

    states: Mapping[str, str]
    specialties: Collection[str]


@dataclass(frozen=True)
class Problem:
    """What is wrong in one field, in words."""

    field: str
    message: str


def vocabulary(db: Database) -> Vocabulary:
    known = db.call("directory_vocabulary")
    return Vocabulary(known["states"], known["specialties"])


def problems_of(document: Document, known: Vocabulary) -> list[Problem]:
    """Everything that is wrong with the entry, field by field; nothing for a right one."""
    problems = []
    if not str(document.get("name") or "").strip():
        problems.append(Problem("name", "A provider has a name."))
    if (email := document.get("email")) and not _EMAIL.fullmatch(email):
        problems.append(Problem("email", f"{email!r} is not an e-mail address."))
    if (npi := document.get("npi")) and (wrong := licences.npi_problem(npi)):
        problems.append(Problem("npi", wrong))
    capacity = document.get("capacity", 1)
    if not isinstance(capacity, int) or not 1 <= capacity <= MAX_CAPACITY:
        problems.append(Problem("capacity", f"The capacity is a whole number from 1 to {MAX_CAPACITY:,}."))
    for specialty in document.get("specialties", []):
        if specialty not in known.specialties:
            problems.append(Problem("specialties", f"{specialty!r} is none of the specialties there are."))
    return problems + _licence_problems(document.get("licences", []), known)


def _licence_problems(given: Sequence[Document], known: Vocabulary) -> list[Problem]:
    problems = []
    seen: set[tuple[str, str | None]] = set()
    for licence in given:
        state, number = licence.get("state", ""), licence.get("number")
        issued, expires = licence.get("issued_on"), licence.get("expires_on")
        if state not in known.states:
            problems.append(Problem("licences", f"{state!r} is not the code of a state, DC or a territory."))
        if licence.get("status", "active") not in licences.STATUSES:
            problems.append(Problem("licences", f"A licence is {', '.join(licences.STATUSES)}."))
        if issued and expires and str(expires) < str(issued):
            problems.append(Problem("licences", f"The licence in {state} ends before it starts."))
        if (state, number) in seen:
            problems.append(Problem("licences", f"The licence {state} {number or ''} is listed twice."))
        seen.add((state, number))
    return problems


def everybody(db: Database, *, search: str | None = None) -> list[Document]:
    """Every provider, by id, with licences, load and specialties; those whose name, e-mail or NPI has `search`."""
    found: list[Document] = []
    while True:
        after = found[-1]["id"] if found else None
        page = cast(list[Document], db.call("list_providers", search=search, after=after))
        found += page
        if len(page) < 1000:
            return found


def save(
    db: Database, actor: Actor, document: Document, now: datetime, *, reason: str | None = None
) -> dict[str, Any]:
    """Add or change one provider; what `document` leaves out stays. Answers its id and the outcome.

    Raises `Refused` with every problem in its sentence, before anything is written.
    """
    return put(db, actor, [document], now, reason=reason)["items"][0]  # type: ignore[no-any-return]


def put(
    db: Database,
    actor: Actor,
    documents: Iterable[Document],
    now: datetime,
    *,
    reason: str | None = None,
    trial: bool = False,
) -> dict[str, Any]:
    """Add or change all of these providers or, where one is refused or it is a `trial`, none.

    Answers `items`, each with id and outcome (added, changed, unchanged), and how many waiting were `placed`.
    """
    roles.require(actor, "providers")
    given = list(documents)
    known = vocabulary(db)
    problems = [problem.message for document in given for problem in problems_of(_checkable(document), known)]
    if problems:
        raise Refused("bad_provider", " ".join(problems))
    answer = db.call(
        "put_providers",
        actor=actor.name,
        actor_role=str(actor.role),
        documents=given,
        reason=reason,
        trial=trial,
        now=now,
    )
    return cast(dict[str, Any], answer)


def _checkable(document: Document) -> Document:
    """A change of somebody known may leave out the name."""
    return {"name": "-"} | document if "id" in document else document


def set_active(
    db: Database, actor: Actor, provider_id: str, active: bool, now: datetime, *, reason: str | None = None
) -> dict[str, Any]:
    """Let the provider be chosen, or no more; open consultations stay with them until they are moved."""
    return save(db, actor, {"id": provider_id, "active": active}, now, reason=reason)


def add_specialty(db: Database, actor: Actor, code: str, now: datetime) -> None:
    """One specialty more that providers may have and patients ask for."""
    roles.require(actor, "providers")
    db.call("add_specialty", actor=actor.name, actor_role=str(actor.role), code=code, now=now)


def history(db: Database, provider_id: str) -> list[dict[str, Any]]:
    """Every change of the provider, newest first: at, actor, reason, before, after."""
    return cast(list[dict[str, Any]], db.call("provider_history", id=provider_id))


def coverage(db: Database, now: datetime) -> list[dict[str, Any]]:
    """Each state with its active licensed providers, their free slots, who waits there and the month's demand."""
    return cast(list[dict[str, Any]], db.call("state_coverage", now=now))


def states_left_without(
    after: Sequence[Document], before: Document | None, coverage_now: Sequence[Document]
) -> list[str]:
    """The states in which nobody is left when `before` keeps only the active licences in `after`."""
    if before is None:
        return []
    kept = {licence["state"] for licence in after if licence.get("status", "active") == "active"}
    had = {licence["state"] for licence in before["licences"] if licence["status"] == "active"}
    alone = {state["state"] for state in coverage_now if state["providers"] <= 1}
    return sorted((had - kept) & alone)
