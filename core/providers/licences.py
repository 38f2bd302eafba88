"""Licences and NPIs: what makes one valid, and which licences end soon."""

import re
from calendar import month_name
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, cast

from core.db import Database
from core.identifiers import luhn
from core.money import Money
from core.providers import states

STATUSES = ("active", "pending", "suspended", "revoked", "lapsed")
FIRST_YEAR, LAST_YEAR = 1950, 2149
NPI_PREFIX = "80840"  # the NPI standard's check digit counts the card issuer number of US health applications


def npi_problem(npi: str) -> str | None:
    """What is wrong with a National Provider Identifier, in a sentence; None for a valid one."""
    if re.fullmatch(r"[0-9][.,][0-9]+E[+]?[0-9]+", npi, re.IGNORECASE):
        return "The spreadsheet shortened this NPI. Format its column as text, enter it again and save the file again."
    if not re.fullmatch(r"[0-9]{10}", npi):
        return "An NPI has ten digits."
    if npi[0] not in "12":
        return "An NPI begins with 1 or 2."
    return None if luhn(NPI_PREFIX + npi) else "The NPI's check digit does not match: a digit is mistyped."


def as_text(licence: dict[str, Any]) -> str:
    """`STATE:NUMBER:EXPIRES`, as the CSV writes a licence."""
    return f"{licence['state']}:{licence['number'] or ''}:{licence['expires_on'] or ''}"


def from_text(text: str) -> dict[str, Any]:
    """A licence from `STATE:NUMBER:EXPIRES`; raises `ValueError` with what is wrong."""
    parts = [part.strip() for part in text.split(":")]
    if len(parts) != 3:
        raise ValueError(f"{text!r} is not STATE:NUMBER:EXPIRES.")
    state, number, expires = parts
    code = states.code_of(state)
    if code is None:
        raise ValueError(states.problem(state))
    return {"state": code, "number": number or None, "expires_on": str(typed_day(expires)) if expires else None}


def day(text: str) -> date:
    """An ISO date; raises `ValueError` with what is wrong."""
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise ValueError(f"{text!r} is not a date such as 2027-12-31.")
    return _calendar_day(text, *map(int, text.split("-")))


def typed_day(text: str) -> date:
    """A date as people and spreadsheets write it: 2027-12-31, 12/31/2027 or 31 Dec 2027; raises `ValueError`."""
    text = re.sub(r"[T ]00:00(:00(\.0+)?)?$", "", " ".join(text.split()))
    if found := re.fullmatch(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})", text):
        month, of_month, year = map(int, found.groups())
        return _calendar_day(text, year, month, of_month)
    if found := re.fullmatch(r"([0-9]{1,2})[ -]([A-Za-z]{3,9})\.?,?[ -]([0-9]{4})", text):
        return _calendar_day(text, int(found[3]), _month(found[2]), int(found[1]))
    if found := re.fullmatch(r"([A-Za-z]{3,9})\.? ([0-9]{1,2}),? ([0-9]{4})", text):
        return _calendar_day(text, int(found[3]), _month(found[1]), int(found[2]))
    if re.fullmatch(r"[0-9]{5}", text):
        raise ValueError(f"{text} is the number that a spreadsheet keeps for a date. Write it as 2027-12-31.")
    if re.fullmatch(r"[0-9]{1,2}[/.-][0-9]{1,2}[/.-][0-9]{2}", text):
        raise ValueError(f"{text!r} needs a year of four digits, such as 2027-12-31.")
    if re.fullmatch(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}", text):
        return _calendar_day(text, *map(int, text.split("-")))
    return day(text)


def _month(name: str) -> int:
    """The number of a month by its English name or the first letters of it, at least three; 0 for no month."""
    found = [
        n for n in range(1, 13) if month_name[n].lower().startswith(name.lower()) or name.lower() == "sept" and n == 9
    ]
    return found[0] if len(found) == 1 else 0


def _calendar_day(text: str, year: int, month: int, of_month: int) -> date:
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise ValueError(f"{text!r} has a year that is not from {FIRST_YEAR} to {LAST_YEAR}.")
    try:
        return date(year, month, of_month)
    except ValueError:
        raise ValueError(f"{text!r} is not a day of the calendar.") from None


def expiring(db: Database, now: datetime, *, days: int = 90) -> list[dict[str, Any]]:
    """Active licences that have ended or end within `days`, soonest first, with what each affects: open consultations,
    what was `paid` for them, and the `monthly` subscriptions of the patients seen there."""
    return cast(list[dict[str, Any]], db.call("expiring_licences", days=days, now=now))


def at_stake(ending: Sequence[dict[str, Any]], what: str) -> list[Money]:
    """The amounts that these licences affect together, `paid` or `monthly`, one a currency."""
    sums: dict[str, int] = {}
    for licence in ending:
        for amount in licence[what]:
            sums[amount["currency"]] = sums.get(amount["currency"], 0) + amount["minor"]
    return [Money(minor, currency) for currency, minor in sorted(sums.items(), key=lambda each: -each[1])]
