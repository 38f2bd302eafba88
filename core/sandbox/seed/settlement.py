"""Payouts of the history: each midnight's available balance, by currency."""

from collections import defaultdict

from core.sandbox.engine.balance import movement
from core.sandbox.engine.errors import Json
from core.sandbox.objects import payouts
from core.sandbox.seed.book import Book
from core.sandbox.seed.business import DAY_SECONDS


def pay_out(book: Book) -> None:
    """Assign every available balance transaction to a payout. A negative balance waits for the next one."""
    waiting: dict[str, dict[int, list[Json]]] = defaultdict(lambda: defaultdict(list))
    for txn in book.transactions:
        waiting[txn["currency"]][txn["available_on"]].append(txn)
    for currency in sorted(waiting):
        carried: list[Json] = []
        for midnight in sorted(waiting[currency]):
            carried += waiting[currency][midnight]
            if midnight <= book.until and sum(txn["net"] for txn in carried) > 0:
                _pay(book, carried, currency, midnight)
                carried = []
            elif midnight > book.until:
                break
        _keep_open(book, carried, waiting[currency])
    book.due((book.until // DAY_SECONDS + 1) * DAY_SECONDS, "day", "")


def _keep_open(book: Book, carried: list[Json], by_midnight: dict[int, list[Json]]) -> None:
    book.keep(*(txn for txn in carried if txn["available_on"] <= book.until))
    for midnight, transactions in by_midnight.items():
        if midnight > book.until:
            book.keep(*transactions)


def _pay(book: Book, transactions: list[Json], currency: str, midnight: int) -> None:
    amount = sum(txn["net"] for txn in transactions)
    payout = payouts.build(book.ids.new("payout"), amount, currency, midnight)
    out = movement(
        book.ids.new("balance_transaction"),
        "payout",
        amount=-amount,
        fee=0,
        currency=currency,
        source=payout["id"],
        created=midnight,
        available=midnight,
        status="available",
        description="STRIPE PAYOUT",
    )
    payout["balance_transaction"] = out["id"]
    for txn in (*transactions, out):
        book.keep(txn, sibling=payout["id"])
    book.tell("payout.created", payout, midnight)
    _reconcile(book, payout, midnight + 3600)
    _arrive(book, payout)
    book.keep(payout)


def _reconcile(book: Book, payout: Json, at: int) -> None:
    if at > book.until:
        book.due(at, "payout_reconciled", payout["id"])
        return
    payout["reconciliation_status"] = "completed"
    before = {"reconciliation_status": "in_progress"}
    book.tell("payout.updated", payout, at, before)
    book.tell("payout.reconciliation_completed", payout, at)


def _arrive(book: Book, payout: Json) -> None:
    at = payout["arrival_date"]
    if at > book.until:
        book.due(at, "payout_paid", payout["id"])
        return
    payout |= {"status": "paid", "trace_id": {"status": "supported", "value": payout["id"][-12:].upper()}}
    book.tell("payout.paid", payout, at)
