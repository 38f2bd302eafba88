"""Stripe objects and events as the pinned API version shapes them, small enough to read."""

import json
from typing import Any

import orjson

START = 1_790_000_000


def intent(**fields: Any) -> dict[str, Any]:
    return {
        "id": "pi_1",
        "object": "payment_intent",
        "livemode": False,
        "created": START,
        "amount": 4900,
        "currency": "usd",
        "status": "requires_payment_method",
        "amount_received": 0,
        "customer": "cus_1",
        "metadata": {"orderId": "order-1", "patientId": "patient-1"},
        "client_secret": "pi_1_secret_abc",
        "receipt_email": "ana@example.com",
    } | fields


def charge(**fields: Any) -> dict[str, Any]:
    return {
        "id": "ch_1",
        "object": "charge",
        "livemode": False,
        "created": START,
        "amount": 4900,
        "currency": "usd",
        "status": "succeeded",
        "captured": True,
        "amount_captured": 4900,
        "amount_refunded": 0,
        "disputed": False,
        "payment_intent": "pi_1",
        "customer": "cus_1",
        "billing_details": {"name": "Ana Lima", "email": "ana@example.com", "phone": "+1 202 555 0147"},
        "outcome": {"network_status": "approved_by_network", "type": "authorized", "reason": None},
        "payment_method_details": {
            "type": "card",
            "card": {"brand": "visa", "last4": "4242", "exp_month": 4, "exp_year": 2030, "country": "US"},
        },
    } | fields


def event(event_id: str, event_type: str, subject: dict[str, Any], *, at: int = START, **fields: Any) -> dict[str, Any]:
    return {
        "id": event_id,
        "object": "event",
        "type": event_type,
        "created": at,
        "livemode": False,
        "api_version": "2026-10-28.endive",
        "data": {"object": subject},
    } | fields


def body_of(an_event: dict[str, Any]) -> bytes:
    """The event as Stripe writes it on the wire: pretty-printed."""
    try:
        written = orjson.dumps(an_event, option=orjson.OPT_INDENT_2)
    except TypeError:  # what only the slow way writes, such as half of a character
        return json.dumps(an_event, indent=2).encode()
    return written if written.isascii() else json.dumps(an_event, indent=2).encode()
