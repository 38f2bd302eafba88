"""Balance transactions and their fees."""

from collections import defaultdict

import orjson

from core.sandbox.engine.errors import Json
from core.sandbox.engine.params import Params
from core.sandbox.engine.unit_of_work import UnitOfWork

DAY_SECONDS = 86_400
SETTLEMENT_DAYS = 2
FIXED_FEE_MINOR = {"usd": 30, "cad": 30, "eur": 25, "gbp": 20, "jpy": 40}
DISPUTE_FEE_MINOR = {"usd": 1500, "cad": 1500, "eur": 2000, "gbp": 2000, "jpy": 1700}
FAILED_DEBIT_FEE_MINOR = 400
REPORTED_AS = {
    "adjustment": "dispute",
    "charge": "charge",
    "payment": "charge",
    "payment_failure_refund": "charge_failure",
    "payment_refund": "refund",
    "payout": "payout",
    "refund": "refund",
    "refund_failure": "refund_failure",
    "stripe_fee": "fee",
}


def processing_fee(amount_minor: int, currency: str, country: str | None) -> int:
    """2.9 % plus a fixed fee, 1.5 % more for foreign cards, rounded half up."""
    basis_points = 290 if country in (None, "US") else 440
    return (amount_minor * basis_points + 5000) // 10_000 + FIXED_FEE_MINOR.get(currency, 30)


def debit_fee(amount_minor: int) -> int:
    """0.8 % of a bank debit, rounded half up, and at most 5 dollars."""
    return min((amount_minor * 80 + 5000) // 10_000, 500)


def available_on(created: int, days: int = SETTLEMENT_DAYS) -> int:
    """Midnight UTC, `days` after the day of `created`."""
    return (created // DAY_SECONDS + days) * DAY_SECONDS


def movement(
    txn_id: str,
    kind: str,
    *,
    amount: int,
    fee: int,
    currency: str,
    source: str,
    created: int,
    available: int,
    status: str = "pending",
    category: str | None = None,
    description: str | None = None,
    fee_description: str = "Stripe processing fees",
) -> Json:
    """A balance transaction; `amount` and `fee` in minor units, `net` is what is left."""
    fees = [
        {"amount": fee, "application": None, "currency": currency, "description": fee_description, "type": "stripe_fee"}
    ]
    return {
        "id": txn_id,
        "object": "balance_transaction",
        "amount": amount,
        "available_on": available,
        "balance_type": "payments",
        "created": created,
        "currency": currency,
        "description": description,
        "exchange_rate": None,
        "fee": fee,
        "fee_details": fees if fee else [],
        "net": amount - fee,
        "reporting_category": category or REPORTED_AS[kind],
        "source": source,
        "status": status,
        "type": kind,
    }


def book(
    uow: UnitOfWork,
    kind: str,
    *,
    amount: int,
    currency: str,
    source: str,
    fee: int = 0,
    at_once: bool = False,
    settles: int | None = None,
    category: str | None = None,
    description: str | None = None,
    fee_description: str = "Stripe processing fees",
) -> Json:
    """Write a movement now; it becomes available two days after it settles, which is now unless told."""
    available = uow.now if at_once else available_on(uow.now if settles is None else settles)
    return uow.add(
        movement(
            uow.ids.new("balance_transaction"),
            kind,
            amount=amount,
            fee=fee,
            currency=currency,
            source=source,
            created=uow.now,
            available=available,
            status="available" if at_once else "pending",
            category=category,
            description=description,
            fee_description=fee_description,
        )
    )


def book_charge(uow: UnitOfWork, charge: Json, *, at_once: bool) -> Json:
    """Book the charge's whole amount less Stripe's fee."""
    card = charge["payment_method_details"]["card"]
    return book(
        uow,
        "charge",
        amount=charge["amount"],
        currency=charge["currency"],
        source=charge["id"],
        fee=processing_fee(charge["amount"], charge["currency"], card["country"]),
        at_once=at_once,
        description=charge["description"],
    )


def book_partial_capture(uow: UnitOfWork, charge: Json) -> Json:
    """Book the part of the charge that was never captured as returned, with the fee taken on it."""
    currency, country = charge["currency"], charge["payment_method_details"]["card"]["country"]
    fee_due = processing_fee(charge["amount_captured"], currency, country)
    return book(
        uow,
        "refund",
        amount=charge["amount_captured"] - charge["amount"],
        currency=currency,
        source=charge["id"],
        fee=fee_due - processing_fee(charge["amount"], currency, country),
        category="partial_capture_reversal",
        description=f"PARTIAL CAPTURE REVERSAL FOR CHARGE ({charge['description'] or charge['id']})",
    )


def book_debit(uow: UnitOfWork, charge: Json, *, settles: int) -> Json:
    """Book a bank debit when it begins; it settles with the bank's answer."""
    return book(
        uow,
        "payment",
        amount=charge["amount"],
        currency=charge["currency"],
        source=charge["id"],
        fee=debit_fee(charge["amount"]),
        settles=settles,
        description=charge["description"],
    )


def book_failed_debit(uow: UnitOfWork, charge: Json) -> Json:
    """Book the debit's whole amount as returned; Stripe keeps its fee and charges another one for the failure."""
    return book(
        uow,
        "payment_failure_refund",
        amount=-charge["amount"],
        currency=charge["currency"],
        source=charge["id"],
        fee=FAILED_DEBIT_FEE_MINOR,
        description=f"Payment failure for {charge['id']}",
        fee_description="Failed ACH debit fee",
    )


def retrieve(uow: UnitOfWork, params: Params) -> Json:
    """`/v1/balance`: available and pending amounts by currency."""
    totals: dict[str, dict[str, int]] = {"available": defaultdict(int), "pending": defaultdict(int)}
    for txn in uow.with_status("balance_transaction", "pending"):
        totals["pending"][txn["currency"]] += txn["net"]
    for row in open_transactions(uow):
        totals["available"][row["currency"]] += row["net"]
    shown = {
        name: [
            {"amount": amount, "currency": currency, "source_types": {"card": amount}}
            for currency, amount in sorted({"usd": 0, **by_currency}.items())
        ]
        for name, by_currency in totals.items()
    }
    return {"object": "balance", "livemode": False, **shown, "refund_and_dispute_prefunding": None}


def open_transactions(uow: UnitOfWork) -> list[Json]:
    """Available balance transactions that are in no payout yet."""
    return [orjson.loads(row[0]) for row in uow.store.rows("unpaid_transactions")]
