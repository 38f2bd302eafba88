"""Rows about consultations and their assignment, as the database returns them.

Times are ISO text, as JSON carries them; amounts are minor units.
"""

from typing import Literal, TypedDict

from core.providers.proof import PastLicence

Status = Literal["waiting", "assigned", "completed", "cancelled"]
Match = Literal["specialty", "fallback"]


class IntakeAnswer(TypedDict):
    """The answer to a submission, as the form reads it."""

    consultationId: str
    status: Status
    providerId: str | None
    match: Match | None
    reason: str


class EndedConsultation(TypedDict):
    """The answer to the end of a consultation, as the form reads it."""

    consultationId: str
    status: Status


class ConsultationRow(TypedDict):
    """A consultation, and the name of its provider."""

    id: str
    submission_id: str
    patient_id: str
    state: str
    specialty: str
    order_id: str | None
    preferred_provider_id: str | None
    submitted_at: str | None
    received_at: str
    status: Status
    provider_id: str | None
    provider_name: str | None
    match: Match | None
    reason: str
    assigned_at: str | None
    ended_at: str | None
    declined_by: list[str]


class ListedConsultation(ConsultationRow):
    """A consultation with its age, whether it waits too long, and whether its provider may see the patient."""

    age_seconds: int
    overdue: bool
    may_see: bool


class RecordedCandidate(TypedDict):
    """A provider who was considered for a decision, as they were then; `name` is today's."""

    provider_id: str
    name: str | None
    eligible: bool
    tier: int
    why: str
    pending: int
    capacity: int


class RecordedCandidates(TypedDict):
    """Who was considered for a decision; not `complete` where only the first and some others are recorded."""

    complete: bool
    items: list[RecordedCandidate]


class Decision(TypedDict):
    """One decision about a consultation: who or what made it, its result, how long the database took, and the chosen
    provider's `licences` in the state as they were known then."""

    id: int
    consultation_id: str
    at: str
    kind: Literal["intake", "queue", "manual", "release"]
    actor: str
    provider_id: str | None
    provider_name: str | None
    match: Match | None
    reason: str
    candidates: RecordedCandidates
    licences: list[PastLicence]
    took_us: int


class OrderPayment(TypedDict):
    """A payment of a consultation's order."""

    id: str
    status: str
    currency: str
    amount_minor: int
    received_minor: int
    refunded_minor: int


class ConsultationDetails(ListedConsultation):
    """A consultation with its decisions, first to last, and the payments of its order."""

    decisions: list[Decision]
    payments: list[OrderPayment]


class Candidate(TypedDict):
    """A provider licensed in the consultation's state, whether they may be chosen now, and why or why not."""

    provider_id: str
    name: str
    licensed: bool
    eligible: bool
    tier: int
    why: str
    pending: int
    capacity: int
    has_it: bool
    selectable: bool
    overridable: bool


class Candidates(TypedDict):
    """Some of the providers `licensed` in the consultation's state, in the order of choice."""

    licensed: int
    items: list[Candidate]


class Drained(TypedDict):
    """How many waiting consultations were assigned, and how many wait longer than the limit."""

    assigned: int
    overdue: int


class Moved(TypedDict):
    """How many consultations were taken from their provider, and how many of those wait now."""

    moved: int
    waiting: int


class LongestWaiting(TypedDict):
    """The consultation that has waited longest, and why nobody can take it."""

    id: str
    state: str
    reason: str
    age_seconds: int


class AssignmentSummary(TypedDict):
    """The state of assignment now: consultations by what they wait for, and the capacity of active providers."""

    waiting: int
    overdue: int
    limit_seconds: float
    oldest: LongestWaiting | None
    open: int
    to_reassign: int
    misplaced: int  # the same, under the name that the version before reads
    capacity: int


class AssignmentDay(TypedDict):
    """The consultations received in 24 hours: how many were assigned at once, and how long the database took."""

    asked: int
    at_once: int
    fallback: int
    p50_ms: float | None
    p95_ms: float | None


class AssignmentDays(TypedDict):
    """The last 24 hours, and the 24 before."""

    now: AssignmentDay
    before: AssignmentDay


class ProviderShare(TypedDict):
    """A provider's consultations beside their fair share."""

    id: str
    name: str
    pending: int
    capacity: int
    assigned: int
    fallbacks: int
    fair_share: float


class Distribution(TypedDict):
    """How consultations were spread over the providers."""

    assigned: int
    fallbacks: int
    items: list[ProviderShare]


class MeasuredDistribution(Distribution):
    """How consultations were spread over the providers, and how evenly: see `assignment.gini`."""

    gini: float | None


class WithoutProvider(TypedDict):
    """A provider's open consultations in one state, and who else is licensed there."""

    state: str
    open_consultations: int
    others: int
    their_free_slots: int


class WithLicence(TypedDict):
    """What one more licence would change; `has_it` where the provider may see patients there already."""

    waiting: int
    would_take: int
    demand_30_days: int
    providers: int
    has_it: bool


class CarePaymentMismatch(TypedDict):
    """A consultation that was paid and is not assigned, or was refunded and is still open.

    `reason` is why no provider can take it; `provider_available` says whether one can now.
    """

    id: str
    state: str
    specialty: str
    status: Status
    provider_id: str | None
    provider_name: str | None
    order_id: str
    received_at: str
    currency: str
    received_minor: int
    refunded_minor: int
    payment_intent_id: str
    problem: Literal["paid_but_waiting", "refunded_but_open"]
    age_seconds: int
    reason: str | None
    provider_available: bool
