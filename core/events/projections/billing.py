"""Invoices, invoice payments and promotion codes; the shapes of older API versions give the same rows."""

from typing import Any

from core.events.registry import MAX_AMOUNT, Records, Snapshot, id_of, moment, on, row, whole

Json = dict[str, Any]
INVOICE_RANKS = {"draft": 0, "open": 1, "uncollectible": 2, "void": 3, "paid": 4, "deleted": 5}
INVOICE_PAYMENT_RANKS = {"open": 0, "canceled": 1, "paid": 2}


@on(
    "invoice.created",
    "invoice.finalized",
    "invoice.finalization_failed",
    "invoice.marked_uncollectible",
    "invoice.overdue",
    "invoice.overpaid",
    "invoice.paid",
    "invoice.payment_action_required",
    "invoice.payment_attempt_required",
    "invoice.payment_failed",
    "invoice.payment_succeeded",
    "invoice.sent",
    "invoice.updated",
    "invoice.voided",
    "invoice.will_be_due",
)
def invoice(snapshot: Snapshot) -> Records:
    return _invoice(snapshot, snapshot.object.get("status")) | _paid_in_the_old_shape(snapshot)


@on("invoice.deleted")
def deleted_invoice(snapshot: Snapshot) -> Records:
    """A deleted draft. The event contains it as it was; only the event's type says that it was deleted."""
    return _invoice(snapshot, "deleted")


def _invoice(snapshot: Snapshot, status: str | None) -> Records:
    source = snapshot.object
    details = (source.get("parent") or {}).get("subscription_details") or {}
    reached = source.get("status_transitions") or {}
    columns = {
        "status": status,
        "customer_id": id_of(source.get("customer")),
        "subscription_id": id_of(details.get("subscription") or source.get("subscription")),
        "billing_reason": source.get("billing_reason"),
        "currency": source["currency"],
        **{f"amount_{part}_minor": source.get(f"amount_{part}") or 0 for part in ("due", "paid", "remaining")},
        "attempt_count": source.get("attempt_count") or 0,
        "lines": _lines(source),
        **{field: moment(source.get(field)) for field in ("next_payment_attempt", "due_date")},
        **{
            field: moment(reached.get(field))
            for field in ("finalized_at", "paid_at", "voided_at", "marked_uncollectible_at")
        },
    }
    rank = 100 * INVOICE_RANKS.get(status or "", 0) + min(columns["attempt_count"], 99)
    return {"invoices": [row(snapshot, rank=rank, **columns)]}


def _lines(source: Json) -> list[Json] | None:
    """What was charged for: price, product and amount of each line with a positive amount."""
    listed = source.get("lines")
    lines = listed.get("data") if isinstance(listed, dict) else None
    if not isinstance(lines, list):
        return None
    told = [line for line in lines if isinstance(line, dict) and type(line.get("amount")) is int]
    return [_line(line) for line in told if 0 < line["amount"] <= MAX_AMOUNT]


def _line(line: Json) -> Json:
    """Older API versions have the price, or before that the plan, as an object of its own."""
    pricing = line.get("pricing")
    details = pricing.get("price_details") if isinstance(pricing, dict) else None
    price = details or line.get("price") or line.get("plan")
    product = price.get("product") if isinstance(price, dict) else None
    return {
        "price_id": id_of(price.get("price") if isinstance(price, dict) and "price" in price else price),
        "product_id": id_of(product),
        "amount_minor": line["amount"],
    }


@on("invoice_payment.paid")
def invoice_payment(snapshot: Snapshot) -> Records:
    source = snapshot.object
    payment = source.get("payment") or {}
    columns = {
        "invoice_id": id_of(source.get("invoice")),
        "payment_intent_id": id_of(payment.get("payment_intent")),
        "charge_id": id_of(payment.get("charge")),
        "amount_paid_minor": source.get("amount_paid"),
        "amount_requested_minor": source.get("amount_requested"),
        "currency": source.get("currency"),
        "status": source["status"],
        "is_default": bool(source.get("is_default")),
        "paid_at": moment((source.get("status_transitions") or {}).get("paid_at")),
    }
    rank = INVOICE_PAYMENT_RANKS.get(source["status"], 0)
    return {"invoice_payments": [row(snapshot, rank=rank, **columns)]}


def _paid_in_the_old_shape(snapshot: Snapshot) -> Records:
    """Older API versions name the payment in the invoice; the real invoice payment replaces this row if it comes."""
    source = snapshot.object
    intent_id = id_of(source.get("payment_intent"))
    if not intent_id or source.get("status") != "paid":
        return {}
    columns = {
        "invoice_id": source["id"],
        "payment_intent_id": intent_id,
        "charge_id": None,  # the current API version gives a charge only where there is no payment intent
        "amount_paid_minor": source.get("amount_paid"),
        "amount_requested_minor": source.get("amount_due"),
        "currency": source["currency"],
        "status": "paid",
        "is_default": True,
        "paid_at": moment((source.get("status_transitions") or {}).get("paid_at")),
    }
    paid = row(snapshot, rank=INVOICE_PAYMENT_RANKS["paid"], **columns)
    return {"invoice_payments": [paid | {"id": f"{source['id']}:{intent_id}"}]}


@on("promotion_code.created", "promotion_code.updated")
def promotion_code(snapshot: Snapshot) -> Records:
    source = snapshot.object
    active = bool(source.get("active"))
    times_redeemed = whole(source.get("times_redeemed") or 0, "times_redeemed")
    columns = {
        "coupon_id": id_of((source.get("promotion") or {}).get("coupon") or source.get("coupon")),
        "customer_id": id_of(source.get("customer")),
        "active": active,
        "expires_at": moment(source.get("expires_at")),
        "max_redemptions": source.get("max_redemptions"),
        "times_redeemed": times_redeemed,
    }
    return {"promotion_codes": [row(snapshot, rank=2 * times_redeemed + (not active), **columns)]}
