"""What a change of the directory changed, in words."""

from collections.abc import Iterator, Mapping
from typing import Any

Facts = Mapping[str, Any]
FIELDS = {
    "name": "Name",
    "email": "E-mail",
    "npi": "NPI",
    "active": "Active",
    "capacity": "Capacity",
    "specialties": "Specialties",
    "notes": "Notes",
}
LICENCE_FIELDS = {
    "type": "type",
    "status": "status",
    "issued_on": "issued",
    "expires_on": "ends",
    "verified_on": "verified",
    "verified_by": "verified by",
}


def differences(before: Facts | None, after: Facts) -> list[str]:
    """A line each: `Capacity: 10 to 3`, `Licence in TX A1: ends 2027-12-31
    to 2028-12-31`; what `after` leaves out stays.
    """
    if before is None:
        return ["Added to the directory", *_licence_lines({}, after)]
    lines = [
        f"{title}: {_said(before.get(name))} to {_said(after[name])}"
        for name, title in FIELDS.items()
        if name in after and _said(before.get(name)) != _said(after[name])
    ]
    return [*lines, *_licence_lines(before, after)]


def _licence_lines(before: Facts, after: Facts) -> Iterator[str]:
    if "licences" not in after:
        return
    had, has = (_by_name(facts.get("licences") or []) for facts in (before, after))
    for name in sorted(had.keys() - has.keys()):
        yield f"Licence in {name}: removed"
    for name, licence in sorted(has.items()):
        if name not in had:
            yield f"Licence in {name}: added, {_until(licence)}"
            continue
        for field, title in LICENCE_FIELDS.items():
            if field in licence and _said(had[name].get(field)) != _said(licence[field]):
                yield f"Licence in {name}: {title} {_said(had[name].get(field))} to {_said(licence[field])}"


def _by_name(licences: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {f"{one['state']} {one.get('number') or ''}".strip(): one for one in licences}


def _until(licence: Facts) -> str:
    expires = licence.get("expires_on")
    return f"to {expires}" if expires else "without an end"


def _said(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(sorted(map(str, value))) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "nothing" if value in (None, "") else str(value)
