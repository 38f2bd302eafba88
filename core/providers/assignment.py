"""Which provider sees which patient: by the rules, by hand, and what would be if."""

from datetime import datetime
from typing import Any, Literal, cast

from core.db import Database
from core.staff import roles
from core.staff.roles import Actor

Consultation = dict[str, Any]
Status = Literal["waiting", "assigned", "misplaced", "ended", "completed", "cancelled"]


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
    """Release consultation from its provider, who is not chosen for it again by the rules."""
    roles.require(actor, "assignments")
    return cast(Consultation, db.call("release_consultation", **_by(actor), id=consultation_id, reason=reason, now=now))


def end(
    db: Database, actor: Actor, consultation_id: str, status: str, now: datetime, *, reason: str | None = None
) -> dict[str, Any]:
    """Complete or cancel the consultation; its provider has room for one more, once."""
    roles.require(actor, "assignments")
    ended = db.call("end_consultation", **_by(actor), id=consultation_id, status=status, reason=reason, now=now)
    return cast(dict[str, Any], ended)


def drain(db: Database, now: datetime) -> dict[str, int]:
    """Place whoever waits and can be placed, oldest first; answers how many were `assigned` and are `overdue`.

    Changes that make room place the waiting themselves; this catches what crossed them, and the passing of days.
    """
    return cast(dict[str, int], db.call("drain_waiting", now=now))


def move_misplaced(
    db: Database, actor: Actor, reason: str, now: datetime, *, provider_id: str | None = None
) -> dict[str, int]:
    """Take the consultations back whose provider may not see them now, and give them to others; answers how many were
    `moved` and how many of those are `waiting`."""
    roles.require(actor, "assignments")
    moved = db.call("move_misplaced", **_by(actor), reason=reason, provider=provider_id, now=now)
    return cast(dict[str, int], moved)


def summary(db: Database, now: datetime) -> dict[str, Any]:
    """Who waits, the `oldest`, what is open, `misplaced`, and the capacity."""
    return cast(dict[str, Any], db.call("assignment_summary", now=now))


def days(db: Database, now: datetime) -> dict[str, Any]:
    """What was asked in the 24 hours up to `now` and in those `before`: how
    many, placed at once, by fallback, how fast.
    """
    return cast(dict[str, Any], db.call("assignment_days", now=now))


def consultations(
    db: Database,
    now: datetime,
    *,
    status: Status | None = None,
    state: str | None = None,
    provider_id: str | None = None,
    patient_id: str | None = None,
    search: str | None = None,
    skip: int = 0,
    limit: int = 200,
) -> list[Consultation]:
    """Consultations, open ones oldest first and ended ones newest first, with `age_seconds`, whether they are `overdue`
    and whether their provider `may_see` them. `search` is the id of a consultation, submission, order or patient."""
    found = db.call(
        "list_consultations",
        status=status,
        state=state,
        provider=provider_id,
        patient=patient_id,
        search=search,
        skip=skip,
        limit=limit,
        now=now,
    )
    return cast(list[Consultation], found)


def consultation(db: Database, consultation_id: str, now: datetime) -> Consultation:
    """One consultation with its `decisions`, each with the candidates of its moment, and the `payments` of its order.

    Raises `Refused` for none.
    """
    return cast(Consultation, db.call("consultation", id=consultation_id, now=now))


def candidates(db: Database, consultation_id: str, now: datetime, *, search: str | None = None) -> dict[str, Any]:
    """Who could take the consultation and who could not, with `why`, under `items`, of how many `licensed` there.

    `selectable` says who may be chosen, `overridable` who by an admin with an override.
    """
    return cast(dict[str, Any], db.call("candidates", id=consultation_id, search=search, now=now))


def distribution(db: Database, now: datetime, *, days: int = 30) -> dict[str, Any]:
    """Consultations per provider against their `fair_share`, the fallbacks, and the `gini` coefficient."""
    spread = cast(dict[str, Any], db.call("distribution", days=days, now=now))
    against_fair = [item["assigned"] / item["fair_share"] for item in spread["items"] if item["fair_share"]]
    return spread | {"gini": gini(against_fair)}


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


def with_licence(db: Database, provider_id: str, state: str, now: datetime) -> dict[str, Any]:
    """What if they had a licence there too: who is `waiting` in the state, how many they `would_take`, what was asked
    there in 30 days, and how many `providers` there are."""
    return cast(dict[str, Any], db.call("with_licence", provider=provider_id, state=state, now=now))


def care_payment_mismatches(db: Database, now: datetime) -> list[dict[str, Any]]:
    """Where care and payment do not fit: `paid_but_waiting` past the time, or `refunded_but_open`."""
    return cast(list[dict[str, Any]], db.call("care_payment_mismatches", now=now))


def _by(actor: Actor) -> dict[str, str]:
    return {"actor": actor.name, "actor_role": str(actor.role)}
