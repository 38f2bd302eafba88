"""The reconciliation of one payout: its transactions, its deposit at the bank, and what remains unexplained."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, cast

from core.db import Database
from core.errors import Refused
from core.figures.wording import counted
from core.finance import mismatches, payouts
from core.finance.mismatches import OPEN, Mismatch
from core.finance.payouts import Movement, PayoutDetails
from core.finance.reconciliation import DEPOSIT_STATES
from core.money import Money

WITHOUT_LIST = (
    "Stripe lists no transactions of a manual or instant payout. Only its deposit at the bank can be compared."
)
LIST_PENDING = "Stripe has not finished this payout's list of transactions. Its remainder is not known yet."
KINDS = {"automatic": "Automatic", "manual": "Manual", "instant": "Instant"}


@dataclass(frozen=True)
class PayoutReport:
    """A payout with its open and accepted mismatches."""

    payout: PayoutDetails
    mismatches: list[Mismatch]

    @property
    def reconciles(self) -> bool:
        """Whether everything is explained: no open mismatch, and no remainder unless it was accepted."""
        if any(each["state"] == OPEN for each in self.mismatches):
            return False
        is_explained = any(each["leg"] != "deposits" for each in self.mismatches)
        return is_explained or not self.payout["remainder_minor"]

    def as_json(self) -> dict[str, Any]:
        """What `--json` prints: amounts in minor units."""
        return {"reconciles": self.reconciles, "payout": self.payout, "mismatches": {"items": self.mismatches}}


def load(db: Database, payout_id: str, *, now: datetime, all_movements: bool = False) -> PayoutReport:
    """The payout as it was last reconciled, with its first 1,000 movements or all of them.

    Raises `Refused` if the payout is not in the mirror.
    """
    found = payouts.one(db, payout_id)
    if found is None:
        raise Refused(
            "no_such_payout",
            f"{payout_id[:80]!r} is not a payout that payops knows. If Stripe has it, run "
            "`payops backfill --only payouts,balance_transactions`, then try again.",
        )
    if all_movements and payouts.movements_of(found) > len(found["movements"]):
        found["movements"] = [cast(Movement, each) for batch in payouts.movements(db, payout_id)() for each in batch]
    return PayoutReport(found, mismatches.of_payout(db, payout_id, now=now))


def headline(found: PayoutReport) -> str:
    """Whether the payout reconciles, in one sentence."""
    amount = Money(found.payout["amount_minor"], found.payout["currency"])
    name = f"Payout {found.payout['payout_id']} of {amount}"
    is_open = sum(each["state"] == OPEN for each in found.mismatches)
    if is_open:
        return f"{name} does not reconcile: {counted(is_open, 'mismatch', 'mismatches')}."
    if not found.reconciles:
        return f"{name} does not reconcile: it has a remainder."
    if found.payout["contents_state"] == "not_listed":
        return f"{name} has no open mismatch."
    return f"{name} reconciles to the cent."


def lines(found: PayoutReport) -> Iterator[str]:
    """The payout as lines of text for a terminal."""
    payout, currency = found.payout, found.payout["currency"]
    yield headline(found)
    yield f"  {KINDS[payout['kind']]}, {payout['status'].replace('_', ' ')}, made {_day(payout['day'])}"
    for each in payout["categories"]:
        title = each["category"].replace("_", " ").capitalize()
        amounts = [Money(each[name], currency) for name in ("amount_minor", "fee_minor", "net_minor")]
        many = counted(each["transactions"], "transaction")
        yield f"  {title:<26} {amounts[2]!s:>16}   (amount {amounts[0]}, fee {amounts[1]}; {many})"
    if payout["contents_state"] == "not_listed":
        yield f"  {WITHOUT_LIST}"
    elif payout["remainder_minor"] is None:
        yield f"  {LIST_PENDING}"
    else:
        yield f"  {'Remainder':<26} {Money(payout['remainder_minor'], currency)!s:>16}"
    yield f"  At the bank: {_at_the_bank(payout)}"
    if found.mismatches:
        yield ""
    yield from map(mismatches.line_in_words, found.mismatches)


def _at_the_bank(payout: PayoutDetails) -> str:
    said = DEPOSIT_STATES[payout["deposit_state"]]
    if payout["deposited_on"]:
        return f"{said}, {Money(payout['deposited_minor'], payout['currency'])} on {_day(payout['deposited_on'])}"
    return f"{said}, due {_day(payout['expected_on'])}" if payout["expected_on"] else said


def _day(written: str) -> str:
    return f"{date.fromisoformat(written):%-d %b %Y}"
