"""Reminders 90, 60, 30 and 7 days before a licence ends, to the admins and to the provider, each once."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from typing import TypedDict
from zoneinfo import ZoneInfo

from core.db import Database
from core.figures.wording import counted
from core.providers import licences
from core.providers.directory_rows import AmountRow, Kind
from core.providers.states import name_of

MOST_ALONE = 5  # licences with the same last day of which the admins are reminded one by one
# Names the delivery of a message to one e-mail address.
Mail = Callable[[str], str]


class DueReminder(TypedDict):
    """A licence that ends within `days`, what it affects, and the states that would be left without a provider."""

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
    by_day: dict[tuple[int, str], list[DueReminder]] = {}
    for one in due:
        by_day.setdefault((one["days"], one["expires_on"]), []).append(one)
    queued = 0
    for of_day in by_day.values():
        if len(of_day) <= MOST_ALONE:
            queued += sum(_queue(db, one, targets, mail, zone, console, now) for one in of_day)
        else:
            queued += _queue_together(db, of_day, targets, mail, zone, console, now)
    return queued


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
    everybody = [*targets, *_own(due, mail)]
    queued: bool = db.call("queue_reminder", reminder={**due, "title": title, "body": body}, targets=everybody, now=now)
    return queued


def _queue_together(
    db: Database,
    due: Sequence[DueReminder],
    targets: Sequence[str],
    mail: Mail | None,
    zone: ZoneInfo,
    console: str,
    now: datetime,
) -> int:
    """Each provider is reminded of their own licence, and the targets of all in one message."""
    reminders = []
    for one in due:
        title, body = message(one, zone, console)
        reminders.append({**one, "title": title, "body": body, "targets": _own(one, mail)})
    title, body = message_together(due, console)
    queued: int = db.call(
        "queue_reminders", reminders=reminders, summary={"title": title, "body": body}, targets=list(targets), now=now
    )
    return queued


def _own(due: DueReminder, mail: Mail | None) -> list[str]:
    return [mail(due["email"])] if mail and due["email"] else []


def message_together(due: Sequence[DueReminder], console: str) -> tuple[str, str]:
    """The title and the text of a reminder of several licences with the same last day."""
    last_day = f"{date.fromisoformat(due[0]['expires_on']):%-d %b %Y}"
    where = _named(state for one in due for state in one["states"])
    lines = [f"The last day of {counted(len(due), 'licence')} is {last_day}. They are for patients in {where}."]
    if alone := _named(state for one in due for state in one["left_without"]):
        lines.append(f"No provider is left then in {alone}, and checkouts there are refused.")
    open_ones = sum(one["open_consultations"] for one in due)
    lines.append(
        f"They affect {counted(open_ones, 'open consultation')} ({_amounts([n for one in due for n in one['paid']])} "
        f"paid) and subscriptions of {_amounts([n for one in due for n in one['monthly']])} a month."
    )
    title = f"payops: {counted(len(due), 'licence')} end within {due[0]['days']} days, on {last_day}"
    return title, "\n\n".join([*lines, f"{console.rstrip('/')}/providers?licences={due[0]['expires_on']}"])


def _named(codes: Iterable[str]) -> str:
    return ", ".join(sorted(map(name_of, set(codes))))


def message(due: DueReminder, zone: ZoneInfo, console: str) -> tuple[str, str]:
    """The title and the text of a reminder."""
    ends = datetime.fromisoformat(due["ends_at"]).astimezone(zone)
    last_day = date.fromisoformat(due["expires_on"])
    number = f" ({due['number']})" if due["number"] else ""
    title = f"payops: {due['name']}'s licence in {name_of(due['state'])} ends within {due['days']} days"
    lines = [
        f"{due['name']}'s licence in {name_of(due['state'])}{number} ends on {last_day:%-d %b %Y}, "
        f"at {ends:%-d %b %Y, %H:%M %Z}. After that no patient there is assigned to them."
    ]
    if others := [name_of(state) for state in due["states"] if state != due["state"]]:
        lines.append(f"With it end their privileges in {', '.join(others)}.")
    if due["left_without"]:
        alone = ", ".join(map(name_of, due["left_without"]))
        lines.append(f"No provider is left then in {alone}, and checkouts there are refused.")
    lines.append(
        f"It affects {counted(due['open_consultations'], 'open consultation')} ({_amounts(due['paid'])} paid) and "
        f"subscriptions of {_amounts(due['monthly'])} a month."
    )
    return title, "\n\n".join([*lines, f"{console.rstrip('/')}/providers?provider={due['provider_id']}"])


def _amounts(several: Sequence[AmountRow]) -> str:
    return " and ".join(map(str, licences.totals(several))) or "nothing"
