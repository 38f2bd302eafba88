"""Assignment of consultations to providers, by the rules or by hand; lists, and previews of changes."""

from datetime import datetime
from typing import Literal

from core.db import Database
from core.providers import schedules
from core.providers.consultation_rows import (
    AssignmentDays,
    AssignmentSummary,
    Candidates,
    CarePaymentMismatch,
    ConsultationDetails,
    ConsultationRow,
    Distribution,
    Drained,
    EndedConsultation,
    ListedConsultation,
    MeasuredDistribution,
    Moved,
    WithLicence,
    WithoutProvider,
)
from core.staff import roles
from core.staff.roles import Actor

Show = Literal["waiting", "overdue", "assigned", "to_reassign", "ended", "completed", "cancelled"]


# The lists of the page, by their name in its address.
LISTS: dict[str, Show] = {
    "waiting": "waiting",
    "waiting too long": "overdue",
    "assigned": "assigned",
    "to reassign": "to_reassign",
    "ended": "ended",
}


def assign(
    db: Database,
    actor: Actor,
    consultation_id: str,
    now: datetime,
    *,
    provider_id: str | None = None,
    reason: str | None = None,
    override: bool = False,
) -> ConsultationRow:
    """Assign the consultation to `provider_id`, for a `reason`; without a provider, to the one the rules choose.

    The provider must be licensed in the patient's state. An admin's `override` ignores capacity and specialty, never
    the licence. Raises `Refused`.
    """
    roles.require(actor, "assignments")
    schedules.refresh(db, now, at_most=schedules.BEFORE_ONE)
    assigned: ConsultationRow = db.call(
        "assign_consultation",
        **_by(actor),
        id=consultation_id,
        provider=provider_id,
        reason=reason,
        override=override,
        now=now,
    )
    return assigned


def release(db: Database, actor: Actor, consultation_id: str, reason: str, now: datetime) -> ConsultationRow:
    """Release the consultation from its provider; the rules do not choose that provider for it again."""
    roles.require(actor, "assignments")
    schedules.refresh(db, now, at_most=schedules.BEFORE_ONE)
    released: ConsultationRow = db.call(
        "release_consultation", **_by(actor), id=consultation_id, reason=reason, now=now
    )
    return released


def end(
    db: Database, actor: Actor, consultation_id: str, status: str, now: datetime, *, reason: str | None = None
) -> EndedConsultation:
    """Complete or cancel the consultation, which frees its provider's capacity; a second call changes nothing."""
    roles.require(actor, "assignments")
    ended: EndedConsultation = db.call(
        "end_consultation", **_by(actor), id=consultation_id, status=status, reason=reason, now=now
    )
    return ended


def drain(db: Database, now: datetime) -> Drained:
    """Assign waiting consultations for which a provider is available, oldest first.

    Changes that free capacity do this at once; this finds those that two simultaneous changes missed, and licences
    that became valid with a new day.
    """
    schedules.refresh(db, now)
    drained: Drained = db.call("drain_waiting", now=now)
    return drained


def reassign_from_ineligible(
    db: Database, actor: Actor, reason: str, now: datetime, *, provider_id: str | None = None
) -> Moved:
    """Release the consultations whose provider may not see the patient now, of one provider if given, and assign them
    to others."""
    roles.require(actor, "assignments")
    schedules.refresh(db, now)
    moved: Moved = db.call("reassign_from_ineligible", **_by(actor), reason=reason, provider=provider_id, now=now)
    return moved


def summary(db: Database, now: datetime) -> AssignmentSummary:
    """The state of assignment now: consultations that wait, are open or are to be reassigned, and the capacity."""
    found: AssignmentSummary = db.call("assignment_summary", now=now)
    return found


def days(db: Database, now: datetime) -> AssignmentDays:
    """The consultations of the last 24 hours and of the 24 before: how many, assigned at once, and how fast."""
    both: AssignmentDays = db.call("assignment_days", now=now)
    return both


def consultations(
    db: Database,
    now: datetime,
    *,
    status: Show | None = None,
    state: str | None = None,
    specialty: str | None = None,
    provider_id: str | None = None,
    patient_id: str | None = None,
    search: str | None = None,
    skip: int = 0,
    limit: int = 200,
    after_id: str | None = None,
) -> list[ListedConsultation]:
    """Consultations, open ones oldest first and ended ones newest first, with `age_seconds`, whether they are `overdue`
    and whether their provider `may_see` them. `search` is the id of a consultation, submission, order or patient. With
    `after_id`, those after that one."""
    found: list[ListedConsultation] = db.call(
        "list_consultations",
        status=status,
        state=state,
        specialty=specialty,
        provider=provider_id,
        patient=patient_id,
        search=search,
        skip=skip,
        limit=limit,
        after_id=after_id,
        now=now,
    )
    return found


def consultation(db: Database, consultation_id: str, now: datetime) -> ConsultationDetails:
    """One consultation with its assignment decisions and the payments of its order; raises `Refused` if unknown."""
    found: ConsultationDetails = db.call("consultation", id=consultation_id, now=now)
    return found


def candidates(db: Database, consultation_id: str, now: datetime, *, search: str | None = None) -> Candidates:
    """The providers licensed in the consultation's state, in the order of choice, and why each can or cannot be chosen.

    A `selectable` one may be chosen by hand, an `overridable` one by an admin's override. `search` is part of the name.
    """
    found: Candidates = db.call("candidates", id=consultation_id, search=search, now=now)
    return found


def distribution(db: Database, now: datetime, *, days: int = 30) -> MeasuredDistribution:
    """Each provider's consultations of the last `days` beside their fair share, and the Gini coefficient of the two."""
    spread: Distribution = db.call("distribution", days=days, now=now)
    against_fair = [item["assigned"] / item["fair_share"] for item in spread["items"] if item["fair_share"]]
    return {**spread, "gini": gini(against_fair)}


def gini(shares: list[float]) -> float | None:
    """The Gini coefficient: 0 if all shares are equal, close to 1 if one has everything; None if all are zero."""
    total, n = sum(shares), len(shares)
    if total == 0:
        return None
    ranked = sum(rank * share for rank, share in enumerate(sorted(shares), start=1))
    return 2 * ranked / (n * total) - (n + 1) / n


def without_provider(db: Database, provider_id: str, now: datetime) -> list[WithoutProvider]:
    """What happens if this provider leaves: by state, their open consultations and who else could take them."""
    by_state: list[WithoutProvider] = db.call("without_provider", provider=provider_id, now=now)
    return by_state


def with_licence(db: Database, provider_id: str, state: str, now: datetime) -> WithLicence:
    """What happens if this provider gains a licence in `state`: who waits there, how many of those they could take."""
    gained: WithLicence = db.call("with_licence", provider=provider_id, state=state, now=now)
    return gained


def care_payment_mismatches(db: Database, now: datetime) -> list[CarePaymentMismatch]:
    """Consultations that were paid but wait too long, or were refunded but are still open."""
    found: list[CarePaymentMismatch] = db.call("care_payment_mismatches", now=now)
    return found


def _by(actor: Actor) -> dict[str, str]:
    return {"actor": actor.name, "actor_role": str(actor.role)}
