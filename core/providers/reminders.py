"""Reminders 90, 60, 30 and 7 days before a licence ends, to the admins and to the provider, each once."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypedDict
from zoneinfo import ZoneInfo

from core.db import Database
from core.figures.wording import counted
from core.providers import licences
from core.providers.directory_rows import AmountRow, Kind
from core.providers.states import name_of

# Names the delivery of a message to one e-mail address.
Mail = Callable[[str], str]


class DueReminder(TypedDict):
    """A licence that ends within `days`, what hangs on it, and the states that it leaves without anybody."""

    provider_id: str
    name: str
    email: str | None
    state: str
    number: str | None
    kind: Kind
    expires_on: str
    ends_at: str
    days: int
    states: list[str]
    left_without: list[str]
    open_consultations: int
    paid: list[AmountRow]
    monthly: list[AmountRow]


def queue_due(
    db: Database, targets: Sequence[str], mail: Mail | None, zone: ZoneInfo, console: str, now: datetime
) -> int:
    """Queue each reminder that is due at these targets of the alerts, and at the provider's e-mail address if there is
    `mail`, which names a delivery to an address; answers how many. Nothing is queued, and so nothing lost, without a
    target."""
    if not targets:
        return 0
    due: list[DueReminder] = db.call("reminders_due", now=now)
    return sum(_queue(db, one, targets, mail, zone, console, now) for one in due)


def _queue(
    db: Database,
    due: DueReminder,
    targets: Sequence[str],
    mail: Mail | None,
    zone: ZoneInfo,
    console: str,
    now: datetime,
) -> bool:
    title, body = message(due, zone, console)
    everybody = [*targets, *([mail(due["email"])] if mail and due["email"] else [])]
    queued: bool = db.call("queue_reminder", reminder={**due, "title": title, "body": body}, targets=everybody, now=now)
    return queued


def message(due: DueReminder, zone: ZoneInfo, console: str) -> tuple[str, str]:
    """The title and the text of a reminder."""
    ends = datetime.fromisoformat(due["ends_at"]).astimezone(zone)
    number = f" ({due['number']})" if due["number"] else ""
    title = f"payops: {due['name']}'s licence in {name_of(due['state'])} ends within {due['days']} days"
    lines = [
        f"{due['name']}'s licence in {name_of(due['state'])}{number} ends on {due['expires_on']}, "
        f"at {ends:%-d %b %Y, %H:%M %Z}. After that no patient there is assigned to them."
    ]
    if others := [name_of(state) for state in due["states"] if state != due["state"]]:
        lines.append(f"With it end their privileges in {', '.join(others)}.")
    if due["left_without"]:
        lines.append(f"No provider is left then in {', '.join(due['left_without'])}, and checkouts there are refused.")
    lines.append(
        f"It affects {counted(due['open_consultations'], 'open consultation')} ({_amounts(due['paid'])} paid) and "
        f"subscriptions of {_amounts(due['monthly'])} a month."
    )
    return title, "\n\n".join([*lines, f"{console.rstrip('/')}/providers?provider={due['provider_id']}"])


def _amounts(several: Sequence[AmountRow]) -> str:
    return " and ".join(map(str, licences.totals(several))) or "nothing"
