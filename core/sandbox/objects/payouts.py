"""Payouts: each night the available balance of each currency is paid out."""

from calendar import timegm
from collections import defaultdict
from datetime import UTC, datetime, timedelta

from core.finance.bank_days import next_bank_day
from core.sandbox.engine import balance
from core.sandbox.engine.balance import DAY_SECONDS
from core.sandbox.engine.errors import Json
from core.sandbox.engine.idempotency import KEPT_SECONDS
from core.sandbox.engine.lists import in_range, list_objects
from core.sandbox.engine.params import Params
from core.sandbox.engine.unit_of_work import UnitOfWork

BANKS = {"usd": "ba_1SandboxUsd", "cad": "ba_1SandboxCad", "eur": "ba_1SandboxEur", "jpy": "ba_1SandboxJpy"}


def build(payout_id: str, amount: int, currency: str, created: int) -> Json:
    """A payout in transit, which arrives on the next working day."""
    return {
        "id": payout_id,
        "object": "payout",
        "amount": amount,
        "application_fee": None,
        "application_fee_amount": None,
        "arrival_date": arrival(created),
        "automatic": True,
        "balance_transaction": None,
        "created": created,
        "currency": currency,
        "description": "STRIPE PAYOUT",
        "destination": BANKS.get(currency, f"ba_1Sandbox{currency.capitalize()}"),
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "livemode": False,
        "metadata": {},
        "method": "standard",
        "original_payout": None,
        "payout_method": None,
        "reconciliation_status": "in_progress",
        "reversed_by": None,
        "source_type": "card",
        "statement_descriptor": None,
        "status": "in_transit",
        "trace_id": {"status": "pending", "value": None},
        "type": "bank_account",
    }


def arrival(created: int) -> int:
    """Midnight UTC of the next day on which banks are open."""
    next_day = (datetime.fromtimestamp(created, UTC) + timedelta(days=1)).date()
    return timegm(next_bank_day(next_day).timetuple())


def close_day(uow: UnitOfWork, _: str) -> None:
    """At midnight UTC, make pending transactions available and pay them out."""
    uow.schedule((uow.now // DAY_SECONDS + 1) * DAY_SECONDS, "day", "")
    uow.store.rows("drop_old_answers", before=uow.now - KEPT_SECONDS)
    if _make_available(uow):
        uow.announce("balance.available", balance.retrieve(uow, Params({})))
    by_currency: dict[str, list[Json]] = defaultdict(list)
    for txn in balance.open_transactions(uow):
        by_currency[txn["currency"]].append(txn)
    for currency, transactions in sorted(by_currency.items()):
        if sum(txn["net"] for txn in transactions) > 0:
            _pay_out(uow, currency, transactions)


def _make_available(uow: UnitOfWork) -> int:
    ready = [txn for txn in uow.with_status("balance_transaction", "pending") if txn["available_on"] <= uow.now]
    for txn in ready:
        txn["status"] = "available"
        uow.change(txn)
    return len(ready)


def _pay_out(uow: UnitOfWork, currency: str, transactions: list[Json]) -> None:
    amount = sum(txn["net"] for txn in transactions)
    payout = build(uow.ids.new("payout"), amount, currency, uow.now)
    out = balance.book(
        uow,
        "payout",
        amount=-amount,
        currency=currency,
        source=payout["id"],
        at_once=True,
        description="STRIPE PAYOUT",
    )
    payout["balance_transaction"] = out["id"]
    for txn in [*transactions, out]:
        uow.store.rows("set_sibling", id=txn["id"], sibling=payout["id"])
    uow.add(payout, "payout.created")
    uow.schedule(uow.now + 3600, "payout_reconciled", payout["id"])
    uow.schedule(payout["arrival_date"], "payout_paid", payout["id"])


def reconcile_when_due(uow: UnitOfWork, payout_id: str) -> None:
    """Mark the payout's reconciliation as complete, so that its balance transactions can be listed."""
    payout = uow.known(payout_id)
    payout["reconciliation_status"] = "completed"
    uow.change(payout, "payout.updated", "payout.reconciliation_completed")


def pay_when_due(uow: UnitOfWork, payout_id: str) -> None:
    payout = uow.known(payout_id)
    payout |= {"status": "paid", "trace_id": {"status": "supported", "value": payout_id[-12:].upper()}}
    uow.change(payout, "payout.paid")


def retrieve(uow: UnitOfWork, payout_id: str, params: Params) -> Json:
    return uow.get("payout", payout_id)


def list_all(uow: UnitOfWork, params: Params) -> Json:
    keep = in_range("arrival_date", params) if params.has("arrival_date") else None
    return list_objects(uow, "payout", "/v1/payouts", params, ("status", "destination"), keep)
