"""Which payment methods an intent takes, and the customer's consent to a debit."""

from core.sandbox.engine.errors import Json, invalid
from core.sandbox.engine.params import Params

TYPES = ("card", "us_bank_account")


def types_for(params: Params, currency: str) -> list[str]:
    """Which methods an intent takes: all that fit its currency, less those excluded or not allowed."""
    allowed, excluded = params.strings("allowed_payment_method_types"), params.strings("excluded_payment_method_types")
    if allowed and excluded:
        raise invalid(
            "You may only specify one of these parameters: allowed_payment_method_types, excluded_payment_method_types."
        )
    fitting = [kind for kind in TYPES if kind == "card" or currency == "usd"]
    kept = [kind for kind in fitting if (not allowed or kind in allowed) and kind not in excluded]
    if not kept:
        raise invalid(
            "No valid payment method types for this Payment Intent. The sandbox has " + " and ".join(fitting) + ".",
            "allowed_payment_method_types" if allowed else "excluded_payment_method_types",
            "payment_intent_invalid_parameter",
        )
    return kept


def take_types(intent: Json, params: Params, currency: str) -> None:
    """Which methods the intent takes, and the lists that say so."""
    intent["payment_method_types"] = types_for(params, currency)
    for name in ("allowed_payment_method_types", "excluded_payment_method_types"):
        if params.has(name):
            intent[name] = params.strings(name) or None


def read_mandate(params: Params) -> None:
    """How the customer agreed to be debited: checked, and shown on the charge as its mandate."""
    accepted = params.under("mandate_data").under("customer_acceptance")
    if params.has("mandate_data") and accepted.must_text("type") == "online":
        online = accepted.under("online")
        online.must_text("ip_address")
        online.must_text("user_agent")
    accepted.ignore("accepted_at", "offline")
