"""Reads BAI2, the cash-management format of US banks. Its control totals prove that nothing is missing."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from core.finance.bank.bai2_records import Record, funds_fields, records, text_place
from core.finance.bank.statements import (
    Entry,
    Statement,
    Unreadable,
    compact_day,
    currency_of,
    money_of,
    reference_of,
    shown,
)
from core.money import Money, exponent

OPENING, CLOSING = "010", "015"
# Type codes of reversed or rejected debits and credits, of ACH returns and reversals, and of returned deposits.
RETURNS = frozenset({"252", "255", "257", "258", "261", "552", "555", "557", "558", "561"})
# BAI2 amounts are in ISO 4217's smallest unit of a currency. For these it has other decimals than at Stripe.
ISO_EXPONENTS = {"isk": 0, "ugx": 0, "mga": 2}
_UPDATE, _DELETION, _CORRECTION, _TEST = "1", "2", "3", "4"  # a group's status
_SAME_DAY = ("3", "4")  # as-of-date modifiers of intraday reports, whose entries may still change


@dataclass
class Account:
    """An account while its records are read; its trailer (49) must state the same `total` and number of `records`."""

    record: Record
    currency: str
    as_of: date
    is_pending: bool
    group_status: str
    total: int = 0
    records: int = 0
    balances: dict[str, Money] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)


def read(text: str) -> list[Statement]:
    """The accounts of the file, in its order."""
    reader, last = _Reader(), 1
    for record in records(text):
        reader.take(record)
        last = record.line
    if not reader.is_ended:
        raise Unreadable(last, "the file breaks off: its last record (99) is missing")
    return reader.statements


class _Reader:
    """Reads the records in one pass. The totals in each trailer record must agree with the records before it."""

    def __init__(self) -> None:
        self.statements: list[Statement] = []
        self.is_ended = False
        self._group: Record | None = None
        self._account: Account | None = None
        self._group_total = self._group_accounts = self._group_lines = 0
        self._file_total = self._file_groups = self._file_lines = 0

    def take(self, record: Record) -> None:
        """Read the next record."""
        if self.is_ended:
            raise Unreadable(record.line, "there are records after the end of the file (99)")
        self._group_lines += record.lines
        self._file_lines += record.lines
        {
            "01": self._begin_file,
            "02": self._begin_group,
            "03": self._begin_account,
            "16": self._add_entry,
            "49": self._end_account,
            "98": self._end_group,
            "99": self._end_file,
        }[record.code](record)

    def _begin_file(self, record: Record) -> None:
        if self._file_lines != record.lines:
            raise Unreadable(record.line, "a second file begins (01) before the first one ended (99)")

    def _begin_group(self, record: Record) -> None:
        self._require_no_group(record)
        if record.get(2) == _TEST:
            raise Unreadable(record.line, "this is a test file (group status 4)")
        if record.get(2) not in (_UPDATE, _DELETION, _CORRECTION):
            raise Unreadable(record.line, f"the group status {shown(record.get(2))} is not one of BAI2 (1 to 4)")
        self._group, self._group_total, self._group_accounts, self._group_lines = record, 0, 0, record.lines

    def _begin_account(self, record: Record) -> None:
        if self._group is None or self._account is not None:
            raise Unreadable(record.line, "an account (03) begins outside a group, or before the last one ended (49)")
        self._account = _account(record, self._group)

    def _add_entry(self, record: Record) -> None:
        if self._account is None:
            raise Unreadable(record.line, "an entry (16) is outside an account (03)")
        _add_entry(self._account, record)

    def _end_account(self, record: Record) -> None:
        account = self._account
        if account is None:
            raise Unreadable(record.line, "an account's end (49) is outside an account (03)")
        _agree(record, 0, account.total, "the account's control total")
        _agree(record, 1, account.records + record.lines, "the account's number of records")
        self._group_total += account.total
        self._group_accounts += 1
        self._account = None
        self.statements.append(_statement(account))

    def _end_group(self, record: Record) -> None:
        if self._group is None or self._account is not None:
            raise Unreadable(record.line, "a group's end (98) is outside a group, or an account has no end (49)")
        _agree(record, 0, self._group_total, "the group's control total")
        _agree(record, 1, self._group_accounts, "the group's number of accounts")
        _agree(record, 2, self._group_lines, "the group's number of records")
        self._file_total += self._group_total
        self._file_groups += 1
        self._group = None

    def _end_file(self, record: Record) -> None:
        self._require_no_group(record)
        _agree(record, 0, self._file_total, "the file's control total")
        _agree(record, 1, self._file_groups, "the file's number of groups")
        _agree(record, 2, self._file_lines, "the file's number of records")
        self.is_ended = True

    def _require_no_group(self, record: Record) -> None:
        if self._account is not None or self._group is not None:
            raise Unreadable(record.line, f"record {record.code} comes before the last group ended (98)")


def _account(record: Record, group: Record) -> Account:
    currency = currency_of(record.get(1) or group.get(5) or "usd", record.line if record.get(1) else group.line)
    as_of = compact_day(group.get(3), group.line, "the as-of date")
    account = Account(record, currency, as_of, group.get(6) in _SAME_DAY, group.get(2), records=record.lines)
    place = 2
    while place < len(record.fields):
        code, amount = record.get(place), record.get(place + 1)
        if amount:
            units = _whole(amount, record.line)
            account.total += units
            if code in (OPENING, CLOSING):
                account.balances[code] = _money(units, currency, record.line)
        place += 3 + funds_fields(record, place + 3)
    return account


def _add_entry(account: Account, record: Record) -> None:
    account.records += record.lines
    code, written = record.get(0), record.get(1)
    if not written:
        return  # an entry without an amount is for information only
    units = _whole(written, record.line)
    account.total += units
    sign = _sign(code, record.line)
    if not units or not sign:
        return
    place = text_place(record)
    references = tuple(ref for ref in (reference_of(record.get(place - 2)), reference_of(record.get(place - 1))) if ref)
    value_on = None
    if record.get(2).upper() == "V" and record.get(3):
        value_on = compact_day(record.get(3), record.line, "the value date")
    account.entries.append(
        Entry(
            line=record.line,
            amount=_money(sign * units, account.currency, record.line),
            booked_on=account.as_of,
            value_on=value_on,
            is_pending=account.is_pending,
            is_return=code in RETURNS,
            bank_id=reference_of(record.get(place - 2)),
            references=references,
            texts=record.texts(place),
        )
    )


def _sign(code: str, line: int) -> int:
    """1 for credits, -1 for debits, 0 for entries that move no money, by the standard's ranges of type codes."""
    if not (code.isascii() and code.isdigit() and len(code) == 3):
        raise Unreadable(line, f"the type code {shown(code)} is not one of BAI2")
    number = int(code)
    if 100 <= number <= 399 or 920 <= number <= 959:
        return 1
    if 400 <= number <= 699 or 960 <= number <= 999:
        return -1
    return 0


def _whole(written: str, line: int) -> int:
    digits = written.removeprefix("+").removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 18):
        raise Unreadable(line, f"the amount {shown(written)} is not a whole number")
    return -int(digits) if written.startswith("-") else int(digits)


def _money(units: int, currency: str, line: int) -> Money:
    places = ISO_EXPONENTS.get(currency, exponent(currency))
    return money_of(Decimal(units).scaleb(-places), currency, line, "the amount")


def _agree(record: Record, place: int, counted: int, what: str) -> None:
    if _whole(record.get(place), record.line) != counted:
        raise Unreadable(
            record.line, f"{what} is {shown(record.get(place))}, but the file holds {counted}; it is not complete"
        )


def _statement(account: Account) -> Statement:
    """The account's statement. If its group is a correction or deletion, earlier entries of the same day are void."""
    is_deleted = account.group_status == _DELETION
    return Statement(
        line=account.record.line,
        account_number=account.record.get(0) or None,
        currency=account.currency,
        entries=() if is_deleted else tuple(account.entries),
        from_date=account.as_of,
        to_date=account.as_of,
        opening=account.balances.get(OPENING),
        closing=account.balances.get(CLOSING),
        replaces_days=is_deleted or account.group_status == _CORRECTION,
    )
