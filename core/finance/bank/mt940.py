"""Reads MT940, SWIFT's customer statement: several statements in a file, and several pages of one."""

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from core.finance.bank.statements import (
    Entry,
    Statement,
    Unreadable,
    compact_day,
    currency_of,
    day_of,
    decimal_of,
    lines_of,
    money_of,
    reference_of,
    shown,
    verify_balance,
)
from core.money import Money

_TAG = re.compile(r":(\d\d[A-Z]?|NS):")
_SWIFT_BLOCK = re.compile(r"^\{[123]:.*?\{4:\s*$|^\{4:\s*$")
_BALANCE = re.compile(r"([CD])(\d{6})([A-Z]{3})(\d[\d,]*)")
_LINE_61 = re.compile(
    r"(?P<value>\d{6})(?P<entry>\d{4})?(?P<mark>R?[CD]|E[CD])(?P<funds>[A-Z])?(?P<amount>\d+,\d*)"
    r"(?P<type>[NFS][A-Z0-9]{3})(?P<references>[^\n]*)(?:\n(?P<more>.*))?",
    re.DOTALL | re.IGNORECASE,
)
_STRUCTURED = re.compile(r"\d{3}(?P<mark>[^\w\s/])")
_KEYWORD = re.compile(r"(EREF|KREF|MREF|CRED|DEBT|SVWZ|ABWA|ABWE|COAM|OAMT)\+")  # in a SEPA purpose
_COUNTERPARTY_ACCOUNT = "31"
# RC, a reversed credit, takes money out; RD, a reversed debit, gives it back; EC and ED are expected entries.
SIGNS = {"C": 1, "D": -1, "RC": -1, "RD": 1, "EC": 1, "ED": -1}


@dataclass(frozen=True)
class Field:
    """One tag of the file and the text up to the next."""

    tag: str
    text: str
    line: int


@dataclass
class Page:
    """The fields of one message, which begins with :20:."""

    line: int
    account: str | None = None
    number: str | None = None
    opening: Field | None = None
    closing: Field | None = None
    movements: list[tuple[Field, Field | None]] = field(default_factory=list)


def read(text: str) -> list[Statement]:
    """The statements in the order of the file; each page's balances are verified, pages of a statement are joined."""
    joined: list[Statement] = []
    previous: Page | None = None
    for page in _pages(_fields(text)):
        statement = _statement(page)
        verify_balance(statement)
        if previous is not None and _continues(previous, page):
            if joined[-1].closing != statement.opening:
                raise Unreadable(
                    page.line, "this page does not begin with the balance that the one before it ends with"
                )
            joined[-1] = _together(joined[-1], statement)
        else:
            _require_last_page(previous)
            joined.append(statement)
        previous = page
    _require_last_page(previous)
    return joined


def _require_last_page(page: Page | None) -> None:
    """Raises `Unreadable` if this page ends with an intermediate balance (62M), since then another page must follow."""
    if page is not None and page.closing is not None and page.closing.tag == "62M":
        raise Unreadable(page.closing.line, "the statement goes on (:62M:), but its next page is missing")


def _fields(text: str) -> Iterator[Field]:
    current: Field | None = None
    is_open, number = False, 1
    for number, raw in enumerate(lines_of(text), 1):
        line = raw.rstrip()
        found = _TAG.match(line)
        if found:
            if current:
                yield current
            current = Field(found[1], line[found.end() :], number)
        elif line == "-" or line.startswith("-}") or _SWIFT_BLOCK.match(line):
            if current:
                yield current
            current = None
            is_open = line.endswith("{4:") or is_open and line == "-"
        elif current:
            current = replace(current, text=f"{current.text}\n{line}")
        elif line.strip():
            raise Unreadable(number, "this line belongs to no MT940 field")
    if is_open:
        raise Unreadable(number, "the file breaks off: its last message is not closed (-})")
    if current:
        yield current


def _pages(fields: Iterator[Field]) -> Iterator[Page]:
    page: Page | None = None
    for each in fields:
        if each.tag == "20":
            if page:
                yield page
            page = Page(each.line)
        elif page is None:
            raise Unreadable(
                each.line, f"field :{each.tag}: comes before :20:, so the start of the statement is missing"
            )
        elif each.tag in ("25", "25P"):
            page.account = each.text.split("\n")[0].strip()
        elif each.tag in ("28", "28C"):
            page.number = each.text.strip()
        elif each.tag in ("60F", "60M", "60"):
            page.opening = each
        elif each.tag in ("62F", "62M", "62"):
            page.closing = each
        elif each.tag == "61":
            if page.closing:
                raise Unreadable(each.line, "an entry comes after the closing balance")
            page.movements.append((each, None))
        elif each.tag == "86" and page.movements and not page.closing:
            movement, before = page.movements[-1]
            details = replace(before, text=f"{before.text}\n{each.text}") if before else each
            page.movements[-1] = (movement, details)
    if page is None:
        raise Unreadable(1, "the file holds no MT940 statement (:20:)")
    yield page


def _statement(page: Page) -> Statement:
    if page.opening is None:
        raise Unreadable(page.line, "the statement has no opening balance (:60F:)")
    if page.closing is None:
        raise Unreadable(page.line, "the statement has no closing balance (:62F:); the file breaks off")
    opening, opened = _balance(page.opening)
    closing, closed = _balance(page.closing)
    if closing.currency != opening.currency:
        raise Unreadable(page.closing.line, "the closing balance has another currency than the opening one")
    entries = tuple(_entry(movement, details, opening.currency) for movement, details in page.movements)
    booked = [entry.booked_on for entry in entries if not entry.is_pending]
    return Statement(
        line=page.line,
        account_number=_account_number(page.account, opening.currency),
        currency=opening.currency,
        entries=tuple(entry for entry in entries if entry.amount.minor),
        reference=page.number,
        from_date=min([*booked, opened + timedelta(days=1), closed]),  # the opening balance is that of the day before
        to_date=max([closed, *booked]),
        opening=opening,
        closing=closing,
    )


def _account_number(written: str | None, currency: str) -> str | None:
    """The account number without the bank code before it, and without a currency that some banks add."""
    number = (written or "").rpartition("/")[2].strip()
    return number.removesuffix(currency.upper()).removesuffix(" ") or None


def _balance(each: Field) -> tuple[Money, date]:
    found = _BALANCE.fullmatch(each.text.strip())
    if not found:
        raise Unreadable(each.line, f"the balance :{each.tag}: cannot be read")
    currency = currency_of(found[3], each.line)
    return _money(found[4], 1 if found[1] == "C" else -1, currency, each.line), compact_day(
        found[2], each.line, "the date"
    )


def _money(written: str, sign: int, currency: str, line: int) -> Money:
    """An amount as SWIFT writes it, with a decimal comma and no thousands separator."""
    if written.count(",") > 1:
        raise Unreadable(line, f"the amount {shown(written)} is not an amount")
    return money_of(sign * decimal_of(written.replace(",", "."), line, "the amount"), currency, line, "the amount")


def _entry(movement: Field, details: Field | None, currency: str) -> Entry:
    found = _LINE_61.fullmatch(movement.text)
    if not found:
        raise Unreadable(
            movement.line, "the entry :61: cannot be read: its date, its mark C or D, or its amount is wrong"
        )
    mark = found["mark"].upper()
    value_on = _value_day(found["value"], movement.line)
    own, _, of_bank = (found["references"] or "").partition("//")
    return Entry(
        line=movement.line,
        amount=_money(found["amount"], SIGNS[mark], currency, movement.line),
        booked_on=_entry_day(found["entry"], value_on, movement.line),
        value_on=value_on,
        is_pending=mark.startswith("E"),
        is_return=mark.startswith("R"),
        bank_id=reference_of(of_bank),
        references=tuple(ref for ref in map(reference_of, (own, of_bank)) if ref),
        texts=tuple(_texts(found["more"], details)),
    )


def _value_day(written: str, line: int) -> date:
    """The value date; 29 or 30 February, which some banks use to compute interest, becomes the month's last day."""
    year, month, day = 2000 + int(written[:2]), int(written[2:4]), int(written[4:])
    if month == 2 and day in (29, 30):
        day = min(day, calendar.monthrange(year, 2)[1])
    return day_of(year, month, day, line, "the value date")


def _entry_day(written: str | None, value_on: date, line: int) -> date:
    """The booking date. It is written without a year, so the year that brings it nearest to the value date is taken."""
    if not written:
        return value_on
    month, day = int(written[:2]), int(written[2:])
    if not 1 <= month <= 12 or not 1 <= day <= calendar.monthrange(2000, month)[1]:
        raise Unreadable(line, f"the entry's date {written[:2]}-{written[2:]} is not a date")
    years = [year for year in range(value_on.year - 1, value_on.year + 2) if day <= calendar.monthrange(year, month)[1]]
    if not years:
        raise Unreadable(line, f"the entry's date {written[:2]}-{written[2:]} is not a date near {value_on}")
    return min((date(year, month, day) for year in years), key=lambda found: abs(found - value_on))


def _texts(more: str | None, details: Field | None) -> Iterator[str]:
    """The bank's texts, with lines and parts joined, because a bank breaks a text wherever a line is full."""
    if more and more.strip():
        yield more.replace("\n", "")
    if details is None:
        return
    lines = details.text.split("\n")
    structured = _STRUCTURED.match(details.text)
    if structured:
        whole = "".join(lines)[3:]
        parts = [part for part in whole.split(structured["mark"]) if part[:2].isdigit()]
        kept = [part for part in parts if part[:2] != _COUNTERPARTY_ACCOUNT]
        yield " ".join(part[2:] for part in kept)
        yield _KEYWORD.sub(r" \1+ ", "".join(part[2:] for part in kept if part[0] in "26"))
    else:
        yield "".join(lines)
        yield " ".join(lines)


def _continues(previous: Page, page: Page) -> bool:
    """Whether this is the next page of the same statement of the same account."""
    if page.opening is None or page.opening.tag != "60M":
        return False
    numbers = [(each.number or "").partition("/")[0] for each in (previous, page)]
    return previous.account == page.account and numbers[0] == numbers[1]


def _together(first: Statement, second: Statement) -> Statement:
    return replace(
        first,
        entries=first.entries + second.entries,
        to_date=max(filter(None, (first.to_date, second.to_date)), default=None),
        from_date=min(filter(None, (first.from_date, second.from_date)), default=None),
        closing=second.closing,
    )
