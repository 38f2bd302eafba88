"""What a refund of a payment affects: how much is left, why nothing can be refunded, and the consequences."""

import re
from dataclasses import dataclass
from decimal import Decimal

from core.errors import Refused, Unavailable
from core.money import SYMBOLS, Money
from core.payments import amount_limits, ids
from core.payments.context import PaymentContext
from core.payments.disputes.dispute_statuses import TO_ANSWER, WITH_BANK, is_inquiry
from core.payments.rows import DisputedAmount, RefundPreviewRow, VisitRow

NOT_THERE = ("not_mirrored", "not_captured")  # the mirror may be behind, so Stripe is asked first
OPEN = (*TO_ANSWER, *WITH_BANK)
_AMOUNT = re.compile(r"([A-Za-z]{0,3}\s?[$€£¥₹]?)\s?(\d{1,3}(?:,\d{3})+|\d{1,12})(?:\.(\d{1,3}))?", re.ASCII)


@dataclass(frozen=True)
class Preview:
    """What a refund of this payment affects.

    `why_not` says why nothing can be refunded, and is empty if something can; `too_large` is what to say about more
    than is left. `alone_minor` is what support has refunded without approval. `balance` is what is available at Stripe
    in the settlement currency, None if Stripe did not answer. `fee_kept` is in that currency too.
    """

    payment_intent_id: str
    captured: Money
    refunded: Money
    in_flight: Money
    left: Money
    awaiting: Money
    fee_kept: Money | None
    balance: Money | None
    fraud_warning: bool
    disputes: list[DisputedAmount]
    subscription_id: str | None
    consultation: VisitRow | None
    alone_minor: int
    too_large: str
    why_not: str

    @property
    def refundable(self) -> bool:
        return not self.why_not


def preview(context: PaymentContext, payment_intent_id: str) -> Preview:
    """Raises `Refused` for a payment that collected no money, or whose charge is not mirrored yet."""
    ids.require(payment_intent_id, ids.PAYMENT_INTENT, "The payment")
    row: RefundPreviewRow = context.db.call("refund_preview", payment_intent_id=payment_intent_id)
    if row.get("code") in NOT_THERE and mirrored(context, payment_intent_id):
        row = context.db.call("refund_preview", payment_intent_id=payment_intent_id)
    if (code := row.get("code")) in NOT_THERE:
        raise Refused(str(code), row.get("sentence") or "")
    currency = row["currency"]
    settled_in = row["settlement_currency"]
    return Preview(
        payment_intent_id,
        captured=Money(row["captured_minor"], currency),
        refunded=Money(row["refunded_minor"], currency),
        in_flight=Money(row["in_flight_minor"], currency),
        left=Money(row["left_minor"], currency),
        awaiting=Money(row["awaiting_minor"], currency),
        fee_kept=Money(row["fee_minor"], settled_in) if row["fee_minor"] is not None else None,
        balance=_available(context, settled_in),
        fraud_warning=row["fraud_warning"],
        disputes=row["disputes"],
        subscription_id=row["subscription_id"],
        consultation=row["consultation"],
        alone_minor=row["alone_minor"],
        too_large=row["too_large"],
        why_not=row.get("sentence") or "",
    )


def consequences(found: Preview, amount: Money, *, deciding: bool = False) -> list[str]:
    """The consequences of a refund of this amount, the most important first, one sentence each.

    With `deciding`, for the user who approves it, the refund itself is not listed as awaiting approval.
    """
    told = []
    if found.balance is not None and found.balance.currency == amount.currency and found.balance < amount:
        left = f"Only {found.balance}" if found.balance.minor > 0 else "Nothing"
        told.append(f"{left} is available at Stripe. The refund may stay pending until more comes in.")
    awaiting = found.awaiting - amount if deciding else found.awaiting
    if awaiting.minor:
        told.append(f"Another refund of {awaiting} for this payment is awaiting approval.")
    told += _about_disputes(found.disputes)
    if found.fraud_warning:
        told.append("The issuer reported this payment as fraud. A refund now avoids most disputes.")
    if found.fee_kept is not None and found.fee_kept.minor:
        told.append(f"Stripe keeps its fee of {found.fee_kept}.")
    if found.subscription_id:
        told.append("The subscription continues. Cancel it separately if it should end.")
    if found.consultation:
        told.append(_about(found.consultation))
    rest = found.left - amount
    told.append(f"{rest} can still be refunded afterwards." if rest.minor else "Nothing is left to refund afterwards.")
    return told


def _about_disputes(found: list[DisputedAmount]) -> list[str]:
    told = []
    if any(is_inquiry(dispute["status"]) and dispute["status"] in OPEN for dispute in found):
        told.append("The bank has asked about this payment. Only a full refund ends the inquiry.")
    for dispute in found:
        if not is_inquiry(dispute["status"]) and dispute["status"] in OPEN:
            disputed = Money(dispute["amount_minor"], dispute["currency"])
            told.append(f"{disputed} of this payment is disputed. Do not refund the same amount twice.")
    return told


def amount_of(typed: str, currency: str) -> Money | None:
    """`40`, `40.5` or `$1,040.50` in this currency; None if it is not an amount, or one in another currency."""
    matched = _AMOUNT.fullmatch(typed.strip())
    symbol = SYMBOLS.get(currency, "").strip().lower()
    if matched is None or matched[1].strip().lower() not in {"", currency, symbol, symbol[-1:]}:
        return None
    major = Decimal(f"{matched[2].replace(',', '')}.{matched[3] or 0}")
    money = Money.from_major(major, currency)
    return money if money.major == major else None


def problem_with(found: Preview, amount: Money | None) -> str:
    """Why this amount cannot be refunded, in a sentence for the form; empty if it can."""
    if amount is None:
        return "Enter an amount to refund, such as 40 or 40.50."
    if amount.minor < 1:
        return "Enter an amount above zero."
    if amount > found.left:
        return found.too_large
    return amount_limits.problem_with_digits(amount) or ""


def mirrored(context: PaymentContext, payment_intent_id: str) -> bool:
    """Mirror the payment and its charge as Stripe has them now; false if Stripe has no such payment or no answer."""
    try:
        context.mirror_payment(payment_intent_id)
    except (Refused, Unavailable):
        return False
    return True


def _available(context: PaymentContext, currency: str) -> Money | None:
    try:
        balance = context.stripe.retrieve("balance")
    except (Refused, Unavailable):
        return None
    return Money(sum(one["amount"] for one in balance["available"] if one["currency"] == currency), currency)


def _about(consultation: VisitRow) -> str:
    seen_by = f" with {consultation['provider']}" if consultation["provider"] else ""
    if consultation["status"] in ("waiting", "assigned"):
        state = f"{consultation['status']}{seen_by}"
        return f"Consultation {consultation['id']} stays {state}. Cancel it separately if it should not take place."
    return f"It paid for consultation {consultation['id']}, which is {consultation['status']}{seen_by}."
