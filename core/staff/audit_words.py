"""The audit log in words: who did what to which thing, and what that changed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from core.money import Money
from core.staff.audit import Entry, differences

NOTHING = "—"
OUTCOMES = {"done": "Done", "refused": "Refused"}
_ACTIONS = {
    "staff:session:opened": "Sign in",
    "staff:session:revoked": "Sign out",
    "staff:session:confirmed": "Prove to be there",
    "staff:session:locked": "Sign in while it is locked",
    "console:page:opened": "Open a page of another role",
    "console:action:tried": "Act in the console",
    "cli:command:tried": "Run a command",
}
_SOURCES = {"cli": "command line", "token": "API token", "patient": "patient"}
_UNKNOWN = "unknown:"  # a name that is nobody's, of which only a digest is kept


@dataclass(frozen=True)
class Difference:
    """One field that changed, in words; `NOTHING` where it was or is not there."""

    field: str
    before: str
    after: str


def action(entry: Entry) -> str:
    """What was done, or tried: `User role set` for `staff:user:role-set`."""
    if known := _ACTIONS.get(entry["action"]):
        return known
    said = " ".join(entry["action"].split(":")[1:]).replace("-", " ")
    return said[:1].upper() + said[1:] if said else str(entry["action"])


def who(entry: Entry) -> str:
    """The name alone for staff; for others also what they are: `root (command line)`."""
    source, _, name = entry["actor"].partition(":")
    if source == "staff":
        return "somebody unknown" if name.startswith(_UNKNOWN) else name
    if source == "system":
        return f"payops ({name})"
    return f"{name} ({_SOURCES[source]})" if name and source in _SOURCES else str(entry["actor"])


def thing(entry: Entry) -> str:
    """`user ben` for `user:ben`; an id that says what it is of stands alone: `re_1` for `re:re_1`."""
    noun, _, name = entry["subject"].partition(":")
    if name.startswith(_UNKNOWN):
        return f"unknown {noun}"
    return name if name.startswith(f"{noun}_") else f"{noun} {name}".strip()


def changed(entry: Entry, zone: ZoneInfo) -> list[Difference]:
    """What the entry's action changed, its times in `zone` and its money with the currency."""
    before, after = entry["before"] or {}, entry["after"] or {}
    return [
        Difference(
            change.field.removesuffix("_minor").replace("_", " "),
            _value(change.field, change.before, before, zone),
            _value(change.field, change.after, after, zone),
        )
        for change in differences(entry)
    ]


def changed_in_short(entry: Entry, zone: ZoneInfo) -> str:
    """One or two changes as such, of more only which fields they are."""
    found = changed(entry, zone)
    if len(found) > 2:
        return ", ".join(each.field for each in found)
    return ", ".join(
        f"{each.field}: {each.after}" if each.before == NOTHING else f"{each.field}: {each.before} → {each.after}"
        for each in found
    )


def _value(field: str, value: Any, record: Mapping[str, Any], zone: ZoneInfo) -> str:
    if value is None or value == "":
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if field.endswith("_minor") and isinstance(value, int) and isinstance(record.get("currency"), str):
        return str(Money(value, record["currency"]))
    if isinstance(value, str):
        return _moment(value, zone) or value
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else str(value)


def _moment(text: str, zone: ZoneInfo) -> str | None:
    """A time as people read it; None for any other text."""
    if len(text) < 19 or text[10:11] != "T":
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S %Z}" if moment.tzinfo else None
