"""Early fraud warnings: payments that the issuer reports as fraud, and what sending one back costs beside a dispute."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.db import Database
from core.money import Money

FEW = 10  # with fewer earlier warnings nothing is expected of them


@dataclass(frozen=True)
class History:
    """Of earlier warnings on payments that were not sent back: how many were disputed, and how those ended."""

    warned: int
    disputed: int
    decided: int
    lost: int

    @property
    def dispute_share(self) -> float | None:
        return self.disputed / self.warned if self.warned >= FEW else None

    @property
    def lost_share(self) -> float:
        """All of them where none was decided yet: nothing to hope for is known."""
        return self.lost / self.decided if self.decided else 1.0


@dataclass(frozen=True)
class FraudWarning:
    """A payment reported as fraud that can still be sent back; `left` is what would go back."""

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
    def row(self) -> dict[str, Any]:
        """As a line of a list: what either costs is below zero."""
        return vars(self) | {
            "created": self.created.isoformat(),
            "currency": self.left.currency,
            "left_minor": -self.left.minor,
            "expected_minor": -self.expected.minor if self.expected else None,
        }


def expected_cost(left: Money, dispute_fee: Money | None, history: History) -> Money | None:
    """What leaving a warned payment alone comes to on average: the fee of a dispute, and the amount where it is lost.

    None where too few earlier warnings are known. That a dispute counts once more at Visa is not in it.
    """
    if history.dispute_share is None:
        return None
    fee = dispute_fee.minor if dispute_fee else 0
    return Money(round(history.dispute_share * (fee + history.lost_share * left.minor)), left.currency)


def listed(db: Database, now: datetime) -> tuple[list[FraudWarning], History]:
    """The warnings somebody can still act on, newest first, and what became of earlier ones."""
    found = db.call("list_fraud_warnings", now=now)
    history = History(**found["history"])
    return [_warning(each, history) for each in found["items"]], history


def comparison(warning: FraudWarning, history: History) -> list[tuple[str, object]]:
    """What sending it back now costs, and what leaving it comes to, side by side."""
    kept = f"{warning.fee_kept}, not returned" if warning.fee_kept else None
    fee = f" and the fee of {warning.dispute_fee}" if warning.dispute_fee else ""
    chance = "not known" if history.dispute_share is None else f"{history.dispute_share:.0%}"
    return [
        ("Payment", warning.payment_intent_id),
        ("Reported as", warning.fraud_type),
        ("If refunded now", f"{warning.left} goes back"),
        ("Stripe's fee of the payment", kept),
        ("If left and disputed", f"{warning.left}{fee} where it is lost"),
        ("Chance of a dispute", chance),
        ("Expected if left", warning.expected or "not known"),
        ("Consultation", warning.consultation),
    ]


def history_in_words(history: History) -> str:
    """What became of earlier warnings, in a sentence."""
    if history.dispute_share is None:
        return f"Only {history.warned:,} earlier warnings are known, too few to say what one comes to."
    lost = f", and {history.lost:,} of the {history.decided:,} decided ones were lost" if history.decided else ""
    return (
        f"Of {history.warned:,} earlier warnings whose payment was not sent back, {history.disputed:,} "
        f"({history.dispute_share:.0%}) became disputes{lost}."
    )


def _warning(row: dict[str, Any], history: History) -> FraudWarning:
    def money(name: str) -> Money | None:
        return Money(row[name], row["currency"]) if row[name] is not None else None

    left, fee = Money(row["left_minor"], row["currency"]), money("dispute_fee_minor")
    return FraudWarning(
        id=row["id"],
        payment_intent_id=row["payment_intent_id"],
        created=datetime.fromisoformat(row["created"]),
        fraud_type=(row["fraud_type"] or "").replace("_", " "),
        card=f"{row['card_brand']} ending {row['card_last4']}" if row["card_last4"] else "",
        left=left,
        fee_kept=money("fee_minor"),
        dispute_fee=fee,
        consultation=row["consultation"],
        expected=expected_cost(left, fee, history),
    )
