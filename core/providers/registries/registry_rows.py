"""Rows about the public provider registries as the database returns them; days and times are ISO text."""

from typing import TypedDict


class Subject(TypedDict):
    """A provider whom the files are searched for."""

    id: str
    name: str
    npi: str | None


class Finding(TypedDict, total=False):
    """Something in the NPI registry's entry that somebody should check; `findings.sentence` words it."""

    kind: str
    day: str
    name: str
    specialty: str
    state: str
    number: str
    ours: str | None


class NppesOutcome(TypedDict):
    """What was done with one entry of the NPI registry."""

    provider_id: str
    name: str
    npi: str
    outcome: str
    open_consultations: int
    findings: list[Finding]


class ExclusionOutcome(TypedDict):
    """What was done with one row of the exclusion list; `line` is missing for one that is no longer listed."""

    provider_id: str
    name: str
    excluded_on: str
    outcome: str
    open_consultations: int
    assigned_since: int
    line: int | None


class TaxonomyOutcome(TypedDict):
    """What was done with one taxonomy code."""

    code: str
    name: str
    outcome: str


class RegistryImport(TypedDict):
    """The newest import of one kind of file."""

    kind: str
    file_name: str
    is_full: bool
    rows_read: int
    outcomes: dict[str, int]
    imported_at: str
    imported_by: str


class BlockedProvider(TypedDict):
    """A provider who is out of assignment; `reinstated_on` or `unlisted_at` if the list lets them return."""

    id: str
    name: str
    npi: str | None
    reason: str
    kind: str
    since: str
    blocked_at: str
    open_consultations: int
    assigned_since: int
    reinstated_on: str | None
    unlisted_at: str | None


class AssignedSince(TypedDict):
    """A consultation that a blocked provider was assigned since the day from which they are blocked."""

    consultation_id: str
    assigned_at: str
    state: str
    specialty: str
    order_id: str | None
    status: str
    is_theirs: bool


class ListedExclusion(TypedDict):
    """A row of the exclusion list that is, or may be, about a provider."""

    id: int
    provider_id: str
    name: str
    npi: str | None
    listed_name: str
    listed_npi: str | None
    exclusion_type: str
    excluded_on: str
    reinstated_on: str | None
    waived_on: str | None
    waiver_state: str | None
    matched_by: str
    status: str
    unlisted_at: str | None
    decided_at: str | None
    decided_by: str | None
    decision_reason: str | None


class WithFindings(TypedDict):
    """A provider whose entry in the NPI registry has something to check."""

    id: str
    name: str
    npi: str
    findings: list[Finding]


class AllFindings(TypedDict):
    """The first of these providers, and how many there are."""

    total: int
    items: list[WithFindings]


class EntryTaxonomy(TypedDict):
    """What a provider is registered as, and which of our specialties that means."""

    code: str
    primary: bool
    name: str | None
    specialties: list[str]


class EntryLicence(TypedDict):
    """A licence that the NPI registry names, beside ours in that state."""

    code: str
    state: str
    number: str
    ours: str | None
    result: str


class RegistryEntry(TypedDict):
    """What the NPI registry says about one provider."""

    npi: str
    entity_type: str
    name: str
    name_match: str | None
    as_of: str | None
    deactivated_on: str | None
    reactivated_on: str | None
    is_deactivated: bool
    taxonomies: list[EntryTaxonomy]
    licences: list[EntryLicence]
    findings: list[Finding]
    imported_at: str


class TaxonomyCode(TypedDict):
    """A taxonomy code, which of our specialties it means, and how many of our providers are registered with it."""

    code: str
    name: str
    classification: str | None
    specialization: str | None
    retired: bool
    known: bool
    providers: int
    specialties: list[str]
