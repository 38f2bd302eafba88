"""The kinds of objects that are read from Stripe's lists, and which objects of each are mirrored."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from core.events import projections
from core.events.registry import Projection
from core.stripe_gateway import Json

FETCHED = "fetch"


@dataclass(frozen=True)
class Source:
    """One kind of object: its name for `--only`, its table, its path and type at Stripe, and which are mirrored."""

    name: str
    table: str
    path: str
    object_type: str
    projection: Projection
    params: tuple[tuple[str, Any], ...] = ()
    expand: tuple[str, ...] = ()  # the fields in which Stripe is asked for whole objects instead of ids
    mirrored: Callable[[Json], bool] = lambda _: True


def _has_events(session: Json) -> bool:
    """Whether the session has ended. Only then does Stripe send an event, so open sessions are mirrored later."""
    return bool(session.get("status") != "open")


SOURCES = (
    Source("customers", "customers", "customers", "customer", projections.customers.customer),
    Source("payments", "payment_intents", "payment_intents", "payment_intent", projections.payments.payment_intent),
    Source("charges", "charges", "charges", "charge", projections.payments.charge),
    Source("refunds", "refunds", "refunds", "refund", projections.payments.refund),
    Source("disputes", "disputes", "disputes", "dispute", projections.disputes.dispute),
    Source(
        "early_fraud_warnings",
        "early_fraud_warnings",
        "radar/early_fraud_warnings",
        "radar.early_fraud_warning",
        projections.disputes.early_fraud_warning,
    ),
    Source(
        "checkout_sessions",
        "checkout_sessions",
        "checkout/sessions",
        "checkout.session",
        projections.payments.checkout_session,
        mirrored=_has_events,
    ),
    Source(
        "subscriptions",
        "subscriptions",
        "subscriptions",
        "subscription",
        projections.subscriptions.subscription,
        (("status", "all"),),
        expand=("discounts.source.coupon", "items.data.discounts"),
    ),
    Source("invoices", "invoices", "invoices", "invoice", projections.billing.invoice),
    Source(
        "invoice_payments",
        "invoice_payments",
        "invoice_payments",
        "invoice_payment",
        projections.billing.invoice_payment,
        (("status", "paid"),),
        mirrored=lambda payment: bool(payment["status"] == "paid"),
    ),
    Source(
        "balance_transactions",
        "balance_transactions",
        "balance_transactions",
        "balance_transaction",
        projections.balances.balance_transaction,
    ),
    Source("payouts", "payouts", "payouts", "payout", projections.payouts.payout),
    Source(
        "promotion_codes", "promotion_codes", "promotion_codes", "promotion_code", projections.billing.promotion_code
    ),
)
