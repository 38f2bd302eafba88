"""What the database returns about a customer; times are ISO texts in UTC."""

from typing import TypedDict

from core.payments.rows import PaymentRow, PaymentSum
from core.privacy.notes import NoteRow


class CustomerRow(TypedDict):
    """A customer at Stripe; `delinquent` if their last invoice was not paid."""

    id: str
    created: str
    delinquent: bool
    deleted: bool


class ListedCustomer(TypedDict):
    """A customer in the list of the newest."""

    id: str
    created: str
    patient_id: str | None
    delinquent: bool
    payments: int
    subscriptions: int


class SubscriptionRow(TypedDict):
    """A subscription of the customer."""

    id: str
    created: str
    status: str
    current_period_end: str | None
    cancel_at: str | None
    ended_at: str | None


class DisputeRow(TypedDict):
    """A dispute of one of the customer's payments."""

    id: str
    created: str
    status: str
    reason: str | None
    amount_minor: int
    currency: str
    evidence_due_by: str | None


class CustomerRefundRow(TypedDict):
    """A refund of one of the customer's payments."""

    id: str
    created: str
    status: str
    amount_minor: int
    currency: str
    payment_intent_id: str


class ConsultationRow(TypedDict):
    """A consultation of the customer's patient; `provider` is the name of its provider."""

    id: str
    received_at: str
    status: str
    state: str
    specialty: str
    order_id: str | None
    provider: str | None


class Life(TypedDict):
    """One person with everything that belongs to them, newest first."""

    customer_id: str | None
    patient_id: str | None
    customers: list[CustomerRow]
    payments: list[PaymentRow]
    sums: list[PaymentSum]
    subscriptions: list[SubscriptionRow]
    disputes: list[DisputeRow]
    refunds: list[CustomerRefundRow]
    consultations: list[ConsultationRow]
    notes: list[NoteRow]
