"""Lists inside an object that are incomplete (`has_more`): the rest is fetched before the object is projected."""

from typing import Any

from core.stripe_gateway import Json, StripeGateway

AWAITS_LIST = "Stripe sent only a part of a list in this object; the rest is fetched before it counts"
# For each kind of object, the lists that projections read: field, the list's path at Stripe, the object's parameter.
LISTS = {
    "subscription": (("items", "subscription_items", "subscription"),),
    "charge": (("refunds", "refunds", "charge"),),
}


def is_partial(subject: Json) -> bool:
    """Whether a list in this object that a projection reads is incomplete."""
    return any(_goes_on(subject.get(field)) for field, _, _ in LISTS.get(str(subject.get("object")), ()))


def completed(stripe: StripeGateway, subject: Json) -> Json:
    """The object with the rest of its lists fetched; the entries that it contains already are kept as they are.

    Raises `Unavailable` or `Refused` like the gateway.
    """
    for field, path, parameter in LISTS.get(str(subject.get("object")), ()):
        listed = subject.get(field)
        if isinstance(listed, dict) and _goes_on(listed):
            shown = listed.get("data") or []
            known = {each["id"] for each in shown}
            rest = [each for each in stripe.each(path, **{parameter: subject["id"]}) if each["id"] not in known]
            subject = subject | {field: listed | {"data": [*shown, *rest], "has_more": False}}
    return subject


def _goes_on(listed: Any) -> bool:
    return isinstance(listed, dict) and bool(listed.get("has_more"))
