"""The bank's side of the sandbox's payouts: each one's deposit on its arrival date, among other people's payments."""

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from html import escape
from typing import Any

from core.finance.bank_days import is_bank_day
from core.money import Money

Json = dict[str, Any]
ACCOUNTS = {"usd": "000123450001", "cad": "000123450002", "eur": "000123450003", "jpy": "000123450004"}
OPENING_MAJOR = 250_000
RENT_DAY = 3


@dataclass(frozen=True)
class Posting:
    """A line of the statement: signed, with the number and the text that the bank writes."""

    day: date
    amount: Money
    text: str
    reference: str | None = None


def deposits(payouts: Iterable[Json], *, until: date) -> list[Posting]:
    """The deposit of each payout that arrived up to this day, with its trace id as the reference."""
    return [
        Posting(
            day,
            Money(payout["amount"], payout["currency"]),
            f"STRIPE TRANSFER TRACE {payout['trace_id']['value']}",
            payout["trace_id"]["value"],
        )
        for payout in payouts
        if payout["status"] == "paid" and (day := _day(payout["arrival_date"])) <= until
    ]


def other_postings(currency: str, since: date, until: date) -> Iterator[Posting]:
    """Rent, and customers who pay by wire: the same on each run, and none of it Stripe's."""
    for day in (since + timedelta(days=n) for n in range((until - since).days + 1)):
        chosen = random.Random(f"{currency} {day}")
        if is_bank_day(day) and chosen.random() < 0.4:
            name = chosen.choice(("ANA LIMA", "JOHN PINSTRIPE", "M. OKAFOR", "ACME SUPPLIES"))
            yield Posting(day, Money(chosen.randint(1_000, 90_000), currency), f"WIRE FROM {name}")
        if day.day == RENT_DAY:
            yield Posting(day, Money.from_major(-4_200, currency), "RENT LANDLORD LLC")


def statement(payouts: Iterable[Json], *, since: date, until: date) -> bytes:
    """A CAMT.053 of these days, with a statement for each currency that was paid out."""
    by_currency: dict[str, list[Posting]] = defaultdict(list)
    for posting in deposits(payouts, until=until):
        by_currency[posting.amount.currency].append(posting)
    for currency, postings in by_currency.items():
        first = min(posting.day for posting in postings)
        postings += other_postings(currency, first, until)
    return camt053(by_currency, since=since, until=until)


def camt053(by_currency: dict[str, list[Posting]], *, since: date, until: date) -> bytes:
    """These postings as a bank writes them: balances that add up, and one statement an account."""
    statements = "".join(
        _account(currency, sorted(postings, key=lambda posting: posting.day), since, until)
        for currency, postings in sorted(by_currency.items())
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08">\n<BkToCstmrStmt>\n'
        f"<GrpHdr><MsgId>SANDBOX-{until}</MsgId><CreDtTm>{until}T06:00:00Z</CreDtTm></GrpHdr>\n"
        f"{statements}</BkToCstmrStmt>\n</Document>\n"
    ).encode()


def _account(currency: str, postings: Sequence[Posting], since: date, until: date) -> str:
    before = sum(posting.amount.minor for posting in postings if posting.day < since)
    opening = Money.from_major(OPENING_MAJOR, currency) + Money(before, currency)
    inside = [posting for posting in postings if since <= posting.day <= until]
    closing = opening + Money(sum(posting.amount.minor for posting in inside), currency)
    entries = "".join(_entry(posting) for posting in inside)
    number = ACCOUNTS.get(currency, "000123459999")
    return (
        f"<Stmt><Id>{currency.upper()}-{since}-{until}</Id>"
        f"<FrToDt><FrDtTm>{since}T00:00:00</FrDtTm><ToDtTm>{until}T23:59:59</ToDtTm></FrToDt>\n"
        f"<Acct><Id><Othr><Id>{number}</Id></Othr></Id><Ccy>{currency.upper()}</Ccy></Acct>\n"
        f"{_balance('OPBD', opening, since)}{_balance('CLBD', closing, until)}{entries}</Stmt>\n"
    )


def _balance(kind: str, amount: Money, day: date) -> str:
    return f"<Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp>{_amount(amount)}<Dt><Dt>{day}</Dt></Dt></Bal>\n"


def _entry(posting: Posting) -> str:
    references = f"<Refs><EndToEndId>{escape(posting.reference)}</EndToEndId></Refs>" if posting.reference else ""
    return (
        f"<Ntry>{_amount(posting.amount)}<Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>{posting.day}</Dt></BookgDt>"
        f"<ValDt><Dt>{posting.day}</Dt></ValDt><NtryDtls><TxDtls>{references}"
        f"<RmtInf><Ustrd>{escape(posting.text)}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>\n"
    )


def _amount(amount: Money) -> str:
    mark = "DBIT" if amount.minor < 0 else "CRDT"
    return f'<Amt Ccy="{amount.currency.upper()}">{abs(amount.major)}</Amt><CdtDbtInd>{mark}</CdtDbtInd>'


def _day(midnight: int) -> date:
    """Stripe's date, which it gives as its midnight in UTC."""
    return datetime.fromtimestamp(midnight, UTC).date()
