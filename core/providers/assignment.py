"""Assignment of consultations to providers, by the rules or by hand; lists, and previews of changes."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from core.db import Database
from core.providers import schedules
from core.providers.consultation_rows import (
    AssignmentDays,
    AssignmentSummary,
    Candidate,
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
NOBODY_LICENSED = "No provider is licensed in the patient's state."


@dataclass(frozen=True)
class Placement:
    """One consultation and the provider it would get, None if nobody can take it; `why` says so in both cases.

    `open_after` is how many of `capacity` that provider then has open. `override` is set where only an admin may do it.
    """

    consultation: ListedConsultation
    provider_id: str | None
    provider_name: str
    why: str
    open_after: int = 0
    capacity: int = 0
    override: bool = False


def assign(
    db: Database,
    actor: Actor,
    consultation_id: str,
    now: datetime,
    *,
    provider_id: str | None = None,
    reason: str | None = None,
    override: bool = False,
    only_waiting: bool = False,
) -> ConsultationRow:
    """Assign the consultation to `provider_id`, for a `reason`; without a provider, to the one the rules choose.

    The provider must be licensed in the patient's state. An admin's `override` ignores capacity and specialty, never
    the licence. `only_waiting` takes it from nobody who got it meanwhile. Raises `Refused`.
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
        only_waiting=only_waiting,
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


def plan_several(
    waiting: Iterable[ListedConsultation],
    candidates: Callable[[ListedConsultation], Candidates],
    *,
    override: bool,
) -> list[Placement]:
    """Those who wait longest first, each to the best matching provider with the most room left by those before.

    With an admin's `override`, hours, capacity and specialty are ignored where nobody else can take the consultation;
    the licence never is.
    """
    given: Counter[str] = Counter()
    placed = []
    for one in sorted(waiting, key=lambda each: (each["received_at"], each["id"])):
        placement = _best_place(one, candidates(one)["items"], given, override=override)
        if placement.provider_id:
            given[placement.provider_id] += 1
        placed.append(placement)
    return placed


def _best_place(one: ListedConsultation, items: list[Candidate], given: Counter[str], *, override: bool) -> Placement:
    def load(each: Candidate) -> float:
        return (each["pending"] + given[each["provider_id"]]) / max(each["capacity"], 1)

    def to(each: Candidate, why: str, *, override: bool) -> Placement:
        after = each["pending"] + given[each["provider_id"]] + 1
        return Placement(one, each["provider_id"], each["name"], why, after, each["capacity"], override)

    free = [each for each in items if each["eligible"] and load(each) < 1]
    if free:
        best = min(free, key=lambda each: (each["tier"], load(each)))
        return to(best, best["why"], override=False)
    if override and (others := [each for each in items if each["overridable"]]):
        best = min(others, key=lambda each: (load(each), each["tier"]))
        why = "At capacity after those before it." if best["eligible"] else best["why"]
        return to(best, why, override=True)
    if not items:
        return Placement(one, None, "", NOBODY_LICENSED)
    if any(each["eligible"] for each in items):
        return Placement(one, None, "", "Everybody who is free is at capacity after those before it.")
    return Placement(one, None, "", _most_frequent(items))


def _most_frequent(items: list[Candidate]) -> str:
    """Why none of these can take it: the most frequent reason with its number."""
    reason, count = Counter(each["why"] for each in items).most_common(1)[0]
    return reason if count == len(items) == 1 else f"{count:,} of {len(items):,} licensed providers: {reason}"


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
