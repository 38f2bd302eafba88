"""Rows of the directory of providers as the database returns them, and the documents that change a provider.

Days and times are ISO text, as JSON carries them; amounts are minor units.
"""

from typing import Literal, TypedDict

Kind = Literal["full", "compact_privilege", "telehealth_registration", "temporary"]


class LicenceRow(TypedDict):
    """A licence of a provider in one state."""

    state: str
    number: str | None
    type: str | None
    status: str
    issued_on: str | None
    expires_on: str | None
    verified_on: str | None
    verified_by: str | None
    kind: Kind
    compact: str | None
    awaiting: Literal["licence", "privileges"] | None


class Validity(TypedDict):
    """When a licence holds, or a privilege that follows from the one in `home_state`; `ends_at` is None without an end.

    It never `holds` while the licence that it depends on is missing or a second person has not confirmed it.
    """

    state: str
    number: str | None
    kind: Kind
    compact: str | None
    home_state: str | None
    starts_at: str | None
    ends_at: str | None
    holds: bool
    not_allowed: str | None


class ProviderRow(TypedDict):
    """A provider of the directory; `pending` counts their open consultations.

    `blocked_reason` says why nobody may be assigned to them, whatever their licences are.
    """

    id: str
    name: str
    email: str | None
    npi: str | None
    active: bool
    capacity: int
    specialties: list[str]
    notes: str | None
    licences: list[LicenceRow]
    validity: list[Validity]
    pending: int
    blocked_reason: str | None
    last_assigned_at: str | None
    created_at: str
    updated_at: str


class ProviderPage(TypedDict):
    """Some of the providers found, and how many were found in all."""

    items: list[ProviderRow]
    total: int


class LicenceDocument(TypedDict, total=False):
    """A licence as it should be; a field that is left out stays as it is, and `awaiting` is never set by a document."""

    state: str | None
    number: str | None
    type: str | None
    status: str | None
    issued_on: str | None
    expires_on: str | None
    verified_on: str | None
    verified_by: str | None
    kind: str | None
    compact: str | None
    awaiting: Literal["licence", "privileges"] | None


class ProviderDocument(TypedDict, total=False):
    """A provider as they should be; a field that is left out stays as it is.

    `seen_at` is the `updated_at` that the change is based on. `capacity` is text where a file has no number there.
    """

    id: str
    name: str
    email: str | None
    npi: str | None
    active: bool
    capacity: int | str
    specialties: list[str]
    notes: str | None
    licences: list[LicenceDocument]
    seen_at: str


class Outcome(TypedDict):
    """What was done with one document."""

    id: str
    outcome: Literal["added", "changed", "unchanged"]


class Saved(Outcome):
    """What was done with one document, and how many waiting consultations were assigned as a result."""

    placed: int


class SavedAll(TypedDict):
    """What was done with each document, and how many waiting consultations were assigned as a result."""

    items: list[Outcome]
    placed: int


class ProviderChange(TypedDict):
    """One entry in a provider's history; `before` is None where the provider was added."""

    at: str
    actor: str
    action: str
    reason: str | None
    before: ProviderDocument | None
    after: ProviderDocument


class ToMove(TypedDict):
    """Open consultations in a state where the provider would no longer be licensed, and who else is there."""

    state: str
    consultations: int
    others: int
    their_free_slots: int


class StateDemand(TypedDict):
    """How many patients asked in a state in the last 30 days."""

    state: str
    demand_30_days: int


class StateWaiting(TypedDict):
    """How many patients wait in a state."""

    state: str
    waiting: int


class Preview(TypedDict):
    """What saving a document would lead to."""

    to_move: list[ToMove]
    left_without: list[StateDemand]
    over_capacity: int
    waiting: list[StateWaiting]
    would_take: int


class DirectorySummary(TypedDict):
    """Providers, active ones, their capacity, and licences that ended or end within `30`, `60` and `90` days."""

    providers: int
    active: int
    capacity: int
    free_slots: int
    ended: int
    ending: dict[str, int]


class StateCoverage(TypedDict):
    """One state: its active licensed providers, their free slots, who waits there, and the demand of 30 days."""

    state: str
    name: str
    providers: int
    free_slots: int
    waiting: int
    demand_30_days: int


class AmountRow(TypedDict):
    """An amount in minor units."""

    minor: int
    currency: str


class ExpiringLicence(TypedDict):
    """A licence that ended or ends soon, how many `others` are licensed there, and what it affects."""

    id: int
    provider_id: str
    name: str
    state: str
    number: str | None
    expires_on: str
    ends_at: str
    expired: bool
    days_left: int
    others: int
    open_consultations: int
    paid: list[AmountRow]
    monthly: list[AmountRow]


class ExpiringLicences(TypedDict):
    """A page of them, how many there are in `total`, and how many of those have `ended`."""

    total: int
    ended: int
    items: list[ExpiringLicence]


class TableRow(TypedDict):
    """A provider as a company's own table has them."""

    id: str | None
    name: str
    states: list[str | None] | None
    specialties: list[str | None] | None
    active: bool | None
