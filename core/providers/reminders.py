"""Reminders 90, 60, 30 and 7 days before a licence ends, to the admins and to the provider, each once."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypedDict
from zoneinfo import ZoneInfo

from core.db import Database
from core.figures.wording import counted
from core.providers import licences, licensing_rules
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


@dataclass(frozen=True)
class Wording:
    """What the sentences depend on: the time zone, the console's address, and whether checkouts are `refused` in a
    state without a provider."""

    zone: ZoneInfo
    console: str
    refused: bool

    def left_without(self, codes: Iterable[str]) -> list[str]:
        """A sentence about the states that would have no provider; none if there is no such state."""
        then = ", and checkouts there are refused" if self.refused else ""
        alone = _named(codes)
        return [f"No provider is left then in {alone}{then}."] if alone else []

    def link(self, query: str) -> str:
        """The address of the providers' page with this query."""
        return f"{self.console.rstrip('/')}/providers?{query}"


def queue_due(
    db: Database, targets: Sequence[str], mail: Mail | None, zone: ZoneInfo, console: str, now: datetime
) -> int:
    """Queue each reminder that is due at these targets of the alerts, and at the provider's e-mail address if there is
    `mail`, which names a delivery to an address; answers how many. Nothing is queued, and so nothing lost, without a
    target."""
    if not targets:
        return 0
    due: list[DueReminder] = db.call("reminders_due", now=now)
    if not due:
        return 0
    told = Wording(zone, console, refused=licensing_rules.load(db)["policy"]["refuse_unserved"])
    by_day: dict[tuple[int, str], list[DueReminder]] = {}
    for one in due:
        by_day.setdefault((one["days"], one["expires_on"]), []).append(one)
    queued = 0
    for of_day in by_day.values():
        if len(of_day) <= MOST_ALONE:
            queued += sum(_queue(db, one, targets, mail, told, now) for one in of_day)
        else:
            queued += _queue_together(db, of_day, targets, mail, told, now)
    return queued


def _queue(
    db: Database, due: DueReminder, targets: Sequence[str], mail: Mail | None, told: Wording, now: datetime
) -> bool:
    title, body = message(due, told)
    reminder = {**due, "title": title, "body": body, "own": _own(due, mail, told)}
    queued: bool = db.call("queue_reminder", reminder=reminder, targets=list(targets), now=now)
    return queued


def _queue_together(
    db: Database, due: Sequence[DueReminder], targets: Sequence[str], mail: Mail | None, told: Wording, now: datetime
) -> int:
    """Each provider is reminded of their own licence, and the targets of all in one message."""
    title, body = message_together(due, told)
    queued: int = db.call(
        "queue_reminders",
        reminders=[{**one, "own": _own(one, mail, told)} for one in due],
        summary={"title": title, "body": body},
        targets=list(targets),
        now=now,
    )
    return queued


def _own(due: DueReminder, mail: Mail | None, told: Wording) -> dict[str, str | list[str]]:
    """The message to the provider, to nobody if there is no e-mail address."""
    title, body = message_to_provider(due, told)
    return {"title": title, "body": body, "targets": [mail(due["email"])] if mail and due["email"] else []}


def message_together(due: Sequence[DueReminder], told: Wording) -> tuple[str, str]:
    """The title and the text of a reminder of several licences with the same last day."""
    last_day = f"{date.fromisoformat(due[0]['expires_on']):%-d %b %Y}"
    where = _named(state for one in due for state in one["states"])
    lines = [f"The last day of {counted(len(due), 'licence')} is {last_day}. They are for patients in {where}."]
    lines += told.left_without(state for one in due for state in one["left_without"])
    affected = licences.affected(due)
    lines.append(f"They affect {affected}." if affected else "No open consultation or subscription depends on them.")
    title = f"payops: {counted(len(due), 'licence')} end within {due[0]['days']} days, on {last_day}"
    lines.append(f"Once they are renewed, enter the new last days: {told.link('licences=' + due[0]['expires_on'])}")
    return title, "\n\n".join(lines)


def _named(codes: Iterable[str]) -> str:
    return ", ".join(sorted(map(name_of, set(codes))))


def message(due: DueReminder, told: Wording) -> tuple[str, str]:
    """The title and the text of a reminder to the admins."""
    licence = f"{due['name']}'s licence in {name_of(due['state'])}"
    lines = _facts(due, told, licence, whose="Their", whom="them")
    lines.append(f"Once it is renewed, enter the new last day: {told.link('provider=' + due['provider_id'])}")
    return f"payops: {licence} ends within {due['days']} days", "\n\n".join(lines)


def message_to_provider(due: DueReminder, told: Wording) -> tuple[str, str]:
    """The title and the text of a reminder to the provider, who cannot open the console."""
    where = name_of(due["state"])
    lines = _facts(due, told, f"your licence in {where}", whose="Your", whom="you")
    lines.append("Once it is renewed, tell the clinic the new last day.")
    return f"Your licence in {where} ends within {due['days']} days", "\n\n".join(lines)


def _facts(due: DueReminder, told: Wording, licence: str, *, whose: str, whom: str) -> list[str]:
    """When the licence ends, and what ends with it, each in a paragraph."""
    ends = datetime.fromisoformat(due["ends_at"]).astimezone(told.zone)
    last_day = date.fromisoformat(due["expires_on"])
    number = f" ({due['number']})" if due["number"] else ""
    lines = [
        f"The last day of {licence}{number} is {last_day:%-d %b %Y}: it ends at {ends:%-d %b %Y, %H:%M %Z}. "
        f"After that no patient there is assigned to {whom}."
    ]
    if others := _named(state for state in due["states"] if state != due["state"]):
        lines.append(f"{whose} privileges in {others} end with it.")
    lines += told.left_without(due["left_without"])
    affected = licences.affected([due])
    lines.append(f"It affects {affected}." if affected else "No open consultation or subscription depends on it.")
    return lines
