"""How each decline looks: Stripe's code, message, outcome, advice and the network's own code."""

from dataclasses import dataclass

from core.sandbox.engine.errors import DOCS, Json


@dataclass(frozen=True)
class Decline:
    """One way a charge is refused."""

    code: str
    decline_code: str
    message: str
    network_code: str | None = "05"
    advice: str | None = "try_again_later"
    blocked: bool = False

    @property
    def network_status(self) -> str:
        return "not_sent_to_network" if self.blocked else "declined_by_network"


def _declined(decline_code: str, message: str, network_code: str, advice: str | None = "try_again_later") -> Decline:
    return Decline("card_declined", decline_code, message, network_code, advice)


NO_MORE = "do_not_try_again"
FIX = "confirm_card_data"
PLAIN = "Your card was declined."
DECLINES: dict[str, Decline] = {
    decline.decline_code: decline
    for decline in (
        _declined("generic_decline", PLAIN, "05"),
        _declined("do_not_honor", PLAIN, "05"),
        _declined("insufficient_funds", "Your card has insufficient funds.", "51"),
        _declined("lost_card", PLAIN, "41", NO_MORE),
        _declined("stolen_card", PLAIN, "43", NO_MORE),
        _declined("pickup_card", PLAIN, "04", NO_MORE),
        _declined("restricted_card", PLAIN, "62", NO_MORE),
        _declined("fraudulent", PLAIN, "59", NO_MORE),
        _declined("transaction_not_allowed", "Your card does not support this type of purchase.", "57", NO_MORE),
        _declined("card_not_supported", "Your card is not supported.", "57", NO_MORE),
        _declined("revocation_of_authorization", PLAIN, "R1", NO_MORE),
        _declined("stop_payment_order", PLAIN, "R0", NO_MORE),
        _declined("invalid_account", "Your card was declined.", "14", FIX),
        _declined("try_again_later", PLAIN, "91"),
        _declined("issuer_not_available", PLAIN, "91"),
        _declined("call_issuer", PLAIN, "01"),
        _declined(
            "card_velocity_exceeded",
            "Your card was declined for making repeated attempts too frequently or exceeding its amount limit.",
            "65",
        ),
        _declined("withdrawal_count_limit_exceeded", "Your card has exceeded its withdrawal limit.", "61"),
        _declined("duplicate_transaction", PLAIN, "94", None),
        Decline("expired_card", "expired_card", "Your card has expired.", "54", FIX),
        Decline("incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect.", "N7", FIX),
        Decline("incorrect_number", "incorrect_number", "Your card number is incorrect.", "14", FIX),
        Decline("incorrect_zip", "incorrect_zip", "Your card's zip code failed validation.", "05", FIX),
        Decline(
            "processing_error",
            "processing_error",
            "An error occurred while processing your card. Try again in a little bit.",
            "96",
        ),
        Decline(
            "authentication_required",
            "authentication_required",
            "Your card was declined. This transaction requires authentication.",
            "65",
            None,
        ),
        Decline("card_declined", "highest_risk_level", PLAIN, None, NO_MORE, blocked=True),
    )
}


def decline_named(decline_code: str) -> Decline:
    """An unknown code is a generic decline under its own name, as with a network's new codes."""
    return DECLINES.get(decline_code) or _declined(decline_code, PLAIN, "05")


def declined_outcome(decline: Decline, risk_level: str, risk_score: int | None) -> Json:
    """`charge.outcome` of a failed charge."""
    if decline.blocked:
        return {
            "advice_code": NO_MORE,
            "network_advice_code": None,
            "network_decline_code": None,
            "network_status": "not_sent_to_network",
            "reason": "highest_risk_level",
            "risk_level": "highest",
            "risk_score": max(risk_score or 0, 90),
            "seller_message": "Stripe blocked this payment as too risky.",
            "type": "blocked",
        }
    return {
        "advice_code": decline.advice,
        "network_advice_code": {NO_MORE: "01", FIX: "03", "try_again_later": "02"}.get(decline.advice or ""),
        "network_decline_code": decline.network_code,
        "network_status": "declined_by_network",
        "reason": decline.decline_code,
        "risk_level": risk_level,
        "risk_score": risk_score,
        "seller_message": f"The bank returned the decline code `{decline.decline_code}`.",
        "type": "issuer_declined",
    }


def approved_outcome(risk_level: str, risk_score: int | None) -> Json:
    """`charge.outcome` of a charge that the issuer let through."""
    return {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": "approved_by_network",
        "reason": "elevated_risk_level" if risk_level == "elevated" else None,
        "risk_level": risk_level,
        "risk_score": risk_score,
        "seller_message": "Payment complete.",
        "type": "manual_review" if risk_level == "elevated" else "authorized",
    }


def payment_error(decline: Decline, charge_id: str, payment_method: Json) -> Json:
    """`last_payment_error` of an intent whose charge was declined, and the `error` of the answer."""
    hidden = decline.decline_code == "highest_risk_level"
    return {
        "advice_code": decline.advice,
        "charge": charge_id,
        "code": decline.code,
        "decline_code": "fraudulent" if hidden else decline.decline_code,
        "doc_url": DOCS + decline.code.replace("_", "-"),
        "message": decline.message,
        "network_decline_code": decline.network_code,
        "payment_method": payment_method,
        "type": "card_error",
    }
