"""Payments and refunds as tables: their columns, and all of those found as a table to export."""

from collections.abc import Mapping
from functools import partial

from core.db import Database
from core.exports.table import Column, Table, by_key
from core.payments import payments, refunds
from core.payments.context import PaymentContext
from core.payments.payment_methods import paid_with
from core.periods import Period
from core.staff.audit_words import actor_name
from core.staff.roles import Actor

PAYMENTS = (
    Column("created", "Created", "moment"),
    Column("amount_minor", "Amount", "money"),
    Column("status", "Status", read=payments.status_in_words),
    Column("card_last4", "Payment method", read=lambda one: paid_with(one) if one.get("charge_id") else ""),
    Column("order_id", "Order"),
    Column("customer_id", "Customer", links_to="customers?customer={}"),
    Column("patient_id", "Patient"),
    Column("id", "Payment"),
)
PAYMENTS_IN_A_FILE = (
    *PAYMENTS[:2],
    Column("received_minor", "Collected", "money", total=True, help="What was captured of the payment."),
    Column("refunded_minor", "Refunded", "money", total=True),
    *PAYMENTS[2:],
    Column("charge_id", "Charge"),
)
REFUNDS = (
    Column("at", "Requested", "moment"),
    Column("amount_minor", "Amount", "money", total=True),
    Column("status", "Status", read=lambda one: refunds.STATUSES.get(one["status"], one["status"])),
    Column(
        "requested_by",
        "Requested by",
        read=lambda one: actor_name(one["requested_by"]) if one["requested_by"] else "in Stripe",
    ),
    Column("decided_by", "Decided by", read=lambda one: actor_name(one["decided_by"]) if one["decided_by"] else ""),
    Column("reason", "Reason", read=lambda one: refunds.reason_in_words(one["reason"])),
    Column("problem", "Problem", read=lambda one: one["problem"] or ""),
    Column("payment_intent_id", "Payment", links_to="payments?payment={}"),
    Column("id", "Refund"),
)


def payments_found(
    db: Database,
    actor: Actor,
    sought: payments.Sought,
    *,
    count: int | None = None,
    period: Period | None = None,
    filters: Mapping[str, str] | None = None,
) -> Table:
    """All payments found, read by key; `count` is how many there are, if somebody has counted."""
    batches = by_key(partial(payments.page_after, db, actor, sought))
    return Table("payments", "Payments", PAYMENTS_IN_A_FILE, batches, count, period, filters or {})


def refunds_found(
    context: PaymentContext,
    sought: refunds.Sought,
    *,
    count: int | None = None,
    period: Period | None = None,
    filters: Mapping[str, str] | None = None,
) -> Table:
    """All refunds found, read by key."""
    batches = by_key(partial(refunds.page_after, context, sought))
    return Table("refunds", "Refunds", REFUNDS, batches, count, period, filters or {})
