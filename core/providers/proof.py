"""Proof of licences: who verified what, when and where, when it is due again, and what was known on a past day."""

from datetime import date, datetime
from typing import TypedDict

from core.db import Database
from core.providers.directory_rows import Kind
from core.providers.documents import DocumentRow
from core.providers.schedules import Placed
from core.staff import roles
from core.staff.roles import Actor


class Proof(TypedDict):
    """The newest verification of a licence."""

    verified_by: str
    verified_at: str
    source: str
    link: str | None
    note: str | None
    document_id: str | None
    due_on: str


class Verification(Proof):
    """One verification in the history of a provider's licences."""

    id: int
    provider_id: str
    state: str
    number: str


class Proofs(TypedDict):
    """Every verification of a provider's licences, newest first, and their documents."""

    verifications: list[Verification]
    documents: list[DocumentRow]


class PastLicence(TypedDict):
    """A licence as it was known at a moment, and whether it was `valid` then."""

    state: str
    number: str | None
    type: str | None
    kind: Kind
    compact: str | None
    home_state: str | None
    status: str
    issued_on: str | None
    expires_on: str | None
    verified_on: str | None
    verified_by: str | None
    awaiting: str | None
    ends_at: str | None
    valid: bool
    proof: Proof | None


class DueLicence(TypedDict):
    """A licence that was never verified (`due_on` is None), or so long ago that it is due again."""

    provider_id: str
    name: str
    state: str
    number: str | None
    kind: Kind
    verified_on: str | None
    verified_by: str | None
    due_on: str | None


class DueLicences(TypedDict):
    """Some of the licences whose verification is due, longest due first, and how many there are in all."""

    total: int
    items: list[DueLicence]


class DueAgain(TypedDict):
    """When the licence is to be verified again."""

    due_on: str


def verify(
    db: Database,
    actor: Actor,
    provider_id: str,
    state: str,
    number: str | None,
    now: datetime,
    *,
    source: str,
    link: str | None = None,
    note: str | None = None,
    document_id: str | None = None,
) -> DueAgain:
    """Record that the actor verified the licence at `source`, such as the board's website."""
    roles.require(actor, "providers")
    due: DueAgain = db.call(
        "verify_licence",
        **_of(actor, provider_id, state, number),
        source=source,
        link=link,
        note=note,
        document=document_id,
        now=now,
    )
    return due


def confirm(db: Database, actor: Actor, provider_id: str, state: str, number: str | None, now: datetime) -> Placed:
    """Confirm, as a second person, a licence that opens a state; raises `Refused` to whoever entered it."""
    roles.require(actor, "providers")
    placed: Placed = db.call("confirm_licence", **_of(actor, provider_id, state, number), now=now)
    return placed


def of_provider(db: Database, provider_id: str) -> Proofs:
    found: Proofs = db.call("licence_proofs", provider=provider_id)
    return found


def on_day(db: Database, provider_id: str, day: date, now: datetime) -> list[PastLicence]:
    """The provider's licences as they were known at the end of `day`, valid ones first."""
    found: list[PastLicence] = db.call("licences_on", provider=provider_id, day=day, now=now)
    return found


def due(db: Database, now: datetime) -> DueLicences:
    """The active licences of active providers that are to be verified."""
    found: DueLicences = db.call("verifications_due", now=now)
    return found


def _of(actor: Actor, provider_id: str, state: str, number: str | None) -> dict[str, str | None]:
    return {
        "actor": actor.name,
        "actor_role": str(actor.role),
        "provider": provider_id,
        "state": state,
        "number": number,
    }
