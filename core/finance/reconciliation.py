"""The reconciliation of a period: our ledger compared with Stripe's balance, payouts and the bank."""

from calendar import monthrange
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TypedDict, cast

from core.db import Database
from core.figures.wording import counted
from core.money import Money
from core.periods import Period

LINES = {"charge": "Payments", "refund": "Refunds", "dispute": "Disputes"}
FEES, OTHERS = ("fee", "tax"), ("other", "transfer")
# The stages between opening and closing balance, with the kinds of movements that each adds up.
STAGES = {
    "Payments": ("charge",),
    "Refunds": ("refund",),
    "Disputes": ("dispute",),
    "Fees and tax": FEES,
    "Other": OTHERS,
    "Payouts": ("payout",),
}


class Line(TypedDict):
    """One line of both sides, in minor units. ours - stripe = timing + conversion + mismatch + remainder."""

    line: str
    ours_minor: int
    ours_entries: int
    stripe_minor: int
    stripe_transactions: int
    timing_minor: int
    conversion_minor: int
    mismatch_minor: int
    remainder_minor: int


class Category(TypedDict):
    """The movements of Stripe's balance with one reporting category."""

    category: str
    counted_as: str
    transactions: int
    amount_minor: int
    fee_minor: int
    net_minor: int


class Payouts(TypedDict):
    payouts: int
    amount_minor: int
    automatic: int
    remainder_minor: int


class Deposits(TypedDict):
    entries: int
    amount_minor: int


class DepositState(TypedDict):
    key: str
    count: int
    amount: int


class PayoutStates(TypedDict):
    by_deposit: list[DepositState]
    not_listed: int
    pending: int


class Figures(TypedDict):
    """The reconciliation of a period in one currency."""

    currency: str
    lines: list[Line]
    categories: list[Category]
    opening_minor: int
    closing_minor: int
    payouts: Payouts
    deposits: Deposits
    payout_states: PayoutStates
    rates_unknown: int
    open: int
    accepted: int
    unexplained_minor: int
    accepted_minor: int


class Change(TypedDict):
    """A figure of a closed month that has changed; `path` says which one: `/currencies/usd/closing_minor`."""

    path: str
    closed: str | None
    now: str | None


class ChangedMonth(TypedDict):
    month: str
    closed_at: str
    closed_by: str
    changes: list[Change]


@dataclass(frozen=True)
class Reconciliation:
    """The stored results of a period; `stale_days` is the number of days that must be compared again."""

    period: Period
    fresh_at: datetime | None
    stale_days: int
    currencies: list[Figures]
    changed_months: list[ChangedMonth]

    @property
    def open(self) -> int:
        return sum(each["open"] for each in self.currencies)

    @property
    def reconciles(self) -> bool:
        """Whether everything is explained: no open mismatch, no remainder, no changed month."""
        remainders = (line["remainder_minor"] for each in self.currencies for line in each["lines"])
        return not self.open and not any(remainders) and not self.changed_months


def refresh(db: Database, now: datetime) -> int:
    """Compare again the days that changed since the last time; returns how many."""
    return int(db.call("refresh_reconciliation", now=now))


def load(db: Database, period: Period) -> Reconciliation:
    """The stored results, without comparing anything again."""
    found = db.call("reconciliation", since=period.since, until=period.until)
    return Reconciliation(
        period=period,
        fresh_at=datetime.fromisoformat(found["fresh_at"]) if found["fresh_at"] else None,
        stale_days=found["stale_days"],
        currencies=cast(list[Figures], found["currencies"]),
        changed_months=cast(list[ChangedMonth], found["changed_months"]),
    )


def period_name(period: Period) -> str:
    """`November 2026` for a whole month, otherwise the days: `1 Nov 2026 to 15 Nov 2026`."""
    last_day = monthrange(period.since.year, period.since.month)[1]
    if period.since.day == 1 and period.until == period.since.replace(day=last_day):
        return f"{period.since:%B %Y}"
    if period.since == period.until:
        return f"{period.since:%-d %b %Y}"
    return f"{period.since:%-d %b %Y} to {period.until:%-d %b %Y}"


def headline(found: Reconciliation) -> str:
    """Whether the period reconciles, in one sentence: `November 2026 reconciles to the cent.`"""
    name = period_name(found.period)
    if not found.currencies:
        return f"Nothing moved in {name}."
    if found.open:
        open_ones = counted(found.open, "mismatch", "mismatches")
        sums = [Money(each["unexplained_minor"], each["currency"]) for each in found.currencies if each["open"]]
        *first, last = [str(each) for each in sums if each.minor] or [""]
        if not last:
            return f"Every amount of {name} is explained, with {open_ones} open."
        amounts = f"{', '.join(first)} and {last}" if first else last
        return f"{amounts} of {name} {'are' if first else 'is'} not explained: {open_ones}."
    if not found.reconciles:
        return f"{name} reconciled when it was closed, and has changed since."
    return f"{name} reconciles to the cent."


class Amounts(TypedDict):
    """The amounts of one movement of the balance, or the sums of a category."""

    amount_minor: int
    fee_minor: int
    net_minor: int


@dataclass(frozen=True)
class Stage:
    """A step from the opening to the closing balance. `minor` is the amount it adds or, if `is_total`, the balance.

    `categories` are the reporting categories whose movements it adds up. With `is_of_fees` only the fees of these
    movements count, but a movement that is itself a fee or tax counts in full.
    """

    name: str
    minor: int
    is_total: bool = False
    categories: tuple[str, ...] = ()
    is_of_fees: bool = False

    def share_of(self, moved: Amounts, counted_as: str) -> int:
        """The part of a movement that this stage adds, in minor units, for a movement in one of its categories."""
        if not self.is_of_fees:
            return moved["amount_minor"]
        return moved["net_minor"] if counted_as in FEES else -moved["fee_minor"]


def stages(figures: Figures) -> list[Stage]:
    """From the opening balance through gross, refunds, disputes, fees and payouts to the closing balance."""
    found = [Stage("Opening balance", figures["opening_minor"], is_total=True)]
    for name, parts in STAGES.items():
        of_fees = parts is FEES
        these = [each for each in figures["categories"] if of_fees or _part(each) in parts]
        stage = Stage(name, 0, categories=tuple(each["category"] for each in these), is_of_fees=of_fees)
        added = sum(stage.share_of(each, _part(each)) for each in these)
        if added or parts is not OTHERS:
            found.append(replace(stage, minor=added))
    return [*found, Stage("Closing balance", figures["closing_minor"], is_total=True)]


def _part(each: Category) -> str:
    return "payout" if each["category"] in ("payout", "payout_reversal") else each["counted_as"]


def lines_in_words(found: Reconciliation) -> Iterator[str]:
    """The reconciliation as lines of text for a terminal."""
    yield headline(found)
    for each in found.currencies:
        currency = each["currency"]
        yield ""
        yield f"{currency.upper()}"
        for line in each["lines"]:
            ours, stripe = Money(line["ours_minor"], currency), Money(line["stripe_minor"], currency)
            yield f"  {LINES[line['line']]:<10} ours {ours!s:>16}   Stripe {stripe!s:>16}" + _why(line, currency)
        for stage in stages(each):
            yield f"  {stage.name:<16} {Money(stage.minor, currency)!s:>16}"
        yield f"  {'Payouts less their transactions':<32} {Money(each['payouts']['remainder_minor'], currency)!s}"
        yield from _payout_lines(each["payout_states"], currency)
        if each["rates_unknown"]:
            yield f"  {unknown_rates(each)}"
    for month in found.changed_months:
        yield changed_since_closed(month)


def changed_since_closed(month: ChangedMonth) -> str:
    """`October 2026 was closed and has changed since: 6 figures.`"""
    changed = counted(len(month["changes"]), "figure")
    return f"{date.fromisoformat(month['month']):%B %Y} was closed and has changed since: {changed}."


def _why(line: Line, currency: str) -> str:
    parts: Iterable[tuple[str, int]] = (
        ("booked on another day", line["timing_minor"]),
        ("in another currency", line["conversion_minor"]),
        ("mismatches", line["mismatch_minor"]),
        ("not explained", line["remainder_minor"]),
    )
    told = [f"{Money(minor, currency)} {words}" for words, minor in parts if minor]
    return f"   ({', '.join(told)})" if told else ""


def unknown_rates(figures: Figures) -> str:
    """A sentence on what to do about movements with an unknown exchange rate; empty if every rate is known."""
    many = figures["rates_unknown"]
    if not many:
        return ""
    return (
        f"{counted(many, 'movement was', 'movements were')} mirrored before exchange rates were, and counted as "
        "converted without a check. Run `payops backfill --only balance_transactions`."
    )


DEPOSIT_STATES = {
    "arrived": "arrived",
    "late": "arrived late",
    "short": "arrived short",
    "over": "arrived with too much",
    "missing": "missing at the bank",
    "returned": "returned by the bank",
    "on_the_way": "on the way",
    "not_imported": "not on an imported statement yet",
    "not_expected": "not expected: failed or canceled",
}


def _payout_lines(states: PayoutStates, currency: str) -> Iterator[str]:
    for each in states["by_deposit"]:
        amount = Money(each["amount"], currency)
        yield f"  {counted(each['count'], 'payout')} {DEPOSIT_STATES[each['key']]}, {amount} in all"
    if states["not_listed"]:
        yield (
            f"  {counted(states['not_listed'], 'payout')} manual or instant: Stripe lists no transactions of these, "
            "so they are matched with the bank by amount and day alone"
        )
    if states["pending"]:
        yield f"  {counted(states['pending'], 'payout')} without a list of transactions yet"
