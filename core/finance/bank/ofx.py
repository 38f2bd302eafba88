"""Reads OFX and QFX: the SGML of version 1 and the XML of version 2, bank and card statements."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

from core.finance.bank.ofx_tags import Node, parse
from core.finance.bank.statements import (
    Correction,
    Entry,
    Statement,
    Unreadable,
    compact_day,
    currency_of,
    money_of,
    reference_of,
    shown,
)
from core.money import Money

STATEMENTS = ("STMTRS", "CCSTMTRS")
_DATE = re.compile(
    r"(?P<day>\d{8})(?P<time>\d{2}(?:\d{2}(?:\d{2}(?:\.\d{1,6})?)?)?)?(?:\[(?P<offset>[+-]?(?:\d{4}|\d{1,2}(?:[.:]\d{1,2})?))(?::[^\]]*)?\])?",
    re.ASCII,
)
_AMOUNT = re.compile(
    r"(?P<sign>[+-]?)(?P<whole>\d{1,3}(?:,\d{3})+(?=\.)|\d{1,3}(?:\.\d{3})+(?=,)|\d*)(?:[.,](?P<part>\d*))?", re.ASCII
)
_RETURN_TYPES = ("RETURN", "REVERSAL")


def read(text: str) -> list[Statement]:
    """The statements in the order of the file."""
    root = parse(text)
    found = [_statement(node) for name in STATEMENTS for node in root.find_all(name)]
    if not found:
        raise Unreadable(root.line, "the file holds no bank statement (STMTRS)")
    return sorted(found, key=lambda statement: statement.line)


def moment_of(written: str, line: int, what: str) -> datetime:
    """A time with the bank's own offset, so that its date is the date the bank means.

    `[-5:EST]` is five hours behind UTC, `[+5.30:IST]` five hours and thirty minutes ahead; without one it is UTC.
    """
    found = _DATE.fullmatch(written)
    if not found:
        raise Unreadable(line, f"{what} {shown(written)} is not a date")
    day = compact_day(found["day"], line, what)
    digits = (found["time"] or "").partition(".")[0].ljust(6, "0")
    hour, minute, second = int(digits[:2]), int(digits[2:4]), int(digits[4:6])
    if hour > 23 or minute > 59 or second > 60:
        raise Unreadable(line, f"{what} {shown(written)} has no such time of day")
    zone = timezone(_offset(found["offset"], line, what)) if found["offset"] else UTC
    return datetime(day.year, day.month, day.day, hour, minute, min(second, 59), tzinfo=zone)


def _offset(written: str, line: int, what: str) -> timedelta:
    """Hours and minutes: 5.30 and 0530 are 5 h 30 min; 5.5 and 5.75 can only be parts of an hour."""
    plain = re.sub(r"^(\d\d)(\d\d)$", r"\1.\2", written.lstrip("+-").replace(":", "."))
    hours, _, part = plain.partition(".")
    minutes = int(part) if len(part) == 2 and int(part) < 60 else round(float(f"0.{part or 0}") * 60)
    offset = timedelta(hours=int(hours), minutes=minutes)
    if offset > timedelta(hours=14):
        raise Unreadable(line, f"{what} has an offset that no time zone has")
    return -offset if written.startswith("-") else offset


def _statement(node: Node) -> Statement:
    account = next((found for name in ("BANKACCTFROM", "CCACCTFROM") if (found := node.find(name))), None)
    currency = currency_of(node.text("CURDEF"), node.line_of("CURDEF"), "the statement's currency (CURDEF)")
    booked, pending = node.find("BANKTRANLIST"), node.find("BANKTRANLISTP")
    nodes = list(booked.find_all("STMTTRN")) if booked else []
    corrections = [fix for each in nodes if (fix := _correction(each, currency))]
    entries = [
        *_without_corrected(list(_entries(booked, "STMTTRN", "DTPOSTED", currency, False)), corrections),
        *_entries(pending, "STMTTRNP", "DTTRAN", currency, True),
    ]
    days = [entry.booked_on for entry in entries if not entry.is_pending]
    balance = node.find("LEDGERBAL")
    return Statement(
        line=node.line,
        account_number=account.text("ACCTID") if account else None,
        currency=currency,
        entries=tuple(entries),
        from_date=_day(booked, "DTSTART") or min(days, default=None),
        to_date=_day(booked, "DTEND") or max(days, default=None),
        closing=_money(balance, "BALAMT", currency) if balance and balance.text("BALAMT") else None,
        corrections=tuple(corrections),
        lists_pending=pending is not None,
    )


def _correction(node: Node, currency: str) -> Correction | None:
    """The correction in a STMTTRN: its CORRECTFITID names the corrected entry; its CORRECTACTION is DELETE, or REPLACE
    (by this one). None if it corrects nothing.
    """
    corrected, action = reference_of(node.text("CORRECTFITID")), (node.text("CORRECTACTION") or "").upper()
    if corrected is None and not action:
        return None
    if corrected is None or action not in ("REPLACE", "DELETE"):
        missing = "CORRECTFITID" if corrected is None else "CORRECTACTION"
        raise Unreadable(node.line, f"a correction has no {missing}, or one that is neither REPLACE nor DELETE")
    return Correction(corrected, _entry(node, "DTPOSTED", currency, False) if action == "REPLACE" else None)


def _without_corrected(entries: list[Entry], corrections: list[Correction]) -> Iterator[Entry]:
    """The entries that are not corrected in this file. One that replaces another also gets the texts of the other."""
    by_number = {entry.bank_id: entry for entry in entries}
    replaced_by = {each.entry.bank_id: by_number.get(each.bank_id) for each in corrections if each.entry}
    void = {each.bank_id for each in corrections}
    for entry in entries:
        before = replaced_by.get(entry.bank_id) if entry.bank_id else None
        if entry.bank_id in void:
            continue
        if before:
            entry = replace(
                entry, texts=(*entry.texts, *before.texts), references=(*entry.references, *before.references)
            )
        yield entry


def _entries(within: Node | None, name: str, dated: str, currency: str, is_pending: bool) -> Iterator[Entry]:
    for node in within.find_all(name) if within else ():
        is_deletion = (node.text("CORRECTACTION") or "").upper() == "DELETE"
        if not is_deletion and (entry := _entry(node, dated, currency, is_pending)):
            yield entry


def _entry(node: Node, dated: str, currency: str, is_pending: bool) -> Entry | None:
    """The entry; None if its amount is 0."""
    amount = _money(node, "TRNAMT", _currency(node, currency))
    if not amount.minor:
        return None
    booked_on = _day(node, dated)
    if booked_on is None:
        raise Unreadable(node.line, f"an entry has no date ({dated})")
    payee = node.find("PAYEE")
    texts = (node.text("NAME"), payee.text("NAME") if payee else None, node.text("MEMO"))
    written = " ".join(text for text in texts if text)
    numbers = (node.text(each) for each in ("REFNUM", "CHECKNUM", "SRVRTID"))
    return Entry(
        line=node.line,
        amount=amount,
        booked_on=booked_on,
        value_on=_day(node, "DTAVAIL"),
        is_pending=is_pending,
        is_return=(node.text("TRNTYPE") or "").upper() in _RETURN_TYPES,
        bank_id=reference_of(node.text("FITID")),
        references=tuple(found for number in numbers if (found := reference_of(number))),
        texts=(written,) if written else (),
    )


def _currency(node: Node, currency: str) -> str:
    """The currency of an entry. ORIGCURRENCY is not read: it is the currency before the bank converted the amount."""
    own = node.find("CURRENCY")
    return currency_of(own.text("CURSYM"), own.line, "the entry's currency") if own else currency


def _day(node: Node | None, name: str) -> date | None:
    written = node.text(name) if node else None
    if node is None or not written or not written.strip("0"):
        return None
    return moment_of(written, node.line_of(name), name).date()


def _money(node: Node, name: str, currency: str) -> Money:
    written, line = (node.text(name) or "").strip(), node.line_of(name)
    found = _AMOUNT.fullmatch(written)
    if not found or not (found["whole"] or found["part"]) or len(written) > 24:
        raise Unreadable(line, f"{name} {shown(written)} is not an amount")
    whole = re.sub(r"[.,]", "", found["whole"]) or "0"
    value = Decimal(f"{found['sign']}{whole}.{found['part'] or 0}")
    return money_of(value, currency, line, name)
