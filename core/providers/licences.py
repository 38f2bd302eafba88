"""Licences and NPIs: what a right one looks like, and which ones end soon."""

import re
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, cast

from core.db import Database
from core.identifiers import luhn
from core.money import Money

STATUSES = ("active", "pending", "suspended", "revoked", "lapsed")
NPI_PREFIX = "80840"  # the NPI standard's check digit counts the card issuer number of US health applications


def npi_problem(npi: str) -> str | None:
    """What is wrong with a National Provider Identifier, in words; None for a right one (ten digits, Luhn)."""
    if not re.fullmatch(r"[0-9]{10}", npi):
        return "An NPI has ten digits."
    return None if luhn(NPI_PREFIX + npi) else "The NPI's check digit does not fit: a digit is mistyped."


def as_text(licence: dict[str, Any]) -> str:
    """`STATE:NUMBER:EXPIRES`, as the CSV writes a licence."""
    return f"{licence['state']}:{licence['number'] or ''}:{licence['expires_on'] or ''}"


def from_text(text: str) -> dict[str, Any]:
    """A licence from `STATE:NUMBER:EXPIRES`; raises `ValueError` with what is wrong."""
    parts = [part.strip() for part in text.split(":")]
    if len(parts) != 3:
        raise ValueError(f"{text!r} is not STATE:NUMBER:EXPIRES.")
    state, number, expires = parts
    return {"state": state.upper(), "number": number or None, "expires_on": str(day(expires)) if expires else None}


def day(text: str) -> date:
    """An ISO date; raises `ValueError` with what is wrong."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError:
        raise ValueError(f"{text!r} is not a date such as 2027-12-31.") from None


def expiring(db: Database, now: datetime, *, days: int = 90) -> list[dict[str, Any]]:
    """Active licences that have ended or end within `days`, soonest first, with what hangs on each: open consultations,
    what was `paid` for them, and what the `monthly` subscriptions of the patients seen there bring."""
    return cast(list[dict[str, Any]], db.call("expiring_licences", days=days, now=now))


def at_stake(ending: Sequence[dict[str, Any]], what: str) -> list[Money]:
    """What hangs on these licences together, `paid` or `monthly`, a currency each."""
    sums: dict[str, int] = {}
    for licence in ending:
        for amount in licence[what]:
            sums[amount["currency"]] = sums.get(amount["currency"], 0) + amount["minor"]
    return [Money(minor, currency) for currency, minor in sorted(sums.items(), key=lambda each: -each[1])]
