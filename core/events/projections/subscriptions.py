"""Subscriptions: the current state, and the state at and just before each event."""

from core.events.event_rows import Json
from core.events.projections.discounts import discounts_of, ids_of, reading_terms
from core.events.projections.payments import references
from core.events.projections.terms import check_total, decimal_text, price_of, quantity_rule, tiers_of
from core.events.registry import Records, Row, Snapshot, id_of, merged, moment, on, row, whole

RANKS = {
    "incomplete": 0,
    "trialing": 1,
    "active": 2,
    "past_due": 3,
    "unpaid": 4,
    "paused": 5,
    "incomplete_expired": 6,
    "canceled": 7,
}
# The columns from which a subscription's history is built.
STATE = (
    "status",
    "customer_id",
    "currency",
    "start_date",
    "trial_start",
    "trial_end",
    "current_period_start",
    "ended_at",
    "cancel_at",
    "cancel_at_period_end",
    "pause_behavior",
    "items",
    "discounts",
)


@on(
    "customer.subscription.created",
    "customer.subscription.updated",
    "customer.subscription.deleted",
    "customer.subscription.paused",
    "customer.subscription.resumed",
    "customer.subscription.trial_will_end",
    "customer.subscription.pending_update_applied",
    "customer.subscription.pending_update_expired",
)
def subscription(snapshot: Snapshot) -> Records:
    columns = _columns(snapshot.object)
    records: Records = {"subscriptions": [row(snapshot, rank=RANKS.get(columns["status"], 0), **columns)]}
    if snapshot.source.startswith("evt_"):
        records["subscription_snapshots"] = [_told(snapshot, columns)]
    return merged([records, _inside(snapshot, columns["customer_id"])])


def _told(snapshot: Snapshot, columns: Json) -> Row:
    """The states at this event and just before it. For objects fetched from Stripe, SQL records the state instead."""
    before = _columns(_earlier(snapshot.object, snapshot.previous)) if snapshot.previous else None
    told = row(
        snapshot,
        rank=RANKS.get(columns["status"], 0),
        subscription_id=snapshot.object["id"],
        state=_state(columns),
        previous=before and _state(before),
    )
    return told | {"id": snapshot.source}


def _state(columns: Json) -> Json:
    return {name: columns[name] for name in STATE}


def _columns(source: Json) -> Json:
    items = (source.get("items") or {}).get("data") or []
    listed = source.get("discounts")
    if listed is None and "discount" in source:  # API versions before 2024 have one discount at most
        listed = [source["discount"]]
    return {
        "status": source["status"],
        "customer_id": id_of(source.get("customer")),
        "currency": (source.get("currency") or _currency_of(items) or "").lower() or None,
        **{field: moment(source.get(field)) for field in ("start_date", "trial_start", "trial_end", "cancel_at")},
        **{field: moment(source.get(field)) for field in ("canceled_at", "ended_at")},
        **{field: _period(source, items, field) for field in ("current_period_start", "current_period_end")},
        "cancel_at_period_end": bool(source.get("cancel_at_period_end")),
        "cancellation_reason": (source.get("cancellation_details") or {}).get("reason"),
        "cancellation_feedback": (source.get("cancellation_details") or {}).get("feedback"),
        "pause_behavior": (source.get("pause_collection") or {}).get("behavior"),
        "pause_resumes_at": moment((source.get("pause_collection") or {}).get("resumes_at")),
        "items": [_item(item) for item in items],
        "discounts": None if listed is None else ids_of(listed, source["id"]),
        "latest_invoice_id": id_of(source.get("latest_invoice")),
        **references(source),
    }


def _currency_of(items: list[Json]) -> str | None:
    """The currency, which a subscription of an old API version has only in its items."""
    found: str | None = price_of(items[0]).get("currency") if items else None
    return found


def _period(source: Json, items: list[Json], field: str) -> str | None:
    """The current period, which older API versions give on the subscription and newer ones on its items."""
    ends = [item[field] for item in items if item.get(field) is not None]
    return moment(max(ends) if ends else source.get(field))


@reading_terms()
def _item(item: Json) -> Json:
    price = price_of(item)
    recurring = price.get("recurring") or {}
    given = item.get("quantity")
    quantity = whole(1 if given is None else given, "quantity")
    unit_amount = price.get("unit_amount")
    check_total(price, quantity)
    return {
        "id": item.get("id"),
        "price_id": price.get("id"),
        "product_id": id_of(price.get("product")),
        "unit_amount_minor": None if unit_amount is None else whole(unit_amount, "unit_amount"),
        "unit_amount_decimal": decimal_text(price.get("unit_amount_decimal"), unit_amount, "unit_amount_decimal"),
        "quantity": quantity,
        "interval": recurring.get("interval"),
        "interval_count": whole(recurring.get("interval_count") or 1, "interval_count"),
        "usage_type": recurring.get("usage_type"),
        "tiers_mode": price.get("tiers_mode"),
        "tiers": tiers_of(price),
        **quantity_rule(price),
        "discounts": ids_of(item.get("discounts"), str(item.get("id"))),
    }


def _inside(snapshot: Snapshot, customer: str | None) -> Records:
    """Records of the objects expanded inside the subscription: discounts, coupons, price tiers."""
    source = snapshot.object
    subscription_id = source["id"]
    items = (source.get("items") or {}).get("data") or []
    listed = [*(source.get("discounts") or []), source.get("discount")]
    records = [discounts_of(snapshot, listed, customer=customer, subscription=subscription_id)]
    for item in items:
        records.append(
            discounts_of(
                snapshot,
                item.get("discounts") or [],
                customer=customer,
                subscription=subscription_id,
                item=item.get("id"),
            )
        )
    return merged(records)


def _earlier(source: Json, previous: Json) -> Json:
    """The object as it was before the event: the fields in `previous_attributes` replace the current ones."""
    before = _with(source, previous)
    now = (source.get("items") or {}).get("data") or []
    told = (previous.get("items") or {}).get("data") if isinstance(previous.get("items"), dict) else None
    if told is not None:
        by_id = {item.get("id"): item for item in now}
        items = [_with(by_id.get(item.get("id")) or _at(now, place), item) for place, item in enumerate(told)]
        before["items"] = {"data": items}
    elif type(previous.get("quantity")) is int and len(now) == 1:  # as in old API versions
        before["items"] = {"data": [now[0] | {"quantity": previous["quantity"]}]}
    return before


def _at(items: list[Json], place: int) -> Json:
    return items[place] if place < len(items) else {}


def _with(base: Json, changes: Json) -> Json:
    """`base` with `changes` applied; nested objects with the same id are merged, others replaced."""
    result = dict(base)
    for name, value in changes.items():
        present = base.get(name)
        same = (
            isinstance(present, dict)
            and isinstance(value, dict)
            and value.get("id", present.get("id")) == present.get("id")
        )
        result[name] = _with(present, value) if same and isinstance(present, dict) else value
    return result
