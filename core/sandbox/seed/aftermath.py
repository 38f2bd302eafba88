"""What follows a paid charge: refunds, early fraud warnings, disputes and how they end."""

from core.sandbox.engine.balance import DISPUTE_FEE_MINOR
from core.sandbox.engine.errors import Json
from core.sandbox.objects.payments import disputes, fraud_warnings, refunds
from core.sandbox.seed.attempts import settled
from core.sandbox.seed.book import Book
from core.sandbox.seed.business import (
    ANSWERED_SHARE,
    DAY_SECONDS,
    DISPUTE_RATE,
    DISPUTE_REASONS,
    FULL_REFUND_SHARE,
    REFUND_RATE,
    WARNING_RATE,
    WON_SHARE,
)

REFUND_REASONS = {"requested_by_customer": 84, "duplicate": 10, "fraudulent": 6}
OPEN_NOW_RATE = 0.0042  # more disputes that wait for an answer today, so that there is work to show
PENDING_NOW_RATE = 0.03


def follow(book: Book, charge: Json, *, refund_rate: float = REFUND_RATE) -> int | None:
    """Write what follows the charge, then the charge; returns when it was disputed, if it was."""
    age = book.until - charge["created"]
    disputed_at = None
    drawn = book.chance.random()
    if drawn < DISPUTE_RATE:
        disputed_at = _dispute(book, charge)
    elif drawn < DISPUTE_RATE + WARNING_RATE:
        _warning(book, charge, charge["created"] + _days(book, 0.5, 12))
        if book.happens(0.4):
            _refund(book, charge, charge["created"] + _days(book, 12, 14), charge["amount"], "fraudulent")
    elif drawn < DISPUTE_RATE + WARNING_RATE + refund_rate:
        _refunds(book, charge)
    elif 15 * DAY_SECONDS < age < 45 * DAY_SECONDS and book.happens(OPEN_NOW_RATE):
        disputed_at = _open_dispute(book, charge, book.until - _days(book, 0.3, 8.4), _reason(book))
    elif age < 3 * DAY_SECONDS and book.happens(PENDING_NOW_RATE):
        _pending_refund(book, charge)
    book.keep(charge)
    return disputed_at


def _days(book: Book, least: float, most: float) -> int:
    return int(book.chance.uniform(least, most) * DAY_SECONDS)


def _refunds(book: Book, charge: Json) -> None:
    """A full refund, a partial refund, or two partial refunds."""
    at = charge["created"] + _days(book, 0.05, 19)
    reason = book.one_of(REFUND_REASONS)
    if book.happens(FULL_REFUND_SHARE):
        _refund(book, charge, at, charge["amount"], reason)
        return
    part = charge["amount"] * book.chance.choice((25, 30, 50, 50)) // 100
    _refund(book, charge, at, part, reason)
    if book.happens(0.08):
        _refund(book, charge, at + _days(book, 1, 6), part, reason)


def _refund(book: Book, charge: Json, at: int, amount: int, reason: str) -> Json | None:
    if at > book.until:
        return None
    refund = refunds.build(book.ids.new("refund"), charge, amount, at, reason=reason, metadata={})
    words = f"REFUND FOR CHARGE ({charge['description'] or charge['id']})"
    txn = settled(book, "refund", -amount, 0, charge["currency"], refund["id"], at, words)
    refund["balance_transaction"] = book.move(txn)
    book.tell("refund.created", refund, at)
    before = {name: charge[name] for name in ("amount_refunded", "refunded")}
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    book.tell("charge.refunded", charge, at, before)
    if book.happens(0.012) and at + 4 * DAY_SECONDS < book.until:
        _refund_fails(book, charge, refund, at + _days(book, 1, 4))
    book.keep(refund)
    return refund


def _refund_fails(book: Book, charge: Json, refund: Json, at: int) -> None:
    words = f"REFUND FAILURE FOR {refund['id']}"
    txn = settled(book, "refund_failure", refund["amount"], 0, refund["currency"], refund["id"], at, words)
    before = {"status": refund["status"]}
    refund |= {
        "failure_balance_transaction": book.move(txn),
        "failure_reason": "expired_or_canceled_card",
        "status": "failed",
    }
    for event in ("refund.failed", "refund.updated", "charge.refund.updated"):
        book.tell(event, refund, at, before)
    was = {name: charge[name] for name in ("amount_refunded", "refunded")}
    charge["amount_refunded"] -= refund["amount"]
    charge["refunded"] = False
    book.tell("charge.updated", charge, at, was)


def _pending_refund(book: Book, charge: Json) -> None:
    """A refund made today that has not reached the customer's bank yet."""
    at = max(charge["created"] + 600, book.until - _days(book, 0.02, 0.9))
    refund = refunds.build(
        book.ids.new("refund"), charge, charge["amount"], at, reason="requested_by_customer", metadata={}
    )
    words = f"REFUND FOR CHARGE ({charge['description'] or charge['id']})"
    txn = settled(book, "refund", -charge["amount"], 0, charge["currency"], refund["id"], at, words)
    refund |= {"balance_transaction": book.move(txn), "pending_reason": "processing", "status": "pending"}
    book.tell("refund.created", refund, at)
    before = {name: charge[name] for name in ("amount_refunded", "refunded")}
    charge |= {"amount_refunded": charge["amount"], "refunded": True}
    book.tell("charge.refunded", charge, at, before)
    fails = book.happens(0.3)
    book.due(book.until + _days(book, 0.1, 2), "refund_fails" if fails else "refund_succeeds", refund["id"])
    book.keep(refund)


def _warning(book: Book, charge: Json, at: int) -> None:
    if at > book.until:
        return
    warning = fraud_warnings.build(
        book.ids.new("radar.early_fraud_warning"),
        charge,
        at,
        actionable=not charge["refunded"],
        fraud_type=book.chance.choice(fraud_warnings.FRAUD_TYPES),
    )
    book.tell("radar.early_fraud_warning.created", warning, at)
    book.keep(warning)


def _reason(book: Book) -> str:
    return book.one_of(DISPUTE_REASONS)


def _dispute(book: Book, charge: Json) -> int | None:
    """A dispute some weeks later; fraud is often preceded by an early fraud warning."""
    opened = charge["created"] + _days(book, 9, 52)
    reason = _reason(book)
    if reason == "fraudulent" and book.happens(0.45):
        _warning(book, charge, opened - _days(book, 1, 6))
    if opened > book.until:
        return None
    return _open_dispute(book, charge, opened, reason)


def _open_dispute(book: Book, charge: Json, at: int, reason: str) -> int:
    inquiry = charge["payment_method_details"]["card"]["brand"] in ("amex", "discover") and book.happens(0.45)
    dispute = disputes.build(
        book.ids.new("dispute"), charge, at, reason=reason, amount=charge["amount"], inquiry=inquiry
    )
    book.tell("charge.dispute.created", dispute, at)
    if not inquiry:
        txn = _adjustment(book, dispute, -dispute["amount"], at, "dispute", "Chargeback withdrawal for")
        dispute["balance_transactions"] = [txn]
        book.tell("charge.dispute.funds_withdrawn", dispute, at, {"balance_transactions": []})
    charge["disputed"] = True
    book.tell("charge.updated", charge, at, {"disputed": False})
    _answer(book, dispute, at)
    book.keep(dispute)
    return at


def _adjustment(book: Book, dispute: Json, amount: int, at: int, category: str, words: str) -> Json:
    currency = dispute["currency"]
    fee = DISPUTE_FEE_MINOR[currency] if category == "dispute" else 0
    txn = settled(
        book,
        "adjustment",
        amount,
        fee,
        currency,
        dispute["id"],
        at,
        f"{words} {dispute['charge']}",
        category=category,
        fee_description="Dispute fee",
    )
    book.move(txn)
    return txn


def _answer(book: Book, dispute: Json, at: int) -> None:
    """Most disputes are answered in time; what lies in the future is scheduled."""
    due_by = dispute["evidence_details"]["due_by"]
    answers = book.happens(ANSWERED_SHARE)
    moment = at + _days(book, 3, 8)
    if not answers or moment > book.until:
        if due_by > book.until:
            book.due(due_by, "dispute_deadline", dispute["id"])
        else:
            _decided(book, dispute, due_by, "lost")
        return
    before = {"status": dispute["status"]}
    dispute["evidence"]["product_description"] = "Telehealth visit with a licensed provider"
    dispute["evidence"]["uncategorized_text"] = "Visit completed; the patient joined from a verified account."
    dispute["evidence_details"] |= {"has_evidence": True, "submission_count": 1}
    dispute["status"] = "warning_under_review" if dispute["status"].startswith("warning") else "under_review"
    book.tell("charge.dispute.updated", dispute, moment, before)
    decided = moment + _days(book, 18, 64)
    if decided > book.until:
        book.due(decided, "dispute_decided", dispute["id"])
    else:
        _decided(book, dispute, decided, "won" if book.happens(WON_SHARE) else "lost")


def _decided(book: Book, dispute: Json, at: int, outcome: str) -> None:
    before = {"status": dispute["status"]}
    dispute["evidence_details"]["past_due"] = True
    dispute["status"] = "warning_closed" if dispute["status"].startswith("warning") else outcome
    if dispute["status"] == "won":
        txn = _adjustment(book, dispute, dispute["amount"], at, "dispute_reversal", "Chargeback reversal for")
        dispute["balance_transactions"] = [*dispute["balance_transactions"], txn]
    book.tell("charge.dispute.closed", dispute, at, before)
    if dispute["status"] == "won":
        book.tell("charge.dispute.funds_reinstated", dispute, at)
