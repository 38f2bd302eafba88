"""Excluded providers: importing the OIG's list, deciding its matches, and who is out of assignment."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from core.db import Database
from core.figures.wording import counted
from core.providers.registries import exclusion_file, nppes
from core.providers.registries.exclusion_file import ReadExclusions
from core.providers.registries.file_values import refuse_problems
from core.providers.registries.findings import within_a_sentence
from core.providers.registries.registry_rows import (
    AssignedSince,
    BlockedProvider,
    ExclusionOutcome,
    ListedExclusion,
    RegistryImport,
)
from core.staff import roles
from core.staff.roles import Actor

OUTCOMES = {
    "excluded": "Excluded: out of assignment",
    "still_excluded": "Excluded, as known",
    "candidate": "Same name: a person must decide",
    "still_candidate": "Same name, not decided yet",
    "dismissed": "Same name, dismissed before as another person",
    "reinstated": "Reinstated according to the list: a person decides about the return",
    "reinstated_before": "Reinstated: nothing to do",
    "still_listed": "Still listed, though a person returned them",
    "unlisted": "No longer listed: a person decides about the return",
}


def read(db: Database, name: str, content: bytes, *, is_full: bool | None = None) -> ReadExclusions:
    """The rows of the list that are, or may be, about our providers; raises `Refused` for another kind of file.

    Without `is_full` the file's name says whether it is a monthly supplement.
    """
    return exclusion_file.read(name, content, nppes.subjects(db), is_full=is_full)


def put(
    db: Database, actor: Actor, file: ReadExclusions, now: datetime, *, trial: bool = False
) -> list[ExclusionOutcome]:
    """Store the rows that concern our providers; none if a row of the list has a problem or if this is a `trial`.

    A provider whose NPI is listed is out of assignment at once. An import lifts no block.
    """
    roles.require(actor, "providers")
    refuse_problems(file.problems)
    outcomes: list[ExclusionOutcome] = db.call(
        "import_exclusions",
        actor=actor.name,
        actor_role=str(actor.role),
        file={"name": file.name, "rows": file.rows, "is_full": file.is_full},
        rows=[match.as_stored() for match in file.matches],
        trial=trial,
        now=now,
    )
    return outcomes


def decide(db: Database, actor: Actor, exclusion_id: int, *, is_theirs: bool, reason: str, now: datetime) -> None:
    """Say whether the listed row that bears a provider's name is about them; if so, they are out of assignment."""
    roles.require(actor, "providers")
    db.call(
        "decide_exclusion",
        actor=actor.name,
        actor_role=str(actor.role),
        id=exclusion_id,
        is_theirs=is_theirs,
        reason=reason,
        now=now,
    )


def return_to_assignment(db: Database, actor: Actor, provider_id: str, reason: str, now: datetime) -> None:
    """Lift every block of this provider; raises `Refused` if they have no block."""
    roles.require(actor, "providers")
    db.call(
        "return_provider", actor=actor.name, actor_role=str(actor.role), provider=provider_id, reason=reason, now=now
    )


def blocked(db: Database) -> list[BlockedProvider]:
    """Who is out of assignment and why, those with most open consultations first."""
    found: list[BlockedProvider] = db.call("blocked_providers")
    return found


def listed(db: Database, provider_id: str | None = None) -> list[ListedExclusion]:
    """The rows of the list to decide or in force; of one provider, all that were ever stored."""
    found: list[ListedExclusion] = db.call("listed_exclusions", provider=provider_id)
    return found


def assigned_since(db: Database, provider_id: str) -> list[AssignedSince]:
    """What a blocked provider was assigned since the day from which they are blocked, newest first; at most 1,000."""
    found: list[AssignedSince] = db.call("assigned_since_block", provider=provider_id)
    return found


def imports(db: Database) -> list[RegistryImport]:
    """The latest import of each kind of file."""
    found: list[RegistryImport] = db.call("registry_imports")
    return found


def unscreened(db: Database) -> int:
    """How many providers were added since the list was last imported: they were not looked for in it."""
    count: int = db.call("unscreened_providers")
    return count


def in_words(file: ReadExclusions, outcomes: Sequence[ExclusionOutcome]) -> str:
    """What the list holds and what an import does with it, in a sentence or two."""
    counts = Counter(one["outcome"] for one in outcomes)
    kind = "full list" if file.is_full else "monthly supplement"
    found = [f"{count:,} × {within_a_sentence(OUTCOMES[outcome])}" for outcome, count in counts.items()]
    nobody = "None of them is about a provider of the directory."
    doubtful = ""
    if file.doubtful:
        they = "is" if len(file.doubtful) == 1 else "are"
        doubtful = f" {counted(len(file.doubtful), 'row')} with an NPI that has a typing error {they} matched by name."
    return f"{counted(file.rows, 'row')}, a {kind}. {'; '.join(found) + '.' if found else nobody}{doubtful}"
