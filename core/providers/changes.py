"""The changes of a provider, in words."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from core.providers.licence_kinds import KINDS
from core.providers.states import name_of
from core.staff import audit_words

Facts = Mapping[str, Any]
FIELDS = {
    "name": "Name",
    "email": "E-mail",
    "npi": "NPI",
    "active": "Active",
    "capacity": "Capacity",
    "specialties": "Specialties",
    "notes": "Notes",
    "blocked_reason": "Out of assignment",
}
LICENCE_FIELDS = {
    "type": "type",
    "status": "status",
    "issued_on": "issued",
    "expires_on": "last day",
    "verified_on": "verified on",
    "verified_by": "verified by",
    "kind": "kind",
    "compact": "compact",
}
DAYS = frozenset({"issued_on", "expires_on", "verified_on"})


# Names, in a provider's history, of changes that are made outside the directory.
_OTHERS = {
    "providers:licence:verified": "Licence in {state} verified",
    "providers:licence:confirmed": "Licence in {state} confirmed",
    "providers:schedule:set": "Hours and time off changed",
    "providers:document:added": "Document {name} uploaded",
    "providers:document:opened": "Document {name} opened",
}


def in_words(action: str, before: Facts | None, after: Facts | None) -> list[str]:
    """One line for each thing that an entry of a provider's history changed."""
    if words := _OTHERS.get(action):
        about = (after or {}).get(action.split(":")[1])  # None if the schedule was removed
        facts = {"state": "", "name": ""} | (about or {})
        return [words.format_map(facts | {"state": name_of(facts["state"])})]
    if not action.startswith("providers:provider:"):
        return [audit_words.action_name(action)]
    return differences(before, after or {})


def differences(before: Facts | None, after: Facts) -> list[str]:
    """One line per changed field: `Capacity: 10 → 3`, `Licence in Texas A1 · last day: none → 20 Nov 2026`.

    A field that `after` leaves out has not changed.
    """
    if before is None:
        return ["Added to the directory", *_licence_lines({}, after)]
    lines = [
        f"{title}: {_written(before.get(name))} → {_written(after[name])}"
        for name, title in FIELDS.items()
        if name in after and _written(before.get(name)) != _written(after[name])
    ]
    return [*lines, *_licence_lines(before, after)]


def _licence_lines(before: Facts, after: Facts) -> Iterator[str]:
    if "licences" not in after:
        return
    had, has = (_by_name(facts.get("licences") or []) for facts in (before, after))
    for name in sorted(had.keys() - has.keys()):
        yield f"Licence in {name} removed"
    for name, licence in sorted(has.items()):
        if name not in had:
            yield f"{_kind(licence)} in {name} added, {_validity(licence)}"
            continue
        for field, title in LICENCE_FIELDS.items():
            if field in licence and _written(had[name].get(field)) != _written(licence[field]):
                earlier, later = (_cell(field, each) for each in (had[name], licence))
                yield f"Licence in {name} · {title}: {earlier} → {later}"


def _by_name(licences: Sequence[Facts]) -> dict[str, Facts]:
    return {f"{name_of(one['state'])} {one.get('number') or ''}".strip(): one for one in licences}


def _kind(licence: Facts) -> str:
    """`Telehealth registration`; `Licence` for a full one."""
    kind = licence.get("kind") or "full"
    return "Licence" if kind == "full" else KINDS.get(kind, kind)


def _cell(field: str, licence: Facts) -> str:
    value = licence.get(field)
    if field == "verified_by" and value:
        return audit_words.actor_name(value)
    return KINDS.get(str(value), _written(value)) if field == "kind" else _written(value, day=field in DAYS)


def _validity(licence: Facts) -> str:
    expires = licence.get("expires_on")
    return f"valid to {_written(expires, day=True)}" if expires else "no end date"


def _written(value: Any, *, day: bool = False) -> str:
    if isinstance(value, list):
        return ", ".join(sorted(map(str, value))) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value in (None, ""):
        return "none"
    return f"{date.fromisoformat(value):%-d %b %Y}" if day else str(value)
