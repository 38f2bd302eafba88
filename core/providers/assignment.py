"""Which provider sees which patient: by the rules, by hand, and what would be if."""

from datetime import datetime
from typing import Any, Literal, cast

from core.db import Database
from core.staff import roles
from core.staff.roles import Actor

Consultation = dict[str, Any]
Status = Literal["waiting", "assigned", "completed", "cancelled"]


def assign(
    db: Database,
    actor: Actor,
    consultation_id: str,
    now: datetime,
    *,
    provider_id: str | None = None,
    reason: str | None = None,
    override: bool = False,
) -> Consultation:
    """Give the consultation to `provider_id`, who needs a licence there and whoever does it a `reason`; without one
    named, to whom the rules choose.

    `override` passes over capacity and specialty, for admins; nothing passes over the licence. Raises `Refused`.
    """
    roles.require(actor, "assignments")
    return cast(
        Consultation,
        db.call(
            "assign_consultation",
            **_by(actor),
            id=consultation_id,
            provider=provider_id,
            reason=reason,
            override=override,
            now=now,
        ),
    )


def release(db: Database, actor: Actor, consultation_id: str, reason: str, now: datetime) -> Consultation:
    """Take the consultation back from its provider, who is not chosen for it again by the rules."""
    roles.require(actor, "assignments")
    return cast(
        Consultation,
        db.call("release_consultation", **_by(actor), id=consultation_id, reason=reason, now=now),
    )


def end(
    db: Database,
    actor: Actor,
    consultation_id: str,
    status: str,
    now: datetime,
    *,
    reason: str | None = None,
) -> dict[str, Any]:
    """Complete or cancel the consultation; its provider has room for one more, once."""
    roles.require(actor, "assignments")
    ended = db.call(
        "end_consultation", **_by(actor), id=consultation_id, status=status, reason=reason, now=now
    )
    return cast(dict[str, Any], ended)


def drain(db: Database, now: datetime) -> dict[str, int]:
    """Place whoever waits and can be placed, oldest first; answers how many were `assigned` and are `overdue`.

    Changes that make room place the waiting themselves; this catches what crossed them, and the passing of days.
    """
    return cast(dict[str, int], db.call("drain_waiting", now=now))


def consultations(
    db: Database,
    now: datetime,
    *,
    status: Status | None = None,
    state: str | None = None,
    provider_id: str | None = None,
    patient_id: str | None = None,
    limit: int = 200,
) -> list[Consultation]:
    """Consultations, the open ones oldest first, with `age_seconds` and whether they are `overdue`."""
    found = db.call(
        "list_consultations",
        status=status,
        state=state,
        provider=provider_id,
        patient=patient_id,
        limit=limit,
        now=now,
    )
    return cast(list[Consultation], found)


def consultation(db: Database, consultation_id: str) -> Consultation:
    """One consultation with its `decisions`, each with the candidates of its moment; raises `Refused` for none."""
    return cast(Consultation, db.call("consultation", id=consultation_id))


def candidates(db: Database, consultation_id: str, now: datetime) -> list[dict[str, Any]]:
    """Who could take the consultation and who could not, with `why`; `selectable` without an override."""
    return cast(list[dict[str, Any]], db.call("candidates", id=consultation_id, now=now))


def distribution(db: Database, now: datetime, *, days: int = 30) -> dict[str, Any]:
    """Consultations per provider against their `fair_share` by capacity, the fallbacks, and the `gini` coefficient."""
    spread = cast(dict[str, Any], db.call("distribution", days=days, now=now))
    per_slot = [item["assigned"] / item["capacity"] for item in spread["items"]]
    return spread | {"gini": gini(per_slot)}


def gini(shares: list[float]) -> float | None:
    """0 where all have the same, towards 1 where one has all; None where there is nothing to share."""
    total, n = sum(shares), len(shares)
    if total == 0:
        return None
    ranked = sum(rank * share for rank, share in enumerate(sorted(shares), start=1))
    return 2 * ranked / (n * total) - (n + 1) / n


def without_provider(db: Database, provider_id: str, now: datetime) -> list[dict[str, Any]]:
    """What if they were gone: by state, their open consultations, how many others there are, and their free slots."""
    return cast(list[dict[str, Any]], db.call("without_provider", provider=provider_id, now=now))


def with_licence(db: Database, provider_id: str, state: str) -> dict[str, int]:
    """What if they had a licence there too: how many wait in the state, and how many of those they would take."""
    return cast(dict[str, int], db.call("with_licence", provider=provider_id, state=state))


def care_against_cash(db: Database, now: datetime) -> list[dict[str, Any]]:
    """Where care and payment do not fit: `paid_but_waiting` past the time, or `refunded_but_open`."""
    return cast(list[dict[str, Any]], db.call("care_against_cash", now=now))


def _by(actor: Actor) -> dict[str, str]:
    return {"actor": actor.name, "actor_role": str(actor.role)}
