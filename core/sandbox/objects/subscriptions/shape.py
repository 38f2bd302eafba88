"""A subscription and its items as Stripe shows them."""

from core.sandbox.engine.errors import Json


def build(
    subscription_id: str, customer: str, created: int, *, currency: str, metadata: Json, status: str = "incomplete"
) -> Json:
    """A subscription without items."""
    return {
        "id": subscription_id,
        "object": "subscription",
        "application": None,
        "application_fee_percent": None,
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
        "billing_cycle_anchor": created,
        "billing_cycle_anchor_config": None,
        "billing_mode": {"flexible": None, "type": "classic"},
        "billing_schedules": [],
        "billing_thresholds": None,
        "cancel_at": None,
        "cancel_at_period_end": False,
        "canceled_at": None,
        "cancellation_details": {"comment": None, "feedback": None, "reason": None},
        "collection_method": "charge_automatically",
        "created": created,
        "currency": currency,
        "customer": customer,
        "days_until_due": None,
        "default_payment_method": None,
        "default_source": None,
        "default_tax_rates": [],
        "description": None,
        "discounts": [],
        "ended_at": None,
        "invoice_settings": {"account_tax_ids": None, "issuer": {"type": "self"}},
        "items": {
            "object": "list",
            "data": [],
            "has_more": False,
            "total_count": 0,
            "url": f"/v1/subscription_items?subscription={subscription_id}",
        },
        "latest_invoice": None,
        "livemode": False,
        "metadata": metadata,
        "next_pending_invoice_item_invoice": None,
        "on_behalf_of": None,
        "pause_collection": None,
        "payment_settings": {
            "payment_method_options": None,
            "payment_method_types": None,
            "save_default_payment_method": "off",
        },
        "pending_invoice_item_interval": None,
        "pending_setup_intent": None,
        "pending_update": None,
        "schedule": None,
        "start_date": created,
        "status": status,
        "test_clock": None,
        "transfer_data": None,
        "trial_end": None,
        "trial_settings": {"end_behavior": {"missing_payment_method": "create_invoice"}},
        "trial_start": None,
    }


def build_item(
    item_id: str, subscription_id: str, price: Json, created: int, *, quantity: int, period: tuple[int, int]
) -> Json:
    """One price of a subscription with the period it is paid for."""
    return {
        "id": item_id,
        "object": "subscription_item",
        "billing_thresholds": None,
        "created": created,
        "current_period_end": period[1],
        "current_period_start": period[0],
        "discounts": [],
        "metadata": {},
        "price": price,
        "quantity": quantity,
        "subscription": subscription_id,
        "tax_rates": [],
    }


def with_items(subscription: Json, items: list[Json]) -> Json:
    subscription["items"] |= {"data": items, "total_count": len(items)}
    return subscription


def items_of(subscription: Json) -> list[Json]:
    found: list[Json] = subscription["items"]["data"]
    return found


def all_discounts(subscription: Json) -> list[str]:
    """The discounts of the subscription and of each of its items."""
    return [discount for holder in (subscription, *items_of(subscription)) for discount in holder["discounts"]]


def period_of(subscription: Json) -> tuple[int, int]:
    item = items_of(subscription)[0]
    return item["current_period_start"], item["current_period_end"]


def set_period(subscription: Json, start: int, end: int) -> None:
    for item in items_of(subscription):
        item |= {"current_period_start": start, "current_period_end": end}


def as_ended(subscription: Json, ended_at: int, reason: str) -> Json:
    """`reason`: cancellation_requested, payment_failed or payment_disputed."""
    subscription |= {"canceled_at": subscription["canceled_at"] or ended_at, "ended_at": ended_at, "status": "canceled"}
    subscription["cancellation_details"] = {**subscription["cancellation_details"], "reason": reason}
    return subscription
