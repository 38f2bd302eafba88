"""Kinds of licence: the name of each, what it depends on, and what is wrong with one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypedDict

from core.providers.directory_rows import LicenceDocument
from core.providers.states import name_of

KINDS = {
    "full": "Full licence",
    "compact_privilege": "Compact privilege",
    "telehealth_registration": "Telehealth registration",
    "temporary": "Temporary licence",
}
Grants = Literal["every_member", "one_state", "full_licences"]
GRANTS: dict[Grants, str] = {
    "every_member": "A home licence opens every member state",
    "one_state": "A privilege is issued for each state",
    "full_licences": "Full licences of each state; nothing follows",
}


class CompactRule(TypedDict):
    """What a compact grants, and the states that take part."""

    grants: Grants
    members: list[str]


@dataclass(frozen=True)
class StateRules:
    """The compacts by code, and the states that register clinicians of other states for telehealth."""

    compacts: Mapping[str, CompactRule] = field(default_factory=dict)
    registrations: Sequence[str] = ()


def problems_of(licence: LicenceDocument, rules: StateRules) -> list[str]:
    """What is wrong with the kind of this licence and with what it depends on, in sentences."""
    kind, state, code = licence.get("kind") or "full", licence.get("state"), licence.get("compact") or None
    where = name_of(str(state))
    if kind not in KINDS:
        return [f"{kind!r} is not a kind of licence. Use one of {', '.join(KINDS)}."]
    if kind == "temporary" and not licence.get("expires_on"):
        return [f"The temporary licence in {where} needs a last day."]
    if kind == "telehealth_registration" and state not in rules.registrations:
        return [f"No rule says that {where} registers clinicians of other states. Add it to the licensing rules first."]
    if kind in ("temporary", "telehealth_registration"):
        return [f"The {KINDS[kind].lower()} in {where} rests on no compact. Leave the compact empty."] if code else []
    if code is None:
        return [f"Choose the compact that grants the privilege in {where}."] if kind == "compact_privilege" else []
    return _compact_problems(kind, str(state), code, rules)


def _compact_problems(kind: str, state: str, code: str, rules: StateRules) -> list[str]:
    rule = rules.compacts.get(code)
    if rule is None:
        return [f"{code!r} is not a compact of the licensing rules."]
    if rule["grants"] == "full_licences":
        return [f"{code} gives full licences. Enter the one in {name_of(state)} as a full licence without a compact."]
    if kind == "compact_privilege" and rule["grants"] == "every_member":
        return [f"Privileges of {code} follow from the home licence. Enter {code} as the compact of that licence."]
    return [] if state in rule["members"] else [f"{name_of(state)} is not a member of {code} by the licensing rules."]


def two_homes(licences: Sequence[LicenceDocument]) -> list[str]:
    """The problem of two active home licences of one compact, which allows only one home state."""
    homes = [
        licence.get("compact")
        for licence in licences
        if (licence.get("kind") or "full") == "full" and (licence.get("status") or "active") == "active"
    ]
    return [
        f"Two active licences are the home licence of {code}. Take {code} off the one that the provider left."
        for code in sorted({code for code in homes if code and homes.count(code) > 1})
    ]
