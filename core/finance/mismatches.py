"""Mismatches: differences between our ledger, Stripe and the bank, in sentences, and the actions of staff on them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypedDict

from core.db import Database
from core.figures.wording import counted
from core.money import Money
from core.periods import Period
from core.staff.roles import Actor, require

PAGE = "reconciliation"
OPEN, ACCEPTED, FIXED = "open", "accepted", "fixed"
UNFIXED = (OPEN, ACCEPTED)
STATES = {OPEN: "Open", ACCEPTED: "Accepted", FIXED: "Fixed"}
CLASSES = {
    "missing_here": "Missing here",
    "missing_at_stripe": "Missing at Stripe",
    "amount": "Another amount",
    "currency": "Another currency",
    "fee": "Another fee",
    "timing": "Booked in another period",
    "duplicate": "Twice",
    "payout_without_transactions": "Payout without transactions",
    "deposit_missing": "Deposit missing",
    "deposit_late": "Deposit late",
    "deposit_short": "Deposit short",
    "deposit_returned": "Deposit returned",
    "unknown_operation": "Unknown operation",
}
OBJECTS = {
    "pi": "Payment",
    "ch": "Charge",
    "py": "Charge",
    "re": "Refund",
    "pyr": "Refund",
    "dp": "Dispute",
    "du": "Dispute",
    "po": "Payout",
    "txn": "Balance transaction",
    "bank": "Bank entry",
}
LEGS = {"operations": "Stripe's balance", "payouts": "Payout", "deposits": "Bank"}


class Note(TypedDict):
    at: str
    written_by: str
    note: str


class Mismatch(TypedDict):
    """One mismatch. `difference_minor` is the unexplained amount; 0 if only the day differs."""

    key: str
    leg: str
    day: str
    currency: str
    subject: str
    subject_kind: str
    payment_intent_id: str | None
    payout_id: str | None
    amount_minor: int
    difference_minor: int
    facts: dict[str, Any]
    state: str
    first_seen: str
    last_seen: str
    fixed_at: str | None
    assignee: str | None
    accepted_by: str | None
    accepted_at: str | None
    accepted_reason: str | None
    age_days: int
    notes: list[Note]


@dataclass(frozen=True)
class Sides:
    """The two amounts of a mismatch as text; empty for a side without an amount."""

    ours: str
    theirs: str


def listed(
    db: Database,
    period: Period,
    *,
    now: datetime,
    states: Sequence[str] = UNFIXED,
    currency: str | None = None,
    most: int = 1000,
) -> list[Mismatch]:
    """At most `most` (100,000) mismatches of the period, open ones first, then the largest first."""
    found: list[Mismatch] = db.call(
        "list_mismatches",
        since=period.since,
        until=period.until,
        states=list(states),
        currency=currency,
        now=now,
        most=most,
    )
    return found


def of_payout(db: Database, payout_id: str, *, now: datetime) -> list[Mismatch]:
    """The mismatches of a payout, its transactions and its deposit."""
    found: list[Mismatch] = db.call(
        "list_mismatches", since=date.min, until=date.min, states=list(UNFIXED), payout_id=payout_id, now=now
    )
    return found


def one(db: Database, key: str, *, now: datetime) -> Mismatch | None:
    found: Mismatch | None = db.call("one_mismatch", key=key, now=now)
    return found


def class_of(mismatch: Mismatch) -> str:
    """The class of a mismatch, such as `missing_here`; a function, since a TypedDict cannot have a field `class`."""
    return mismatch["key"].partition(":")[0]


def ids(mismatch: Mismatch) -> dict[str, str]:
    """The ids of the objects that the mismatch is about, each once, by their kind."""
    facts = mismatch["facts"]
    named = mismatch["payment_intent_id"], facts.get("object"), mismatch["subject"], facts.get("movement")
    found: dict[str, str] = {}
    for each in (*named, mismatch["payout_id"]):
        if each and each not in found.values():
            name = OBJECTS.get(str(each).partition("_")[0], "Object")
            found[name if name not in found else f"Other {name.lower()}"] = str(each)
    return found


def sides(mismatch: Mismatch) -> Sides:
    facts = mismatch["facts"]
    return Sides(_side(facts, "ours"), _side(facts, "theirs"))


def _side(facts: dict[str, Any], side: str) -> str:
    minor, currency = facts.get(f"{side}_minor"), facts.get(f"{side}_currency")
    return "" if minor is None or currency is None else str(Money(minor, currency))


def line_in_words(mismatch: Mismatch) -> str:
    """A mismatch as a line of text for a terminal."""
    state = "" if mismatch["state"] == OPEN else f" (accepted: {mismatch['accepted_reason']})"
    return f"{mismatch['day']}  {CLASSES[class_of(mismatch)]}: {sentence(mismatch)}{state}"


def sentence(mismatch: Mismatch) -> str:
    """What is wrong, in one sentence."""
    return _SENTENCES[class_of(mismatch)](mismatch, *_both(mismatch["facts"]))


def _both(facts: dict[str, Any]) -> tuple[str, str]:
    return _side(facts, "ours"), _side(facts, "theirs")


def _deposit_missing(mismatch: Mismatch, ours: str, theirs: str) -> str:
    return f"The payout of {ours} was expected at the bank on {_day(mismatch['facts'], 'ours')} and has not arrived."


def _deposit_late(mismatch: Mismatch, ours: str, theirs: str) -> str:
    facts = mismatch["facts"]
    late = counted(facts.get("bank_days_late", 0), "bank day")
    expected, arrived = _day(facts, "ours"), _day(facts, "theirs")
    return f"The payout of {ours} was expected on {expected} and arrived on {arrived}, {late} late."


def _currency(mismatch: Mismatch, ours: str, theirs: str) -> str:
    facts = mismatch["facts"]
    codes = [str(facts.get(f"{side}_currency", "")).upper() for side in ("ours", "theirs")]
    return f"Our ledger has {ours} in {codes[0]}, and Stripe booked {theirs} in {codes[1]}."


def _missing_here(mismatch: Mismatch, ours: str, theirs: str) -> str:
    if mismatch["subject_kind"] == "payout_content":
        return (
            f"Payout {mismatch['payout_id']} contains {mismatch['subject']}, and our list of its transactions does not."
        )
    if mismatch["subject_kind"] == "balance_transaction":
        return f"Stripe moved {ours or theirs or 'money'} as {mismatch['subject']}, which our mirror does not have."
    return (
        f"Stripe booked {theirs or ours} for {mismatch['subject']} ({_line(mismatch)}), which our ledger does not have."
    )


def _missing_at_stripe(mismatch: Mismatch, ours: str, theirs: str) -> str:
    if mismatch["leg"] == "deposits":
        return f"{theirs} arrived at the bank, and no payout explains it."
    if mismatch["facts"].get("line") == "payout_reversal":
        return f"The payout of {ours} failed, and Stripe's balance does not show that it came back."
    return f"Our ledger has {ours} for {mismatch['subject']}, and Stripe's balance does not show it."


def _amount(mismatch: Mismatch, ours: str, theirs: str) -> str:
    if mismatch["leg"] == "payouts" and "remainder_minor" in mismatch["facts"]:
        return f"The payout is {ours}, and its transactions total {theirs}."
    if mismatch["leg"] == "deposits":
        return f"The payout is {ours}, and {theirs} arrived at the bank."
    if mismatch["facts"].get("line") == "payout_reversal":
        return f"The payout of {ours} failed, and {theirs} of it came back to Stripe's balance."
    return f"Our ledger has {ours}, and Stripe booked {theirs}."


def _duplicate(mismatch: Mismatch, ours: str, theirs: str) -> str:
    if mismatch["leg"] == "deposits":
        if not ours:
            return f"{theirs} arrived at the bank once more, after payout {mismatch['facts']['object']} had arrived."
        return f"The payout of {ours} arrived more than once: the bank booked {theirs} for it."
    return f"{mismatch['subject']} is there twice: {ours or theirs} is counted once too often."


def _deposit_returned(mismatch: Mismatch, ours: str, theirs: str) -> str:
    if mismatch["leg"] == "payouts":
        return f"Stripe took the payout of {ours} back as failed ({theirs}), and our ledger has it as sent."
    return f"The bank returned the deposit of {ours or theirs}."


def _fee(mismatch: Mismatch, ours: str, theirs: str) -> str:
    facts, currency = mismatch["facts"], mismatch["currency"]
    fee = Money(facts["fee_minor"], currency)
    if "usual_fee_minor" in facts:
        usual = Money(facts["usual_fee_minor"], currency)
        return f"The fee is {fee}. Payments like it cost {usual}, and the payout says that this one did too."
    amount, net = Money(facts["theirs_minor"], currency), Money(facts["net_minor"], currency)
    return f"{amount} less the fee of {fee} is not the net of {net}."


def _unknown(mismatch: Mismatch, ours: str, theirs: str) -> str:
    if mismatch["subject_kind"] == "action":
        return f"The outcome of our {_line(mismatch)} of {ours} is not known yet: Stripe did not answer."
    return f"Stripe booked {theirs} as “{_line(mismatch)}”, a kind of movement that our ledger does not know."


def _line(mismatch: Mismatch) -> str:
    return str(mismatch["facts"].get("line", "")).replace("_", " ")


def _day(facts: dict[str, Any], side: str) -> str:
    told = facts.get(f"{side}_day")
    return f"{date.fromisoformat(told):%-d %b %Y}" if told else "an unknown day"


_SENTENCES: dict[str, Callable[[Mismatch, str, str], str]] = {
    "missing_here": _missing_here,
    "missing_at_stripe": _missing_at_stripe,
    "amount": _amount,
    "currency": _currency,
    "fee": _fee,
    "timing": lambda one, ours, theirs: f"Our ledger has {ours} in this period, and Stripe booked it in another one.",
    "duplicate": _duplicate,
    "payout_without_transactions": lambda one, ours, theirs: f"Stripe lists no transactions for the payout of {ours}.",
    "deposit_missing": _deposit_missing,
    "deposit_late": _deposit_late,
    "deposit_short": lambda one, ours, theirs: f"Of the payout of {ours}, {theirs} arrived at the bank.",
    "deposit_returned": _deposit_returned,
    "unknown_operation": _unknown,
}


def accept(db: Database, actor: Actor, key: str, reason: str, now: datetime) -> None:
    """Accept the difference for this reason. Raises `Unauthorised`, or `Refused` without a reason."""
    require(actor, PAGE)
    db.call("accept_mismatch", actor=actor.name, actor_role=actor.role, key=key, reason=reason, now=now)


def reopen(db: Database, actor: Actor, key: str, reason: str, now: datetime) -> None:
    """Reopen an accepted mismatch. Raises `Unauthorised`, or `Refused` without a reason."""
    require(actor, PAGE)
    db.call("reopen_mismatch", actor=actor.name, actor_role=actor.role, key=key, reason=reason, now=now)


def assign(db: Database, actor: Actor, key: str, assignee: str | None, now: datetime) -> None:
    """Assign the mismatch to this user; None unassigns it. Raises `Unauthorised`."""
    require(actor, PAGE)
    db.call("assign_mismatch", actor=actor.name, actor_role=actor.role, key=key, assignee=assignee, now=now)


def write_note(db: Database, actor: Actor, key: str, note: str, now: datetime) -> None:
    """Add a note to the mismatch. Raises `Unauthorised`, or `Refused` for an empty note."""
    require(actor, PAGE)
    db.call("note_mismatch", actor=actor.name, actor_role=actor.role, key=key, note=note, now=now)
