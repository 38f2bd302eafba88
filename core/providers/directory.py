"""The directory of providers: what a right entry is, changing it, and who changed what."""

import re
from collections.abc import Iterable, Mapping, Sequence, Set
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
NO_STATE = "Choose the state of each licence."


@dataclass(frozen=True)
class Vocabulary:
    """The codes that a directory may use, each with its name: of states and of specialties."""

    states: Mapping[str, str]
    specialties: Mapping[str, str]


@dataclass(frozen=True)
class Identities:
    """Who is who in the directory: the NPIs there are, and the ids of
    those without one by a name that is theirs alone.
    """

    npis: Set[str]
    without: Mapping[str, str]


@dataclass(frozen=True)
class Problem:
    """What is wrong in one field, in words."""

    field: str
    message: str


def vocabulary(db: Database) -> Vocabulary:
    known = db.call("directory_vocabulary")
    return Vocabulary(known["states"], known["specialties"])


def identities(db: Database) -> Identities:
    known = db.call("directory_identities")
    return Identities(frozenset(known["npis"]), known["without"])


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
    wrong = []
    seen: set[tuple[str | None, str | None]] = set()
    for licence in given:
        state, number = licence.get("state"), licence.get("number")
        if state not in known.states:
            wrong.append(f"{state!r} is not the code of a state, DC or a territory." if state else NO_STATE)
        if licence.get("status", "active") not in licences.STATUSES:
            wrong.append(f"A licence is {', '.join(licences.STATUSES)}.")
        days = {name: licence.get(name) for name in ("issued_on", "expires_on", "verified_on")}
        malformed = [_day_problem(day) for day in days.values() if day]
        wrong += [message for message in malformed if message]
        issued, expires = days["issued_on"], days["expires_on"]
        if issued and expires and not any(malformed) and str(expires) < str(issued):
            wrong.append(f"The licence in {state} ends before it starts.")
        if (state, number) in seen:
            wrong.append(f"The licence {state} {number or 'without a number'} is listed twice.")
        seen.add((state, number))
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
) -> tuple[list[Document], int]:
    """Providers by name, with `text` in their name, e-mail or NPI,
    licensed in `state`; and how many there are in all.
    """
    found = db.call(
        "search_providers", search=text or None, state=state, specialty=specialty, active=active, skip=skip, limit=limit
    )
    return found["items"], found["total"]


def one(db: Database, provider_id: str) -> Document:
    """The provider of this id; raises `Refused` for none."""
    return cast(Document, db.call("provider", id=provider_id))


def summary(db: Database, now: datetime) -> dict[str, Any]:
    """How many providers, active ones, free slots, and licences `ending` within 30, 60 and 90 days or `ended`."""
    return cast(dict[str, Any], db.call("directory_summary", now=now))


def preview(db: Database, document: Document, now: datetime) -> dict[str, Any]:
    """What would follow if the directory said this: consultations `to_move`, states `left_without` anybody, how many
    `over_capacity`, and who is `waiting` that they `would_take`. The document has no problems."""
    return cast(dict[str, Any], db.call("preview_provider", document=document, now=now))


def everybody(db: Database, *, search: str | None = None) -> list[Document]:
    """Every provider, by id, with licences, load and specialties; those whose name, e-mail or NPI has `search`."""
    found: list[Document] = []
    while True:
        after = found[-1]["id"] if found else None
        page = cast(list[Document], db.call("list_providers", search=search, after=after))
        found += page
        if len(page) < 1000:
            return found


def save(db: Database, actor: Actor, document: Document, now: datetime, *, reason: str | None = None) -> dict[str, Any]:
    """Add one provider, or change one for a `reason`; what `document` leaves out stays.

    Answers id, outcome, and how many waiting were `placed`. Raises `Refused` with every problem in its sentence, before
    anything is written, and where the document was `seen_at` another moment than the last change.
    """
    roles.require(actor, "providers")
    if "id" in document and not (reason or "").strip():
        raise Refused("reason_missing", "Say why the provider is changed.")
    answer = put(db, actor, [document], now, reason=reason)
    return answer["items"][0] | {"placed": answer["placed"]}  # type: ignore[no-any-return]


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


def add_specialty(db: Database, actor: Actor, name: str, now: datetime) -> str:
    """One specialty more that providers may have and patients ask for; answers its code."""
    roles.require(actor, "providers")
    added = db.call("add_specialty", actor=actor.name, actor_role=str(actor.role), name=name, now=now)
    return cast(str, added)


def history(db: Database, provider_id: str) -> list[dict[str, Any]]:
    """Every change of the provider, newest first: at, actor, reason, before, after."""
    return cast(list[dict[str, Any]], db.call("provider_history", id=provider_id))


def coverage(db: Database, now: datetime) -> list[dict[str, Any]]:
    """Each state with its active licensed providers, their free slots, who waits there and the month's demand."""
    return cast(list[dict[str, Any]], db.call("state_coverage", now=now))
