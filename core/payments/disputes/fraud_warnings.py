"""Early fraud warnings: payments that the issuer reports as fraud, and what a refund costs compared with a dispute."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from core.db import Database
from core.money import Money
from core.payments.disputes.rows import FoundWarnings, FraudWarningRow
from core.payments.payment_methods import card_name

FEW = 10  # fewer earlier warnings say nothing about the next one


@dataclass(frozen=True)
class History:
    """Earlier warnings on payments that were not refunded: how many were disputed, and how the disputes ended."""

    warned: int
    disputed: int
    decided: int
    lost: int

    @property
    def dispute_share(self) -> float | None:
        return self.disputed / self.warned if self.warned >= FEW else None

    @property
    def lost_share(self) -> float:
        """1 until the first dispute is decided."""
        return self.lost / self.decided if self.decided else 1.0


@dataclass(frozen=True)
class FraudWarning:
    """A payment reported as fraud that can still be refunded; `left` is what a refund would return."""

    id: str
    payment_intent_id: str
    created: datetime
    fraud_type: str
    card: str
    left: Money
    fee_kept: Money | None
    dispute_fee: Money | None
    consultation: str | None
    expected: Money | None

    @property
    def row(self) -> Mapping[str, object]:
        """As a row of a table; costs are negative."""
        return vars(self) | {
            "created": self.created.isoformat(),
            "currency": self.left.currency,
            "left_minor": -self.left.minor,
            "expected_minor": -self.expected.minor if self.expected else None,
        }


def reported_as(fraud_type: str) -> str:
    """`Made with stolen card`."""
    return "Other fraud" if fraud_type == "misc" else fraud_type.replace("_", " ").capitalize()


def expected_cost(left: Money, dispute_fee: Money | None, history: History) -> Money | None:
    """The average cost of not refunding a reported payment: a dispute's fee, and the amount if the dispute is lost.

    None where too few earlier warnings are known. A fee in another currency is left out, and so is the second event
    that Visa counts.
    """
    if history.dispute_share is None:
        return None
    fee = dispute_fee.minor if dispute_fee and dispute_fee.currency == left.currency else 0
    return Money(round(history.dispute_share * (fee + history.lost_share * left.minor)), left.currency)


def listed(db: Database, now: datetime, *, limit: int = 500) -> tuple[list[FraudWarning], History]:
    """The warnings somebody can still act on, newest first, `limit` of them; and what became of earlier ones."""
    found: FoundWarnings = db.call("list_fraud_warnings", now=now, limit=limit)
    history = History(**found["history"])
    return [_warning(each, history) for each in found["items"]], history


def comparison(warning: FraudWarning, history: History) -> list[tuple[str, object]]:
    """What a refund costs now, and what waiting for a dispute costs, side by side."""
    kept = f"{warning.fee_kept}, not returned" if warning.fee_kept else None
    fee = f" and the fee of {warning.dispute_fee}" if warning.dispute_fee else ""
    chance = "not known" if history.dispute_share is None else f"{history.dispute_share:.1%}"
    return [
        ("Payment", warning.payment_intent_id),
        ("Reported as", warning.fraud_type),
        ("If refunded now", f"{warning.left} is refunded"),
        ("Stripe's fee for the payment", kept),
        ("If disputed and lost", f"{warning.left}{fee}"),
        ("Chance of a dispute", chance),
        ("Expected cost without a refund", warning.expected or "not known"),
        ("Consultation", warning.consultation),
    ]


def history_in_words(history: History) -> str:
    """What became of earlier warnings, in a sentence."""
    if history.dispute_share is None:
        return f"Only {history.warned:,} earlier warnings are known, too few to estimate what one costs."
    lost = f", and {history.lost:,} of the {history.decided:,} decided ones were lost" if history.decided else ""
    return (
        f"Of {history.warned:,} earlier warnings whose payment was not refunded, {history.disputed:,} "
        f"({history.dispute_share:.1%}) became disputes{lost}."
    )


def _warning(row: FraudWarningRow, history: History) -> FraudWarning:
    def fee(minor: int | None) -> Money | None:
        return Money(minor, row["fee_currency"]) if minor is not None else None

    left, dispute_fee = Money(row["left_minor"], row["currency"]), fee(row["dispute_fee_minor"])
    return FraudWarning(
        id=row["id"],
        payment_intent_id=row["payment_intent_id"],
        created=datetime.fromisoformat(row["created"]),
        fraud_type=reported_as(row["fraud_type"] or ""),
        card=card_name(row["card_brand"], row["card_last4"]),
        left=left,
        fee_kept=fee(row["fee_minor"]),
        dispute_fee=dispute_fee,
        consultation=row["consultation"],
        expected=expected_cost(left, dispute_fee, history),
    )
