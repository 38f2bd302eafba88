"""Decides which entries of a statement are Stripe's and which parts of their text are stored; nothing else is."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal, TypedDict

from core.finance.bank.statements import Entry, Statement
from core.finance.bank_days import add_bank_days, expected_arrival

EARLY_BANK_DAYS, LATE_BANK_DAYS = 1, 5  # the same as in match_deposits, functions/finance/deposits.sql
TRACE_MIN = 6
MAX_REFERENCES = 8
Recognised = Literal["trace_id", "descriptor", "amount"]

_STRIPE = re.compile(r"(?<![A-Z0-9])STRIPE(?![A-Z0-9])")
_RETURN = re.compile(r"(?<![A-Z0-9])(RETURN|RETURNED|RTN|REVERSAL|REVERSED|REJECTED|R[0-8][0-9])(?![A-Z0-9])")
_TOKEN = re.compile(r"[A-Z0-9]+(?:[_-][A-Z0-9]+)*", re.ASCII)
_IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}", re.ASCII)
# The words of Stripe's own descriptors. No other word of a text is stored, since it could be a name.
_WORDS = frozenset(
    "STRIPE TRANSFER PAYOUT PAYMENTS PAYMENT TECHNOLOGY TECHNOLOGIES EUROPE UK INC LTD LIMITED CAPITAL ACH CREDIT DEBIT"
    " RETURN RETURNED RTN REVERSAL REVERSED REJECTED ST TRACE".split()
)


class Clue(TypedDict):
    """A payout that an entry of the statement could belong to."""

    id: str
    amount_minor: int
    currency: str
    arrival_date: str
    trace_id: str | None
    is_open: bool
    is_deposited: bool


@dataclass(frozen=True)
class Found:
    """An entry of Stripe's: how it was recognized, and the words and references of it that are stored."""

    entry: Entry
    by: Recognised
    reference: str | None
    description: str | None
    is_return: bool

    def as_json(self) -> dict[str, Any]:
        """The entry as it is stored."""
        entry = self.entry
        return {
            "line": entry.line,
            "status": "pending" if entry.is_pending else "booked",
            "booked_on": entry.booked_on,
            "value_on": entry.value_on,
            "amount_minor": entry.amount.minor,
            "currency": entry.amount.currency,
            "bank_id": entry.bank_id if self.by != "amount" else None,
            "bank_id_sha256": digest_of(entry.bank_id),
            "reference": self.reference,
            "description": self.description,
            "recognised_by": self.by,
            "is_return": self.is_return,
        }


def digest_of(bank_id: str | None) -> str | None:
    """A digest of the bank's id of an entry, by which a later correction finds it."""
    return hashlib.sha256(bank_id.encode()).hexdigest() if bank_id else None


def of_stripe(statement: Statement, clues: Sequence[Clue]) -> list[Found]:
    """Stripe's entries, recognized by a payout's trace id, by Stripe's name, or by the amount of an open payout.

    An entry recognized only by its amount is stored without any text, and only if no other entry fits that payout.
    """
    traces = {_plain(clue["trace_id"]): clue["trace_id"] for clue in clues if len(clue["trace_id"] or "") >= TRACE_MIN}
    found: dict[int, Found] = {}
    for place, entry in enumerate(statement.entries):
        recognised = _by_text(entry, traces, statement.account_number)
        if recognised:
            found[place] = recognised
    open_payouts = _open_payouts(clues, found.values())
    for place, entry in enumerate(statement.entries):
        if place not in found and _fits(entry, open_payouts):
            found[place] = Found(entry, "amount", None, None, False)
    return [found[place] for place in sorted(found)]


def _by_text(entry: Entry, traces: Mapping[str, str | None], account_number: str | None) -> Found | None:
    written = [text.upper() for text in (*entry.references, *entry.texts)]
    tokens = [token for text in written for token in _TOKEN.findall(text)]
    is_stripes = any(_STRIPE.search(text) for text in written)
    trace = next((traces[plain] for token in tokens if (plain := _plain(token)) in traces), None)
    if trace is None and is_stripes:  # a trace id may be broken over two lines
        squeezed = [_plain(text) for text in written]
        trace = next((trace for plain, trace in traces.items() if any(plain in text for text in squeezed)), None)
    if trace is None and not is_stripes:
        return None
    returned = entry.is_return or entry.amount.minor < 0 and any(_RETURN.search(text) for text in written)
    references = ([trace] if trace else []) + [token for token in tokens if _is_reference(token, account_number)]
    references = _whole(references)
    words = dict.fromkeys(token for token in tokens if token in _WORDS)
    return Found(
        entry=entry,
        by="trace_id" if trace else "descriptor",
        reference=" ".join(references[:MAX_REFERENCES]) or None,
        description=" ".join(words) or None,
        is_return=returned,
    )


def _whole(references: Iterable[str]) -> list[str]:
    """The references that are not part of another one, as the halves of a number that was broken over two lines are."""
    found = list(dict.fromkeys(references))
    plain = [_plain(each) for each in found]
    return [
        each
        for each, own in zip(found, plain, strict=True)
        if not any(own in other for other in plain if len(other) > len(own))
    ]


def _is_reference(token: str, account_number: str | None) -> bool:
    """Whether the token is a reference number of the payment, not a word, a short number or an account number."""
    plain = _plain(token)
    if not 8 <= len(plain) <= 36 or sum(sign.isdigit() for sign in plain) < 4:
        return False
    own = _plain(account_number)
    return not _IBAN.fullmatch(plain) and not (own and (plain in own or own in plain))


def _plain(text: str | None) -> str:
    """Only the letters and digits, in upper case."""
    return re.sub(r"[^0-9A-Z]", "", (text or "").upper())


def _open_payouts(clues: Iterable[Clue], found: Iterable[Found]) -> dict[tuple[int, str], list[date]]:
    """Arrival dates of open payouts by (amount, currency), without payouts that a recognized entry already fits."""
    taken: dict[tuple[int, str], list[Entry]] = defaultdict(list)
    for each in found:
        taken[_key(each.entry)].append(each.entry)
    dates: dict[tuple[int, str], list[date]] = defaultdict(list)
    for clue in clues:
        key = clue["amount_minor"], clue["currency"]
        arrival = date.fromisoformat(clue["arrival_date"])
        if clue["is_open"] and not any(_in_window(entry, arrival) for entry in taken.get(key, ())):
            dates[key].append(arrival)
    return dates


def _fits(entry: Entry, open_payouts: Mapping[tuple[int, str], Sequence[date]]) -> bool:
    return any(_in_window(entry, arrival) for arrival in open_payouts.get(_key(entry), ()))


def _key(entry: Entry) -> tuple[int, str]:
    return entry.amount.minor, entry.amount.currency


def _in_window(entry: Entry, arrival: date) -> bool:
    if abs(entry.booked_on - arrival) > timedelta(days=15):
        return False
    expected = expected_arrival(arrival)
    return add_bank_days(expected, -EARLY_BANK_DAYS) <= entry.booked_on <= add_bank_days(expected, LATE_BANK_DAYS)
