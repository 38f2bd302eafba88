"""Everything known about one payment: its objects at Stripe, our actions and events, and colleagues' notes."""

from datetime import datetime
from typing import TypedDict

from core.db import Database
from core.money import Money
from core.payments.rows import ActionRow, PaymentRow
from core.privacy import notes
from core.privacy.notes import NoteRow
from core.staff import roles
from core.staff.audit_words import actor_name
from core.staff.roles import Actor, Right

PAGE = "payments"


class Mirrored(TypedDict):
    """An object at Stripe as it was at `as_of`, from the event `event_id`."""

    id: str
    created: str
    as_of: str
    event_id: str


class IntentRow(Mirrored):
    """The payment intent."""

    amount_minor: int
    currency: str
    status: str
    capture_method: str | None
    cancellation_reason: str | None
    canceled_at: str | None


class ChargeRow(Mirrored):
    """One attempt to charge."""

    amount_minor: int
    amount_captured_minor: int
    currency: str
    status: str
    captured: bool
    failure_code: str | None
    decline_code: str | None
    advice_code: str | None
    method_type: str | None
    card_brand: str | None
    card_last4: str | None


class FailedConfirmationRow(Mirrored):
    """An attempt that failed before there was a charge, at authentication."""

    code: str | None
    decline_code: str | None


class StripeRefundRow(Mirrored):
    """A refund as Stripe has it."""

    amount_minor: int
    currency: str
    status: str
    reason: str | None
    failure_reason: str | None


class StripeDisputeRow(Mirrored):
    """A dispute as Stripe has it."""

    amount_minor: int
    currency: str
    status: str
    reason: str | None
    network_reason_code: str | None


class WarningRow(Mirrored):
    """An early fraud warning of the issuer."""

    fraud_type: str | None


class SessionRow(Mirrored):
    """A checkout session."""

    status: str | None
    payment_status: str | None


class InvoiceRow(Mirrored):
    """An invoice that the payment pays."""

    subscription_id: str | None
    billing_reason: str | None
    currency: str
    amount_due_minor: int
    finalized_at: str | None
    paid_at: str | None


class BalanceRow(Mirrored):
    """A movement on the balance; `payout_id` is the payout that holds it."""

    amount_minor: int
    fee_minor: int
    net_minor: int
    currency: str
    type: str
    reporting_category: str
    exchange_rate: float | None
    source_id: str | None
    payout_id: str | None


class EventRow(TypedDict):
    """An event about one of the payment's objects, and how it was handled."""

    id: str
    type: str
    created: str
    received_at: str
    came_by: str
    outcome: str | None
    reason: str | None


class CallRow(TypedDict):
    """A call of ours to Stripe about one of the payment's objects."""

    at: str
    operation: str
    duration_ms: float
    request_id: str | None
    error: str | None


class RequestRow(TypedDict):
    """A request to the payment API that was answered with this payment."""

    caller: str
    at: str
    answered_at: str
    status: int


class Effect(TypedDict, total=False):
    """The part of an audit entry's new values that is shown."""

    problem: str


class AuditRow(TypedDict):
    """An entry of the audit log about the payment or one of its objects."""

    at: str
    actor: str
    action: str
    outcome: str
    reason: str | None
    after: Effect | None


class ConsultationRow(TypedDict):
    """A consultation of the payment's order; `provider` is the name of its provider."""

    id: str
    status: str
    received_at: str
    assigned_at: str | None
    ended_at: str | None
    provider: str | None


class Life(TypedDict):
    """One payment with everything that belongs to it, each kind oldest first."""

    payment: PaymentRow
    intent: IntentRow
    charges: list[ChargeRow]
    failed_confirmations: list[FailedConfirmationRow]
    refunds: list[StripeRefundRow]
    disputes: list[StripeDisputeRow]
    warnings: list[WarningRow]
    sessions: list[SessionRow]
    invoices: list[InvoiceRow]
    balance_transactions: list[BalanceRow]
    events: list[EventRow]
    calls: list[CallRow]
    requests: list[RequestRow]
    audit: list[AuditRow]
    actions: list[ActionRow]
    consultations: list[ConsultationRow]
    notes: list[NoteRow]


def life(db: Database, actor: Actor, payment_intent_id: str) -> Life | None:
    """Everything known about one payment; None if there is no such payment."""
    roles.require(actor, PAGE, Right.SEE)
    found: Life | None = db.call("payment_life", payment_intent_id=payment_intent_id)
    return found


def open_actions(found: Life) -> list[str]:
    """The unfinished actions on this payment, one sentence each."""
    told = []
    for one in found["actions"]:
        what = one["kind"].replace("_", " ")
        amount = f" of {Money(one['amount_minor'], one['currency'])}" if one["amount_minor"] and one["currency"] else ""
        if one["state"] == "awaiting_approval":
            told.append(f"A {what}{amount}, requested by {actor_name(one['requested_by'])}, is awaiting approval.")
        elif one["state"] in ("sending", "unknown"):
            told.append(f"Stripe has not answered about a {what}{amount} yet. This is settled automatically, once.")
    return told


def add_note(db: Database, actor: Actor, payment_intent_id: str, note: str, now: datetime) -> None:
    """Add a note to the payment. Raises `Refused` for an empty or overlong one, and for private data."""
    roles.require(actor, PAGE, Right.SEE)
    notes.refuse_private(db, note, now.date())
    db.call(
        "add_payment_note",
        payment_intent_id=payment_intent_id,
        note=note,
        actor=actor.name,
        role=str(actor.role),
        now=now,
    )


def remove_note(db: Database, actor: Actor, note_id: int, now: datetime) -> None:
    """Remove the text of a note: one's own, or anybody's as an admin. That there was a note stays recorded."""
    roles.require(actor, PAGE, Right.SEE)
    db.call(
        "withdraw_payment_note",
        note_id=note_id,
        any=actor.role is roles.Role.ADMIN,
        actor=actor.name,
        role=str(actor.role),
        now=now,
    )
