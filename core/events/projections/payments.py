"""Payment intents, charges, refunds and checkout sessions."""

from dataclasses import replace
from typing import Any

from core.events.field_allowlist import shops_own
from core.events.registry import Records, Snapshot, id_of, moment, on, row
from core.payments.operations import catalogue

INTENT_RANKS = {
    "requires_payment_method": 0,
    "requires_confirmation": 1,
    "requires_action": 2,
    "processing": 3,
    "requires_capture": 4,
    "canceled": 5,
    "succeeded": 6,
}
CHARGE_RANKS = {"pending": 0, "failed": 1, "succeeded": 2}
REFUND_RANKS = {"pending": 0, "requires_action": 1, "succeeded": 2, "canceled": 3, "failed": 4}
SESSION_RANKS = {"open": 0, "expired": 1, "complete": 2}


@on(
    "payment_intent.created",
    "payment_intent.amount_capturable_updated",
    "payment_intent.canceled",
    "payment_intent.partially_funded",
    "payment_intent.processing",
    "payment_intent.requires_action",
    "payment_intent.succeeded",
)
def payment_intent(snapshot: Snapshot) -> Records:
    intent = snapshot.object
    error = intent.get("last_payment_error") or {}
    columns = {
        "amount_minor": intent["amount"],
        "currency": intent["currency"],
        "amount_received_minor": intent.get("amount_received") or 0,
        "status": intent["status"],
        "customer_id": id_of(intent.get("customer")),
        "payment_method_id": id_of(intent.get("payment_method")),
        "latest_charge_id": id_of(intent.get("latest_charge")) or _first_listed(intent.get("charges")),
        **references(intent),
        "cart": catalogue.lines_of(intent.get("metadata") or {}),
        "capture_method": intent.get("capture_method"),
        "cancellation_reason": intent.get("cancellation_reason"),
        "canceled_at": moment(intent.get("canceled_at")),
        "error_code": error.get("code"),
        "error_decline_code": error.get("decline_code"),
        "error_charge_id": id_of(error.get("charge")),
    }
    rank = 2 * INTENT_RANKS.get(intent["status"], 0) + bool(error)  # in the same second: created, then declined
    return {"payment_intents": [row(snapshot, rank=rank, **columns)]}


@on("payment_intent.payment_failed")
def failed_payment_intent(snapshot: Snapshot) -> Records:
    """An attempt without a charge, such as a failed 3-D Secure check; only this event records it."""
    intent = snapshot.object
    error = intent.get("last_payment_error") or {}
    records = payment_intent(snapshot)
    if not error or error.get("charge"):
        return records
    attempt = row(snapshot, payment_intent_id=intent["id"], currency=intent["currency"])
    attempt |= {"id": snapshot.source, "created": snapshot.as_of.isoformat()}
    attempt |= {"code": error.get("code"), "decline_code": error.get("decline_code")}
    return records | {"failed_confirmations": [attempt]}


@on(
    "charge.expired",
    "charge.failed",
    "charge.pending",
    "charge.refunded",
    "charge.succeeded",
    "charge.updated",
)
def charge(snapshot: Snapshot) -> Records:
    source = snapshot.object
    outcome = source.get("outcome") or {}
    columns = {
        "payment_intent_id": id_of(source.get("payment_intent")),
        "customer_id": id_of(source.get("customer")),
        "amount_minor": source["amount"],
        "amount_captured_minor": source.get("amount_captured") or 0,
        "amount_refunded_minor": source.get("amount_refunded") or 0,
        "currency": source["currency"],
        "status": source["status"],
        "captured": bool(source.get("captured")),
        "disputed": bool(source.get("disputed")),
        "failure_code": source.get("failure_code"),
        "decline_code": outcome.get("reason") if source["status"] == "failed" else None,
        "network_status": outcome.get("network_status"),
        "outcome_reason": outcome.get("reason"),
        "advice_code": outcome.get("advice_code"),
        **_card(source),
        "balance_transaction_id": id_of(source.get("balance_transaction")),
    }
    rank = CHARGE_RANKS.get(source["status"], 0) + (columns["amount_refunded_minor"] > 0) + columns["disputed"]
    return {"charges": [row(snapshot, rank=rank, **columns)]} | _listed_refunds(snapshot)


@on("charge.captured")
def captured_charge(snapshot: Snapshot) -> Records:
    """When a charge was captured; the charge itself does not contain this time."""
    capture = row(snapshot, payment_intent_id=id_of(snapshot.object.get("payment_intent")))
    return charge(snapshot) | {"charge_captures": [capture | {"created": snapshot.as_of.isoformat()}]}


@on("refund.created", "refund.updated", "refund.failed", "charge.refund.updated")
def refund(snapshot: Snapshot) -> Records:
    source = snapshot.object
    columns = {
        "charge_id": id_of(source.get("charge")),
        "payment_intent_id": id_of(source.get("payment_intent")),
        "amount_minor": source["amount"],
        "currency": source["currency"],
        "status": source.get("status") or "succeeded",
        "reason": source.get("reason"),
        "failure_reason": source.get("failure_reason"),
        "balance_transaction_id": id_of(source.get("balance_transaction")),
    }
    return {"refunds": [row(snapshot, rank=REFUND_RANKS.get(columns["status"] or "", 0), **columns)]}


@on(
    "checkout.session.completed",
    "checkout.session.expired",
    "checkout.session.async_payment_failed",
    "checkout.session.async_payment_succeeded",
)
def checkout_session(snapshot: Snapshot) -> Records:
    source = snapshot.object
    columns = {
        "mode": source["mode"],
        "status": source.get("status"),
        "payment_status": source.get("payment_status"),
        "amount_total_minor": source.get("amount_total"),
        "currency": source.get("currency"),
        "customer_id": id_of(source.get("customer")),
        "payment_intent_id": id_of(source.get("payment_intent")),
        "subscription_id": id_of(source.get("subscription")),
        **references(source),
        "expires_at": moment(source.get("expires_at")),
    }
    rank = SESSION_RANKS.get(source.get("status") or "", 0) + (source.get("payment_status") == "paid")
    return {"checkout_sessions": [row(snapshot, rank=rank, **columns)]}


def _listed_refunds(snapshot: Snapshot) -> Records:
    """Refunds listed in a charge, as in older API versions, which send no events for refunds."""
    listed = (snapshot.object.get("refunds") or {}).get("data") or []
    refunds = [refund(replace(snapshot, object=each))["refunds"][0] for each in listed]
    return {"refunds": refunds} if refunds else {}


def _first_listed(charges: dict[str, Any] | None) -> str | None:
    """The newest charge listed in a payment intent, as in older API versions."""
    listed = (charges or {}).get("data") or []
    return id_of(listed[0]) if listed else None


def references(source: dict[str, Any]) -> dict[str, str | None]:
    """The shop's own ids, which it leaves in an object's metadata; nothing else of the metadata is kept.

    Objects returned to our own requests reach this without the field allowlist, and must give the same row as events.
    """
    metadata = source.get("metadata") or {}
    return {"order_id": shops_own(metadata.get("orderId")), "patient_id": shops_own(metadata.get("patientId"))}


def _card(source: dict[str, Any]) -> dict[str, Any]:
    details = source.get("payment_method_details") or {}
    card = details.get("card") or {}
    return {
        "method_type": details.get("type"),
        "card_brand": card.get("brand"),
        "card_last4": card.get("last4"),
        "card_exp_month": card.get("exp_month"),
        "card_exp_year": card.get("exp_year"),
        "card_country": card.get("country"),
    }
