"""Journal entries: each balances in its currency, or is refused with the difference.

A movement of Stripe's balance has an amount, a fee and a net. The amount is booked on its own account, the fee as a
cost, and the net on the clearing account, which stands for the balance at Stripe; a payout moves it from clearing to
the bank.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Literal, TypedDict

from core.db import Database
from core.errors import Refused
from core.finance.journal.accounts import PAGE, Account, Role, known
from core.money import Money
from core.periods import Period
from core.staff import roles
from core.staff.roles import Actor

By = Literal["day", "payout"]

# By docs.stripe.com/reports/reporting-categories: the account for the amount, that for the fee, the line's text.
CATEGORIES: dict[str, tuple[Role, Role, str]] = {
    "charge": (Role.SALES, Role.FEES, "Payments collected"),
    "partial_capture_reversal": (Role.SALES, Role.FEES, "Authorized and not captured"),
    "charge_failure": (Role.SALES, Role.FEES, "Payments that failed later"),
    "refund": (Role.REFUNDS, Role.FEES, "Refunds"),
    "refund_failure": (Role.REFUNDS, Role.FEES, "Refunds that failed"),
    "dispute": (Role.DISPUTES, Role.DISPUTE_FEES, "Disputes"),
    "dispute_reversal": (Role.DISPUTES, Role.DISPUTE_FEES, "Disputes won"),
    "fee": (Role.FEES, Role.FEES, "Stripe's other fees"),
    "network_cost": (Role.FEES, Role.FEES, "Network costs"),
    "tax": (Role.TAX, Role.FEES, "Tax"),
    "payout": (Role.BANK, Role.FEES, "Payouts"),
    "payout_reversal": (Role.BANK, Role.FEES, "Payouts returned"),
    "topup": (Role.BANK, Role.FEES, "Top-ups"),
    "topup_reversal": (Role.BANK, Role.FEES, "Top-ups returned"),
}
TO_THE_BANK = frozenset({"payout", "payout_reversal", "topup", "topup_reversal"})


class Movement(TypedDict):
    """The sum of the movements that have the same reporting category and belong to the same entry."""

    entry: str
    day: str
    currency: str
    category: str
    movements: int
    amount_minor: int
    fee_minor: int
    net_minor: int


class Payouts(TypedDict):
    """The movements by payout, the number of payouts without known movements, and of movements in no payout yet."""

    items: list[Movement]
    empty_payouts: int
    in_no_payout: int


@dataclass(frozen=True)
class Line:
    """One line: a debit if `minor` is above zero, else a credit."""

    account: Account
    description: str
    minor: int
    movements: int

    @property
    def debit_minor(self) -> int | None:
        return self.minor if self.minor > 0 else None

    @property
    def credit_minor(self) -> int | None:
        return -self.minor if self.minor < 0 else None


@dataclass(frozen=True)
class Entry:
    """A balanced journal entry in one currency; `number` has at most 21 characters, which is QuickBooks' limit."""

    number: str
    name: str
    day: date
    currency: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Journal:
    """The entries of a period, and a sentence about what they leave out; empty if nothing is left out."""

    entries: list[Entry]
    left_out: str = ""


def load(db: Database, actor: Actor, period: Period, by: By, accounts: Mapping[Role, Account]) -> Journal:
    """The journal of the period. Raises `Refused` if an entry does not balance or a movement has no account."""
    roles.require(actor, PAGE)
    if by == "day":
        moved: list[Movement] = db.call("journal_by_day", since=period.since, until=period.until)
        return Journal(entries_of(moved, accounts))
    found: Payouts = db.call("journal_by_payout", since=period.since, until=period.until)
    return Journal(entries_of(found["items"], accounts), _left_out(found))


def entries_of(moved: Iterable[Movement], accounts: Mapping[Role, Account]) -> list[Entry]:
    """The entries of these movements, which must be sorted by entry and currency. Raises `Refused` as `load` does."""
    grouped = groupby(moved, lambda each: (each["day"], each["entry"], each["currency"]))
    found = [_entry(list(group), accounts) for _, group in grouped]
    return [entry for entry in found if entry.lines]


def _entry(moved: Sequence[Movement], accounts: Mapping[Role, Account]) -> Entry:
    first = moved[0]
    name, currency = f"Stripe {first['entry']}", first["currency"]
    lines: list[Line] = []
    for each in moved:
        lines += _own_lines(each, accounts)
    for words, to_the_bank in (("Balance at Stripe", False), ("Paid out from Stripe", True)):
        part = [each for each in moved if (each["category"] in TO_THE_BANK) is to_the_bank]
        lines.append(_line(accounts, Role.CLEARING, words, sum(each["net_minor"] for each in part), _count(part)))
    lines = [line for line in lines if line.minor]
    if difference := sum(line.minor for line in lines):
        raise Refused(
            "journal_unbalanced",
            f"{name} in {currency.upper()}: debits and credits differ by {Money(abs(difference), currency)}, because "
            "amount, fee and net of its movements do not fit together. Fetch them again from Stripe. Nothing was "
            "exported.",
        )
    return Entry(_number(first), name, date.fromisoformat(first["day"]), currency, tuple(lines))


def _own_lines(moved: Movement, accounts: Mapping[Role, Account]) -> list[Line]:
    """The lines of a category besides the clearing account."""
    category, count = moved["category"], moved["movements"]
    amount, fee, words = CATEGORIES.get(category, (Role.SUSPENSE, Role.FEES, category.replace("_", " ").capitalize()))
    if amount is Role.SUSPENSE and not accounts[Role.SUSPENSE].named:
        raise Refused(
            "category_unplaced",
            f"“{words}” ({count:,} in Stripe {moved['entry']}, {Money(moved['net_minor'], moved['currency'])}) has no "
            "account. Name a suspense account for such movements, or settle them with Stripe. Nothing was exported.",
        )
    return [
        _line(accounts, amount, words, -moved["amount_minor"], count),
        _line(accounts, fee, f"Fees: {words[:1].lower()}{words[1:]}", moved["fee_minor"], count),
    ]


def _line(accounts: Mapping[Role, Account], role: Role, words: str, minor: int, movements: int) -> Line:
    return Line(known(accounts, role) if minor else accounts[role], words, minor, movements)


def _count(moved: Iterable[Movement]) -> int:
    return sum(each["movements"] for each in moved)


def _number(moved: Movement) -> str:
    """`2026-11-01-USD`, or the end of a payout's id with its currency: unique, and the same in each export."""
    entry = moved["entry"]
    if entry.startswith("po_"):
        payout, _, returned = entry.partition(" ")
        entry = f"{payout.removeprefix('po_')[-14:]}{'-R' if returned else ''}"
    return f"{entry}-{moved['currency'].upper()}"


def _left_out(found: Payouts) -> str:
    said = []
    if empty := found["empty_payouts"]:
        payouts = "1 payout lists" if empty == 1 else f"{empty:,} payouts list"
        said.append(
            f"{payouts} no transactions at Stripe (manual, instant or not reconciled yet), so only the payout "
            "itself is booked."
        )
    if pending := found["in_no_payout"]:
        movements = "1 movement of these days is" if pending == 1 else f"{pending:,} movements of these days are"
        said.append(f"{movements} in no payout yet and not booked here. Entries by day contain everything.")
    return " ".join(said)
