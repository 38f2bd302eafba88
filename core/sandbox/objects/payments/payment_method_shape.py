"""A payment method as Stripe shows it."""

from core.sandbox.engine.errors import Json
from core.sandbox.engine.fields import address
from core.sandbox.engine.params import Params
from core.sandbox.objects.payments.cards import TestCard

BILLING_FIELDS = ("email", "name", "phone", "tax_id")


def card_details(card: TestCard, fingerprint: str, exp_month: int, exp_year: int) -> Json:
    """The `card` of a payment method."""
    return {
        "brand": card.brand,
        "checks": {
            "address_line1_check": card.line1_check,
            "address_postal_code_check": card.postal_check,
            "cvc_check": card.cvc_check,
        },
        "country": card.country,
        "display_brand": "american_express" if card.brand == "amex" else card.brand,
        "exp_month": exp_month,
        "exp_year": exp_year,
        "fingerprint": fingerprint,
        "funding": card.funding,
        "generated_from": None,
        "last4": card.last4,
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }


def build(
    pm_id: str,
    details: Json,
    created: int,
    *,
    billing: Json | None = None,
    metadata: Json | None = None,
    kind: str = "card",
) -> Json:
    """A payment method that no customer holds yet."""
    return {
        "id": pm_id,
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": billing or billing_details(Params({})),
        kind: details,
        "created": created,
        "customer": None,
        "livemode": False,
        "metadata": metadata or {},
        "type": kind,
    }


def billing_details(params: Params) -> Json:
    return {
        "address": address(params.under("address")),
        **{name: params.text(name) for name in BILLING_FIELDS},
    }
