"""Every event type that Stripe has for what we deal with is projected
or ignored for a reason, and a page says which.
"""

from pathlib import Path
from typing import get_args

import pytest
from stripe.params import WebhookEndpointCreateParams

from core.events import types_document
from core.events.registry import ignored_types, projected_types

FAMILIES = (
    "payment_intent.",
    "setup_intent.",
    "charge.",
    "refund.",
    "checkout.session.",
    "invoice.",
    "invoice_payment.",
    "invoiceitem.",
    "credit_note.",
    "customer.",
    "subscription_schedule.",
    "payment_method.",
    "mandate.",
    "product.",
    "price.",
    "coupon.",
    "promotion_code.",
    "payout.",
    "balance.",
    "radar.early_fraud_warning.",
    "review.",
    "transfer.",
    "topup.",
)
DOCUMENT = Path(__file__).parents[2] / "docs" / "events.md"


def types_of_stripe():
    """What an endpoint may ask for, as the pinned SDK has it."""
    (names,) = get_args(WebhookEndpointCreateParams.__annotations__["enabled_events"])
    return [name for name in get_args(names) if name != "*"]


def test_the_sdk_names_every_family():
    for family in FAMILIES:
        assert any(event_type.startswith(family) for event_type in types_of_stripe()), family


@pytest.mark.parametrize("event_type", [name for name in types_of_stripe() if name.startswith(FAMILIES)])
def test_a_type_of_stripes_is_projected_or_ignored_for_a_reason(event_type):
    assert (event_type in set(projected_types())) != bool(ignored_types().get(event_type))


def test_no_type_is_registered_that_stripe_does_not_have():
    assert {*projected_types(), *ignored_types()} <= set(types_of_stripe())


def test_the_page_of_events_is_as_the_registry_has_it():
    assert DOCUMENT.read_text() == types_document.text(), "run python -m core.events.types_document > docs/events.md"
