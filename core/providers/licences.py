"""Licences and NPIs: how they are written and checked, and which licences end soon."""

import re
from calendar import month_name
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from core.db import Database
from core.figures.wording import counted
from core.identifiers import luhn
from core.money import Money
from core.providers import states
from core.providers.directory_rows import AmountRow, ExpiringLicences, LicenceDocument, LicenceRow

STATUSES = ("active", "pending", "suspended", "revoked", "lapsed")
FIRST_YEAR, LAST_YEAR = 1950, 2149
NPI_PREFIX = "80840"  # put before an NPI to compute its check digit, as the NPI standard prescribes
_PREFIX_SUM = 24  # this prefix's share of the sum of the digits
_DOUBLED = bytes.maketrans(b"0123456789", bytes((0, 2, 4, 6, 8, 1, 3, 5, 7, 9)))
# What Excel and databases add to a date: midnight, with or without an offset from UTC.
_MIDNIGHT = re.compile(
    r"[T ](?:0?0:00(?::00(?:\.0+)?)?(?: ?AM)?|12:00(?::00(?:\.0+)?)? ?AM)(?: ?(?:Z|UTC|[+-][0-9]{2}(?::?[0-9]{2})?))?$",
    re.IGNORECASE,
)
_WEEKDAY = re.compile(r"^(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?,? ", re.IGNORECASE)
_TIME_OF_DAY = re.compile(r"[T ][0-9]{1,2}:[0-9]{2}")


def npi_problem(npi: str) -> str | None:
    """What is wrong with a National Provider Identifier, in a sentence; None for a valid one."""
    if re.fullmatch(r"[0-9][.,][0-9]+E[+]?[0-9]+", npi, re.IGNORECASE):
        return "The spreadsheet shortened this NPI. Format its column as text, enter it again and save the file again."
    if not re.fullmatch(r"[0-9]{10}", npi):
        return "An NPI has ten digits."
    if npi[0] not in "12":
        return "An NPI begins with 1 or 2."
    return None if luhn(NPI_PREFIX + npi) else "This NPI has a typing error: its check digit does not match."


def is_npi(digits: bytes) -> bool:
    """Whether these ten digits are an NPI: what `npi_problem` says, for files of millions of rows."""
    # Bytes, not digits: ASCII has them at 48 to 57, and five times 48 is 240, which leaves the last digit as it is.
    total = _PREFIX_SUM + sum(digits[::2].translate(_DOUBLED)) + sum(digits[1::2])
    return total % 10 == 0 and digits[:1] in (b"1", b"2")


def as_text(licence: LicenceRow) -> str:
    """`STATE:NUMBER:EXPIRES`, as the CSV writes a licence."""
    return f"{licence['state']}:{licence['number'] or ''}:{licence['expires_on'] or ''}"


def from_text(text: str) -> LicenceDocument:
    """The licence written as `STATE:NUMBER:EXPIRES`; raises `ValueError` saying what is wrong."""
    parts = [part.strip() for part in text.split(":", 2)]  # a date may have a time, with colons
    if len(parts) != 3:
        raise ValueError(f"{text!r} is not STATE:NUMBER:EXPIRES.")
    state, number, expires = parts
    code = states.code_of(state)
    if code is None:
        raise ValueError(states.problem(state))
    return {"state": code, "number": number or None, "expires_on": str(typed_day(expires)) if expires else None}


def day(text: str) -> date:
    """The day of an ISO date; raises `ValueError` saying what is wrong."""
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise ValueError(f"{text!r} is not a date such as 2027-12-31.")
    return _calendar_day(text, *map(int, text.split("-")))


def typed_day(text: str) -> date:
    """A date as people and spreadsheets write it: 2027-12-31, 12/31/2027 or 31 Dec 2027; raises `ValueError`.

    A time is taken only if it is midnight, which is how programs write a date without one.
    """
    text = _WEEKDAY.sub("", _MIDNIGHT.sub("", " ".join(text.split())))
    if _TIME_OF_DAY.search(text):
        raise ValueError(f"{text!r} has a time of day. Write the date alone, such as 2027-12-31.")
    if found := re.fullmatch(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})", text):
        month, of_month, year = map(int, found.groups())
        return _calendar_day(text, year, month, of_month)
    if found := re.fullmatch(r"([0-9]{1,2})[ -]([A-Za-z]{3,9})\.?,?[ -]([0-9]{4})", text):
        return _calendar_day(text, int(found[3]), _month(found[2]), int(found[1]))
    if found := re.fullmatch(r"([A-Za-z]{3,9})\.? ([0-9]{1,2}),? ([0-9]{4})", text):
        return _calendar_day(text, int(found[3]), _month(found[1]), int(found[2]))
    if re.fullmatch(r"[0-9]{5}", text):
        raise ValueError(f"{text} is how a spreadsheet stores a date. Write the date as 2027-12-31.")
    if re.fullmatch(r"[0-9]{1,2}[/.-](?:[0-9]{1,2}|[A-Za-z]{3,9})[/.-][0-9]{2}", text):
        raise ValueError(f"{text!r} needs a year of four digits, such as 2027-12-31.")
    if re.fullmatch(r"[0-9]{4}([-/])[0-9]{1,2}\1[0-9]{1,2}", text):
        return _calendar_day(text, *map(int, re.split("[-/]", text)))
    return day(text)


def _month(name: str) -> int:
    """The number of the month with this English name or its first letters (at least three); 0 if there is none."""
    found = [
        n for n in range(1, 13) if month_name[n].lower().startswith(name.lower()) or name.lower() == "sept" and n == 9
    ]
    return found[0] if len(found) == 1 else 0


def _calendar_day(text: str, year: int, month: int, of_month: int) -> date:
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise ValueError(f"The year in {text!r} must be from {FIRST_YEAR} to {LAST_YEAR}.")
    try:
        return date(year, month, of_month)
    except ValueError:
        raise ValueError(f"{text!r} is not a date in the calendar.") from None


def expiring(
    db: Database,
    now: datetime,
    *,
    days: int = 90,
    last_day: date | None = None,
    also_ended: bool = True,
    skip: int = 0,
    limit: int = 500,
) -> ExpiringLicences:
    """A page of the active licences that ended or end within `days`, soonest first, with what each affects: open
    consultations, what was `paid` for them, and the `monthly` revenue from subscriptions of the patients seen there.
    With `last_day` those that end with that day, whenever it is."""
    found: ExpiringLicences = db.call(
        "list_expiring_licences",
        days=days,
        now=now,
        last_day=last_day,
        also_ended=also_ended,
        skip=skip,
        limit=limit,
    )
    return found


def totals(amounts: Iterable[AmountRow]) -> list[Money]:
    """The totals of these amounts by currency, largest first."""
    sums: dict[str, int] = {}
    for amount in amounts:
        sums[amount["currency"]] = sums.get(amount["currency"], 0) + amount["minor"]
    return [Money(minor, currency) for currency, minor in sorted(sums.items(), key=lambda each: -each[1])]


def affected(several: Sequence[Mapping[str, Any]]) -> str:
    """What these licences affect, in words: open consultations with what was paid for them, and subscriptions. Empty
    for nothing."""
    open_ones = sum(one["open_consultations"] for one in several)
    paid, monthly = (_together(amount for one in several for amount in one[name]) for name in ("paid", "monthly"))
    parts = []
    if open_ones:
        parts.append(counted(open_ones, "open consultation") + (f" ({paid} paid)" if paid else ""))
    if monthly:
        parts.append(f"subscriptions of {monthly} a month")
    return " and ".join(parts)


def _together(amounts: Iterable[AmountRow]) -> str:
    return " and ".join(map(str, totals(amounts)))
