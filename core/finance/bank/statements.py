"""A bank statement as every format's reader returns it, and reading the amounts and dates in it."""

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from core.money import CURRENCIES, Money, exponent

FIRST_DAY, LAST_DAY = date(1990, 1, 1), date(2099, 12, 31)
_DIGITS = re.compile(r"[0-9]+(?:\.[0-9]*)?|\.[0-9]+", re.ASCII)
_NO_REFERENCE = frozenset({"NONREF", "NOTPROVIDED", "NOTAVAILABLE", "N/A", "NONE", "UNKNOWN"})


class Format(StrEnum):
    CAMT053 = "camt053"
    MT940 = "mt940"
    BAI2 = "bai2"
    OFX = "ofx"
    CSV = "csv"


FORMAT_TITLES = {
    Format.CAMT053: "CAMT.053",
    Format.MT940: "MT940",
    Format.BAI2: "BAI2",
    Format.OFX: "OFX",
    Format.CSV: "CSV",
}


class Unreadable(Exception):
    """A file is wrong, with the line and the reason, which quotes nothing about anybody's payment."""

    def __init__(self, line: int, reason: str):
        self.line, self.reason = line, reason
        super().__init__(f"line {line}: {reason}")


@dataclass(frozen=True)
class Entry:
    """One movement of a statement. `amount` is signed: positive is into our account. Dates are in the bank's time zone.

    `references` come from the format's fields for references; `texts` are all other texts of the bank.
    """

    line: int
    amount: Money
    booked_on: date
    value_on: date | None = None
    is_pending: bool = False
    is_return: bool = False
    bank_id: str | None = None
    references: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Correction:
    """The bank takes back the earlier entry with this `bank_id`; `entry` replaces it, if not None."""

    bank_id: str
    entry: Entry | None = None


@dataclass(frozen=True)
class Statement:
    """One account's movements over some days. `account_number` is complete here, but never stored.

    `replaces_days`: this statement replaces what earlier files of this format said about the same days.
    `lists_pending`: all pending entries are listed here, so any other is no longer pending.
    """

    line: int
    account_number: str | None
    currency: str
    entries: tuple[Entry, ...]
    reference: str | None = None
    from_date: date | None = None
    to_date: date | None = None
    opening: Money | None = None
    closing: Money | None = None
    corrections: tuple[Correction, ...] = ()
    replaces_days: bool = False
    lists_pending: bool = False

    @property
    def last4(self) -> str | None:
        """The last four letters and digits of the account's number."""
        plain = re.sub(r"[^0-9A-Z]", "", (self.account_number or "").upper())
        return plain[-4:] or None


def lines_of(text: str) -> list[str]:
    """The lines, with any kind of line end, so that their numbers are those of an editor."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def decimal_of(text: str, line: int, what: str) -> Decimal:
    """An unsigned amount with a decimal point, as an exact number."""
    if not _DIGITS.fullmatch(text) or len(text) > 24:
        raise Unreadable(line, f"{what} {shown(text)} is not an amount")
    return Decimal(text)


def money_of(amount: Decimal, currency: str, line: int, what: str) -> Money:
    """The amount in minor units; raises `Unreadable` if it has more decimals than its currency."""
    minor = amount.scaleb(exponent(currency))
    if minor != minor.to_integral_value():
        raise Unreadable(line, f"{what} has more decimals than {currency.upper()} has")
    if abs(minor) >= 10**16:
        raise Unreadable(line, f"{what} is larger than any bank account")
    return Money(int(minor), currency)


def currency_of(text: str | None, line: int, what: str = "the currency") -> str:
    """A currency's code in lower case."""
    lowered = (text or "").strip().lower()
    if lowered not in CURRENCIES:
        raise Unreadable(line, f"{what} {shown(text or '')} is not a known currency")
    return lowered


def day_of(year: int, month: int, day: int, line: int, what: str) -> date:
    """The date; raises `Unreadable` for a date that does not exist or that no bank statement could have."""
    try:
        found = date(year, month, day)
    except ValueError:
        raise Unreadable(line, f"{what} {year:04}-{month:02}-{day:02} is not a date") from None
    if not FIRST_DAY <= found <= LAST_DAY:
        raise Unreadable(line, f"{what} {found} is not between {FIRST_DAY.year} and {LAST_DAY.year}")
    return found


def compact_day(text: str, line: int, what: str) -> date:
    """A date written as YYMMDD or YYYYMMDD."""
    if not (text.isascii() and text.isdigit() and len(text) in (6, 8)):
        raise Unreadable(line, f"{what} {shown(text)} is not a date")
    year = int(text[:-4])
    if len(text) == 6:
        year += 2000 if year < 80 else 1900
    return day_of(year, int(text[-4:-2]), int(text[-2:]), line, what)


def reference_of(text: str | None) -> str | None:
    """The reference without spaces around it; None if it is empty or a bank's word for no reference."""
    stripped = (text or "").strip()
    return stripped if stripped and stripped.upper() not in _NO_REFERENCE else None


def verify_balance(statement: Statement) -> None:
    """Raises `Unreadable` unless opening balance + booked entries = closing balance; needs both balances."""
    opening, closing = statement.opening, statement.closing
    if opening is None or closing is None:
        return
    booked = [entry for entry in statement.entries if not entry.is_pending]
    if any(entry.amount.currency != opening.currency for entry in booked):
        return
    counted = Money(opening.minor + sum(entry.amount.minor for entry in booked), opening.currency)
    if counted != closing:
        raise Unreadable(
            statement.line,
            f"opening balance {opening} and the entries come to {counted}, not to the closing balance {closing}; "
            "the file is not complete",
        )


def shown(text: str) -> str:
    """A wrong value for an error message: quoted only if it is short with at most 3 letters, as it may be private."""
    stripped = text.strip()
    if not stripped:
        return "(empty)"
    letters = sum(sign.isalpha() for sign in stripped)
    printable = stripped.isprintable() and len(stripped) <= 16 and letters <= 3
    return f"'{stripped}'" if printable else "(not shown)"
