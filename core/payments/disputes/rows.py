"""The rows of disputes, as the database gives them: times are ISO texts in UTC."""

from typing import TypedDict

from core.payments.payment_life import ConsultationRow
from core.payments.rows import ActionRow, PaymentRow


class DisputeRow(TypedDict):
    """A dispute in a list; `in_flight` while Stripe has not answered about it."""

    id: str
    created: str
    amount_minor: int
    currency: str
    status: str
    reason: str | None
    network_reason_code: str | None
    card_brand: str | None
    evidence_due_by: str | None
    has_evidence: bool
    submission_count: int
    charge_id: str | None
    payment_intent_id: str | None
    in_flight: bool


class RefundOfCharge(TypedDict):
    """A refund of the disputed charge."""

    created: str
    amount_minor: int
    currency: str


class SubscriptionRow(TypedDict):
    """The subscription that the disputed payment was for."""

    id: str
    start_date: str | None
    canceled_at: str | None
    status: str


class Decided(TypedDict):
    """How disputes with the same reason ended so far."""

    won: int
    lost: int


class DisputeFacts(TypedDict):
    """One dispute with its payment and what is known for its defense.

    `undisputed_before` counts the customer's earlier payments without a dispute, `twin_charge_id` is a charge of the
    same amount shortly before, `texts` are ours by kind.
    """

    dispute: DisputeRow
    payment: PaymentRow | None
    charged_at: str | None
    captured_minor: int | None
    refunds: list[RefundOfCharge]
    consultation: ConsultationRow | None
    subscription: SubscriptionRow | None
    undisputed_before: int
    twin_charge_id: str | None
    fee_minor: int | None
    fee_currency: str
    texts: dict[str, str]
    decided: Decided
    actions: list[ActionRow]


class PolicyText(TypedDict):
    """A text of ours for evidence."""

    kind: str
    text: str
    changed_by: str
    changed_at: str


class ReasonCount(TypedDict):
    """The disputes of one reason opened in a period, and how they stand."""

    reason: str
    disputes: int
    amount_minor: int
    won: int
    lost: int
    to_answer: int
    under_review: int


class ReasonRow(ReasonCount):
    """The same with the reason in words and the share won of those decided; None before the first decision."""

    title: str
    win_rate: float | None


class WarningHistory(TypedDict):
    """What became of earlier fraud warnings."""

    warned: int
    disputed: int
    decided: int
    lost: int


class FraudWarningRow(TypedDict):
    """A payment reported as fraud that can still be refunded; the fees are in `fee_currency`."""

    id: str
    created: str
    fraud_type: str | None
    payment_intent_id: str
    currency: str
    card_brand: str | None
    card_last4: str | None
    left_minor: int
    fee_minor: int | None
    fee_currency: str
    dispute_fee_minor: int | None
    consultation: str | None


class FoundWarnings(TypedDict):
    """The fraud warnings somebody can still act on, and what became of earlier ones."""

    history: WarningHistory
    items: list[FraudWarningRow]


class LimitRow(TypedDict):
    """A limit of a card network."""

    level: str
    ratio: float
    events: int
    since: str
    source: str


class NetworkCount(TypedDict):
    """What a network counts of a month."""

    network: str
    disputes: int
    fraud_warnings: int
    payments: int


class NetworkRow(NetworkCount):
    """What a network counts of a month in one currency, in all of them, and its limits."""

    all_currencies: NetworkCount
    limits: list[LimitRow]
