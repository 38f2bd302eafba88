"""Audit log entries as sentences: who did what to which object, and what that changed."""

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
    "staff:identity:linked": "Link OpenID account",
    "staff:identity:unlinked": "Unlink OpenID account",
    "staff:session:confirmed": "Confirm identity",
    "staff:session:locked": "Sign in while locked",
    "payments:network-limit:set": "Set network limit",
    "payments:network-line:set": "Set network limit",  # this action's name in older entries
    "privacy:word:added": "Add clinical word",
    "privacy:word:removed": "Remove clinical word",
    "privacy:history:scanned": "Scan Stripe for private text",
    "providers:provider:blocked": "Take provider out of assignment",
    "providers:provider:unblocked": "Return provider to assignment",
    "providers:licence:verified": "Verify licence",
    "providers:licence:confirmed": "Confirm licence",
    "providers:schedule:set": "Change hours and time off",
    "providers:document:added": "Upload licence document",
    "providers:document:opened": "Open licence document",
    "providers:compact:set": "Set compact",
    "providers:compact-member:set": "Set compact member state",
    "providers:compact-member:verified": "Verify compact member states",
    "providers:compact-member:removed": "Remove compact member state",
    "providers:registration:set": "Set telehealth registration",
    "providers:policy:set": "Change licensing policy",
    "providers:nppes:imported": "Import NPI registry",
    "providers:exclusions:imported": "Import exclusion list",
    "providers:taxonomy:imported": "Import taxonomy codes",
    "providers:taxonomy:changed": "Change taxonomy code",
    "providers:exclusion:excluded": "Confirm exclusion",
    "providers:exclusion:dismissed": "Dismiss exclusion",
    "reviews:check:signed": "Sign off check",
    "reviews:check:withdrawn": "Withdraw signature",
    "reviews:check:commented": "Comment on check",
    "finance:mismatch:fetched": "Fetch mismatch from Stripe again",
    "finance:mismatch:backfilled": "Backfill day of mismatch",
    "monitoring:alert:tested": "Send test alert",
    "payments:recovery-link:emailed": "E-mail payment link",
    "payments:recovery:not-tried": "Skip scheduled retry",
    "payments:recovery:open": "Resume retries",
    "payments:recovery:scheduled": "Schedule retry",
    "payments:recovery:stopped": "Stop retries",
    "staff:flag:planned": "Plan to switch flow",
    "staff:flag:plan-not-done": "Skip planned switch",
    "staff:flag:plan-withdrawn": "Withdraw planned switch",
    "staff:flag:guard-set": "Set guard of flow",
    "staff:flag:guard-removed": "Remove guard of flow",
    "staff:flag:closed": "Pause flow",
    "staff:flag:opened": "Resume flow",
    "staff:user:role-set": "Change role",
    "staff:user:password-set": "Set password",
    "staff:user:second-factor-set": "Set up second factor",
    "staff:user:second-factor-reset": "Reset second factor",
    "staff:audit-log:exported": "Export audit log",
    "exports:file:made": "Export table",
    "checklist:webhook-endpoint:created": "Create webhook endpoint at Stripe",
    "events:backfill:started": "Read Stripe's history",
    "console:page:opened": "Open page",
    "cli:command:tried": "Run command",
}
# The verb of an action, by the last part of its name in the log, as on the buttons. Progress of a request to Stripe
# (`refund:begun`) is not an action of staff, so it has no verb here.
_VERBS = {
    "accepted": "Accept",
    "acknowledged": "Acknowledge",
    "added": "Add",
    "assigned": "Assign",
    "backfilled": "Backfill",
    "cancelled": "Cancel",
    "changed": "Change",
    "closed": "Close",
    "completed": "Complete",
    "disabled": "Disable",
    "enabled": "Enable",
    "fetched": "Fetch",
    "imported": "Import",
    "limit-overridden": "Override limit of",
    "looked-up": "Look up",
    "matched": "Match",
    "noted": "Add note to",
    "released": "Release",
    "removed": "Remove",
    "reopened": "Reopen",
    "replayed": "Replay",
    "resolved": "Resolve",
    "set": "Set",
    "silenced": "Silence",
    "staged": "Save draft of",
    "taken": "Take",
    "tested": "Test",
    "unmatched": "Unmatch",
    "unsilenced": "End silence of",
    "withdrawn": "Remove",
}
_SOURCES = {"cli": "command line", "token": "API token", "patient": "patient"}
# The past tense of the verbs that actions begin with, for sentences.
_PAST = {
    "Add": "added",
    "Change": "changed",
    "Comment": "commented",
    "Confirm": "confirmed",
    "Create": "created",
    "Dismiss": "dismissed",
    "Export": "exported",
    "Import": "imported",
    "Link": "linked",
    "Open": "opened",
    "Pause": "paused",
    "Plan": "planned",
    "Read": "read",
    "Remove": "removed",
    "Reset": "reset",
    "Resume": "resumed",
    "Return": "returned",
    "Run": "ran",
    "Scan": "scanned",
    "Set": "set",
    "Sign": "signed",
    "Skip": "skipped",
    "Take": "took",
    "Unlink": "unlinked",
    "Upload": "uploaded",
    "Verify": "verified",
    "Withdraw": "withdrew",
}
_ENDINGS = ("ed", "begun", "set", "made", "sent", "withdrawn")
_SIMPLE = {"begun": "began", "withdrawn": "withdrew"}
_UNKNOWN = "unknown:"  # followed by a digest, in place of a name that no user has


@dataclass(frozen=True)
class Difference:
    """One changed field as text; `NOTHING` stands for a missing value."""

    field: str
    before: str
    after: str


def action(entry: Entry) -> str:
    """What was done or attempted: `Change role` for `staff:user:role-set`, `Close month` for `finance:month:closed`."""
    if entry["action"] == "console:action:tried":
        return _words((entry["after"] or {}).get("action") or "act in the console")
    if entry["action"] == "payments:recovery:open" and (entry["before"] or {}).get("state") == "scheduled":
        return "Cancel scheduled retry"
    return action_name(entry["action"])


def action_name(name: str) -> str:
    """The title of an action by its name in the log: `Change role` for `staff:user:role-set`."""
    if name in _ACTIONS:
        return _ACTIONS[name]
    noun, _, done = name.partition(":")[2].partition(":")
    return _words(f"{_VERBS[done]} {noun}" if done in _VERBS else f"{noun} {done}") or name


def sentence(entry: Entry) -> str:
    """`ana approved refund re_1`, `ana changed role of user ben`, `ana was refused: open page, page settings`."""
    did = action(entry)
    if entry["outcome"] == "refused":
        return f"{who(entry)} was refused: {did[:1].lower()}{did[1:]}, {thing(entry)}"
    return f"{who(entry)} {_told(entry, did)}"


def _told(entry: Entry, did: str) -> str:
    """Action and object in the past tense, from a title (`Change role`) or an action's name (`refund:issued`)."""
    about = thing(entry).replace("-", " ", 1) if "-" in entry["subject"].partition(":")[0] else thing(entry)
    _, noun, verb, *_ = [*entry["action"].split(":"), "", ""]
    if entry["action"] not in _ACTIONS and verb.endswith(_ENDINGS) and "-" not in verb:
        noun = noun.replace("-", " ")
        return f"{_SIMPLE.get(verb, verb)} {about if about.startswith(f'{noun} ') else f'{noun} {about}'}"
    first, _, others = did.partition(" ")
    if first not in _PAST or entry["action"] not in _ACTIONS:
        return f"{did[:1].lower()}{did[1:]}, {about}"
    told = f"{_PAST[first]} {others}"
    if entry["subject"].partition(":")[2] == str(entry["actor"]).partition(":")[2]:
        return told  # the object is their own session or account
    kind, _, name = about.partition(" ")
    if others.endswith(kind) and name:  # the title names the kind already, as in `verified licence`
        return f"{told} {name}"
    return f"{told} of {about}" if kind == "user" else f"{told}, {about}"


def who(entry: Entry) -> str:
    """Who acted: the name for users of the console, with an addition for others: `root (command line)`."""
    return actor_name(str(entry["actor"]))


def actor_name(actor: str | None) -> str:
    """`ana` for `staff:ana`, `root (command line)` for `cli:root`; `NOTHING` for None."""
    if actor is None:
        return NOTHING
    source, _, name = actor.partition(":")
    if source == "staff":
        return "an unknown user" if name.startswith(_UNKNOWN) else name
    if source == "system":
        return f"payops ({name})"
    return f"{name} ({_SOURCES[source]})" if name and source in _SOURCES else actor


def role(entry: Entry) -> str:
    """The role that the actor had: `Admin`; `NOTHING` if they had none."""
    return str(entry["role"] or NOTHING).capitalize()


def thing(entry: Entry) -> str:
    """`user ben` for `user:ben`; for an id whose prefix shows its kind, only the id: `re_1` for `re:re_1`."""
    noun, _, name = entry["subject"].partition(":")
    if name.startswith(_UNKNOWN):
        return f"unknown {noun}"
    return name if name.startswith(f"{noun}_") else f"{noun} {name}".strip()


def changed(entry: Entry, zone: ZoneInfo) -> list[Difference]:
    """What the entry's action changed, with times in `zone` and amounts with their currency."""
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
    """One or two changes with their values; for more, only the names of the fields."""
    found = changed(entry, zone)
    if len(found) > 2:
        return ", ".join(each.field for each in found)
    return ", ".join(
        f"{each.field}: {each.after}" if each.before == NOTHING else f"{each.field}: {each.before} → {each.after}"
        for each in found
    )


def _words(name: str) -> str:
    """`reset_second-factor` as a label: `Reset second factor`."""
    said = name.replace("-", " ").replace("_", " ").strip()
    return said[:1].upper() + said[1:]


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
    """The text of an ISO time in `zone`; None for any other text."""
    if len(text) < 19 or text[10:11] != "T":
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return f"{moment.astimezone(zone):%-d %b %Y, %H:%M:%S %Z}" if moment.tzinfo else None
