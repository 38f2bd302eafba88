"""Coupons, discounts and price tiers, from which a subscription's price is computed."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from core.events.event_rows import Json
from core.events.projections.terms import UnreadableTerms, coupon_columns, products_of, tiers_of
from core.events.registry import Misshapen, Records, Snapshot, id_of, merged, moment, on, row


@contextmanager
def reading_terms() -> Iterator[None]:
    """Turns `UnreadableTerms` into `Misshapen`, which is raised for any other field of the wrong shape."""
    try:
        yield
    except UnreadableTerms as error:
        raise Misshapen(str(error)) from error


@on("coupon.created", "coupon.updated", "coupon.deleted")
def coupon(snapshot: Snapshot) -> Records:
    """A coupon, also a deleted one, because existing discounts of it continue."""
    source = snapshot.object
    if source.get("deleted") and "duration" not in source:
        return {}
    with reading_terms():
        records: Records = {"coupons": [row(snapshot, **coupon_columns(source))]}
    products = products_of(source)
    if products is not None:
        records["coupon_products"] = [row(snapshot, products=products)]
    return records


@on("customer.discount.created", "customer.discount.updated")
def discount(snapshot: Snapshot) -> Records:
    return _discount(snapshot, deleted=bool(snapshot.object.get("deleted")))


@on("customer.discount.deleted")
def deleted_discount(snapshot: Snapshot) -> Records:
    """A deleted discount. The event contains it as it was; only the event's type says that it was deleted."""
    return _discount(snapshot, deleted=True)


@on("price.created", "price.updated")
def price(snapshot: Snapshot) -> Records:
    """The tiers of a price, if present; its other fields are taken from the items that have the price."""
    with reading_terms():
        told = row(snapshot, tiers=tiers_of(snapshot.object))
    return {"price_tiers": [told]} if told["tiers"] else {}


def discounts_of(
    snapshot: Snapshot,
    listed: list[Any],
    *,
    customer: str | None,
    subscription: str | None = None,
    item: str | None = None,
) -> Records:
    """The records of discounts that are expanded inside the object they apply to."""
    owner = {"customer": customer, "subscription": subscription, "subscription_item": item}
    found = []
    for each in listed:
        if isinstance(each, dict):
            placed = each | {name: each.get(name) or value for name, value in owner.items()}
            placed["id"] = _id_of(each, item or subscription or customer)
            found.append(_discount(_like(snapshot, placed), deleted=False))
    return merged(found)


def ids_of(listed: Any, owner: str) -> list[str]:
    """The ids of discounts that are listed as ids or as objects."""
    return [each if isinstance(each, str) else _id_of(each, owner) for each in listed or [] if each]


def _id_of(discount: Json, owner: str | None) -> str:
    """A discount's id. API versions before 2020 have none; there an owner has at most one discount."""
    return discount.get("id") or f"{owner}.discount"


def _like(snapshot: Snapshot, source: Json) -> Snapshot:
    """The snapshot of another object from the same source and time."""
    return Snapshot(source, snapshot.as_of, snapshot.source, snapshot.livemode)


def _discount(snapshot: Snapshot, *, deleted: bool) -> Records:
    source = snapshot.object
    given = (source.get("source") or {}).get("coupon") or source.get("coupon")
    if not isinstance(id_of(given), str):
        raise Misshapen("coupon")
    owner = source.get("subscription") or source.get("customer")
    placed = _like(snapshot, source | {"created": source["start"], "id": _id_of(source, id_of(owner))})
    columns = {
        "coupon_id": id_of(given),
        "customer_id": id_of(source.get("customer")),
        "subscription_id": id_of(source.get("subscription")),
        "subscription_item_id": id_of(source.get("subscription_item")),
        "of_one_invoice": any(source.get(name) for name in ("invoice", "invoice_item", "checkout_session")),
        "starts_at": moment(source["start"]),
        "ends_at": moment(source.get("end")),
        "deleted_at": snapshot.as_of.isoformat() if deleted else None,
    }
    records: Records = {"discounts": [row(placed, rank=int(deleted), **columns)]}
    if isinstance(given, dict) and "duration" in given:
        inside = given | {"created": given.get("created") or source["start"]}
        records |= coupon(_like(snapshot, inside))
    return records
