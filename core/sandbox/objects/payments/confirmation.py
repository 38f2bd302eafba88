"""Confirming an intent: authentication, the attempt, and updating what the payment belongs to."""

from core.sandbox.engine.balance import DAY_SECONDS
from core.sandbox.engine.errors import DOCS, Json, StripeError, invalid, unexpected_state
from core.sandbox.engine.fields import take_shipping, take_texts, web_address
from core.sandbox.engine.params import Params
from core.sandbox.engine.unit_of_work import BASE, UnitOfWork
from core.sandbox.objects.payments import bank_debits, charges, method_behaviour, method_types, payment_methods
from core.sandbox.objects.payments.cards import TestCard
from core.sandbox.objects.payments.declines import Decline, decline_named, payment_error

CONFIRMABLE = ("requires_payment_method", "requires_confirmation", "requires_action")
FAILED_AUTHENTICATION = {
    "code": "payment_intent_authentication_failure",
    "doc_url": DOCS + "payment-intent-authentication-failure",
    "message": "The provided PaymentMethod has failed authentication. You can provide payment_method_data or a new "
    "PaymentMethod to attempt to fulfill this PaymentIntent again.",
    "type": "invalid_request_error",
}


def confirm(uow: UnitOfWork, intent: Json, params: Params) -> Json:
    """Confirm the intent. A decline raises a `card_error`, and the attempt stays recorded."""
    if intent["status"] not in CONFIRMABLE:
        raise unexpected_state(_why_not(intent), intent)
    method = payment_methods.given(uow, params, intent["customer"])
    if method is not None:
        intent["payment_method"] = method["id"]
    _take(intent, params)
    if intent["payment_method"] is None:
        raise unexpected_state(
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the "
            "PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a "
            "payment method or ConfirmationToken.",
            intent,
        )
    off_session = params.text("off_session") not in (None, "false")
    must_not_wait = params.flag("error_on_requires_action")
    returns = web_address(params, "return_url")
    decline = attempt(uow, intent, off_session=off_session or must_not_wait, return_url=returns)
    if decline is not None:
        raise declined_error(intent, decline)
    return intent


def _take(intent: Json, params: Params) -> None:
    """Take the parameters that may be changed while confirming."""
    take_texts(intent, params, ("capture_method", "receipt_email", "setup_future_usage"))
    take_shipping(intent, params)
    method_types.read_mandate(params)
    secure = params.under("payment_method_options").under("card").text("request_three_d_secure")
    if secure:
        intent["payment_method_options"]["card"]["request_three_d_secure"] = secure
    params.ignore("use_stripe_sdk")


def _why_not(intent: Json) -> str:
    if intent["status"] == "succeeded":
        return (
            "You cannot confirm this PaymentIntent because it has already succeeded after being previously confirmed."
        )
    return (
        f"This PaymentIntent could not be confirmed because it has a status of {intent['status']}. Only a "
        f"PaymentIntent with one of the following statuses may be confirmed: {', '.join(CONFIRMABLE)}."
    )


def declined_error(intent: Json, decline: Decline) -> StripeError:
    """The 402 answer to a declined confirmation, with the payment intent in it."""
    error = intent["last_payment_error"]
    return StripeError(
        402,
        error["message"],
        kind=error["type"],
        code=error["code"],
        keep=True,
        advice_code=error["advice_code"],
        charge=error["charge"],
        decline_code=error["decline_code"],
        network_decline_code=error["network_decline_code"],
        payment_intent=intent,
        payment_method=error["payment_method"],
    )


def attempt(
    uow: UnitOfWork, intent: Json, *, off_session: bool, return_url: str | None = None, authenticated: bool = False
) -> Decline | None:
    """One payment attempt; returns the decline, or `None` if it succeeded or needs the customer."""
    method = uow.known(intent["payment_method"])
    _check_type(intent, method)
    if method["type"] == "us_bank_account":
        return bank_debits.begin(uow, intent, method)
    card = method_behaviour.behaviour(uow, method)
    wanted = intent["payment_method_options"]["card"]["request_three_d_secure"] in ("any", "challenge")
    needed = card.authentication in ("required", "unless_set_up") or (card.authentication == "optional" and wanted)
    if needed and not authenticated:
        if off_session:
            return _decline(uow, intent, method, card, decline_named("authentication_required"), None)
        _ask_to_authenticate(uow, intent, return_url)
        return None
    secure = charges.authenticated() if needed else None
    if card.decline_code:
        method_behaviour.attempt_made(uow, method)
        return _decline(uow, intent, method, card, decline_named(card.decline_code), secure)
    if needed and intent["setup_future_usage"] == "off_session":
        method_behaviour.mark_set_up(uow, method)
    _accept(uow, intent, method, card, secure)
    return None


def _check_type(intent: Json, method: Json) -> None:
    if method["type"] not in intent["payment_method_types"]:
        allowed = ", ".join(intent["payment_method_types"])
        raise invalid(
            f"The PaymentMethod provided ({method['type']}) is not allowed for this PaymentIntent. Please attach a "
            f"PaymentMethod of one of the following types: {allowed}.",
            "payment_method",
            "payment_intent_incompatible_payment_method",
        )


def _ask_to_authenticate(uow: UnitOfWork, intent: Json, return_url: str | None) -> None:
    page = f"{BASE}/authenticate/{intent['id']}"
    if return_url:
        action = {"redirect_to_url": {"return_url": return_url, "url": page}, "type": "redirect_to_url"}
    else:
        action = {"type": "use_stripe_sdk", "use_stripe_sdk": {"stripe_js": page, "type": "three_d_secure_redirect"}}
    intent |= {"next_action": action, "status": "requires_action"}
    uow.change(intent, "payment_intent.requires_action")


def _decline(
    uow: UnitOfWork, intent: Json, method: Json, card: TestCard, decline: Decline, secure: Json | None
) -> Decline:
    charge = charges.fail(uow, intent, method, card, decline, secure)
    intent |= {
        "last_payment_error": payment_error(decline, charge["id"], dict(method)),
        "latest_charge": charge["id"],
        "next_action": None,
        "payment_method": None,
        "status": "requires_payment_method",
    }
    uow.change(intent, "payment_intent.payment_failed")
    uow.follow_up("payment_failed", intent)
    return decline


def _accept(uow: UnitOfWork, intent: Json, method: Json, card: TestCard, secure: Json | None) -> None:
    charge = charges.succeed(uow, intent, method, card, secure)
    intent |= {"last_payment_error": None, "latest_charge": charge["id"], "next_action": None}
    if intent["capture_method"] == "manual":
        intent |= {"amount_capturable": intent["amount"], "status": "requires_capture"}
        uow.change(intent, "payment_intent.amount_capturable_updated")
        uow.schedule(uow.now + 7 * DAY_SECONDS, "expire_authorization", intent["id"])
        return
    intent |= {"amount_received": intent["amount"], "status": "succeeded"}
    uow.change(intent, "payment_intent.succeeded")
    if card.after_payment:
        uow.schedule(uow.now + 1, f"after_payment:{card.after_payment}", charge["id"])
    after_payment(uow, intent)


def after_payment(uow: UnitOfWork, intent: Json) -> None:
    """Save the card if asked to, then update the invoice or session that the payment belongs to."""
    if intent["setup_future_usage"] and intent["customer"]:
        payment_methods.hold(uow, uow.known(intent["payment_method"]), intent["customer"])
    uow.follow_up("payment_succeeded", intent)


def authenticate(uow: UnitOfWork, intent_id: str, *, succeed: bool) -> Json:
    """The customer finished authentication: the attempt continues, or fails without a charge."""
    intent = uow.get("payment_intent", intent_id)
    if intent["status"] != "requires_action":
        raise unexpected_state("This payment is not waiting for authentication.", intent)
    if succeed:
        attempt(uow, intent, off_session=False, authenticated=True)
        return intent
    method = uow.known(intent["payment_method"])
    intent |= {
        "last_payment_error": {**FAILED_AUTHENTICATION, "payment_method": dict(method)},
        "next_action": None,
        "payment_method": None,
        "status": "requires_payment_method",
    }
    uow.change(intent, "payment_intent.payment_failed")
    uow.follow_up("payment_failed", intent)
    return intent
