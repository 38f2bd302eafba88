"""The rules of licensing that cross states, each with its source; and what admins decide about verification, about
patients who return, and about states without a provider."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import TypedDict

from core.db import Database
from core.errors import Refused
from core.providers.licence_kinds import Grants
from core.staff import roles
from core.staff.roles import Actor


class Source(TypedDict):
    """Where a rule is written, and when somebody last looked."""

    source: str
    link: str | None
    verified_on: str | None


class Term(Source):
    """A rule of one state, in force from `effective_on` to the end of `ends_on`."""

    state: str
    effective_on: str
    ends_on: str | None


class Member(Term):
    """A state that takes part in a compact."""

    compact: str


class Registration(Term):
    """A state that registers clinicians of other states for telehealth, and what that does not allow."""

    not_allowed: str


class Compact(Source):
    """A compact between states, and what its home licences or privileges grant."""

    code: str
    name: str
    grants: Grants
    note: str


class CompactWithMembers(Compact):
    """A compact and the states that take part."""

    members: list[Term]


class Policy(TypedDict):
    """What admins decide: after how many days a licence is verified again, whether a `second_person` confirms one that
    opens a state, whether patients return to the provider they know, and whether a checkout is refused where nobody may
    see the patient."""

    verification_days: int
    second_person: bool
    return_to_known: bool
    refuse_unserved: bool


class Rules(TypedDict):
    """Every rule of licensing."""

    compacts: list[CompactWithMembers]
    registrations: list[Registration]
    policy: Policy


def load(db: Database) -> Rules:
    rules: Rules = db.call("licensing_rules")
    return rules


def put_compact(db: Database, actor: Actor, rule: Compact, now: datetime, *, reason: str) -> None:
    """Add or change a compact; its holders' privileges are derived again."""
    roles.require(actor, "providers")
    _require_source(rule)
    db.call("put_compact", **_by(actor), rule=rule, reason=reason, now=now)


def put_member(db: Database, actor: Actor, rule: Member, now: datetime, *, reason: str) -> None:
    """Add or change a state's part in a compact; privileges open and close with it."""
    roles.require(actor, "providers")
    _require_source(rule)
    _require_term(rule)
    db.call("put_compact_member", **_by(actor), rule=rule, reason=reason, now=now)


def verify_members(
    db: Database, actor: Actor, compact: str, states: Sequence[str], source: Source, now: datetime, *, reason: str
) -> None:
    """Record that these states take part in the compact as entered, by its source; their privileges become valid."""
    roles.require(actor, "providers")
    _require_source(source)
    if not states:
        raise Refused("bad_rule", "Choose the member states that you have looked up.")
    db.call(
        "verify_compact_members",
        **_by(actor),
        compact=compact,
        states=list(states),
        source=source,
        reason=reason,
        now=now,
    )


def remove_member(db: Database, actor: Actor, compact: str, state: str, now: datetime, *, reason: str) -> None:
    """Remove a state that never took part; one that leaves gets a last day instead."""
    roles.require(actor, "providers")
    db.call("remove_compact_member", **_by(actor), compact=compact, state=state, reason=reason, now=now)


def put_registration(db: Database, actor: Actor, rule: Registration, now: datetime, *, reason: str) -> None:
    """Add or change a state's telehealth registration."""
    roles.require(actor, "providers")
    _require_source(rule)
    _require_term(rule)
    if not rule["not_allowed"].strip():
        raise Refused("bad_rule", "Say what the registration does not allow.")
    db.call("put_registration", **_by(actor), rule=rule, reason=reason, now=now)


def set_policy(db: Database, actor: Actor, policy: Policy, now: datetime, *, reason: str) -> Policy:
    """Change what admins decide; raises `Refused` without a reason."""
    roles.require(actor, "providers")
    saved: Policy = db.call("set_licensing_policy", **_by(actor), policy=policy, reason=reason, now=now)
    return saved


def _require_source(rule: Source) -> None:
    if not rule["source"].strip():
        raise Refused("bad_rule", "Name the source of the rule, such as the statute and its section.")
    if (link := rule["link"]) and not link.startswith("https://"):
        raise Refused("bad_rule", "The link to the source begins with https://.")


def _require_term(rule: Term) -> None:
    if not rule["state"]:
        raise Refused("bad_rule", "Choose the state of the rule.")
    try:
        starts = date.fromisoformat(rule["effective_on"])
        ends = date.fromisoformat(rule["ends_on"]) if rule["ends_on"] else starts
    except (TypeError, ValueError):
        raise Refused("bad_rule", "Enter the first day of the rule, and its last day if it has one.") from None
    if ends < starts:
        raise Refused("bad_rule", "The last day of the rule is before its first.")


def _by(actor: Actor) -> dict[str, str]:
    return {"actor": actor.name, "actor_role": str(actor.role)}


class StateAtRisk(TypedDict):
    """A state without a provider once the licence of its last one ends."""

    state: str
    name: str
    ends_at: str
    provider_id: str
    provider_name: str
    demand_30_days: int
    open_consultations: int


def states_at_risk(db: Database, now: datetime, *, days: int = 90) -> list[StateAtRisk]:
    """The states where, within `days`, the licence of the last provider ends; soonest first."""
    found: list[StateAtRisk] = db.call("states_at_risk", days=days, now=now)
    return found
