"""Setup intents: saving a card for later without charging it."""

from core.sandbox.engine.errors import Json, StripeError, unexpected_state
from core.sandbox.engine.fields import take_texts, web_address
from core.sandbox.engine.lists import list_objects
from core.sandbox.engine.params import Params
from core.sandbox.engine.unit_of_work import BASE, UnitOfWork
from core.sandbox.objects import customers
from core.sandbox.objects.payments import method_behaviour, method_types, payment_methods
from core.sandbox.objects.payments.declines import decline_named

OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")


def create(uow: UnitOfWork, params: Params) -> Json:
    customer = params.text("customer")
    if customer:
        customers.retrieve_live(uow, customer, "customer")
    intent_id = uow.ids.new("setup_intent")
    intent: Json = {
        "id": intent_id,
        "object": "setup_intent",
        "allowed_payment_method_types": None,
        "application": None,
        "automatic_payment_methods": None,
        "cancellation_reason": None,
        "client_secret": f"{intent_id}_secret_{uow.ids.letters(25)}",
        "created": uow.now,
        "customer": customer,
        "description": params.text("description"),
        "excluded_payment_method_types": None,
        "flow_directions": None,
        "last_setup_error": None,
        "latest_attempt": None,
        "livemode": False,
        "mandate": None,
        "metadata": params.metadata(),
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {
            "card": {"mandate_options": None, "network": None, "request_three_d_secure": "automatic"}
        },
        "payment_method_types": [],
        "single_use_mandate": None,
        "status": "requires_payment_method",
        "usage": params.choice("usage", {"off_session", "on_session"}, "off_session"),
    }
    method_types.take_types(intent, params, "usd")
    automatic = params.under("automatic_payment_methods")
    if params.has("automatic_payment_methods") and automatic.must_text("enabled") == "true":
        redirects = automatic.text("allow_redirects") or "always"
        intent["automatic_payment_methods"] = {"allow_redirects": redirects, "enabled": True}
    _take_method(uow, intent, params)
    uow.add(intent, "setup_intent.created")
    return _confirmed(uow, intent, params) if params.flag("confirm") else intent


def _take_method(uow: UnitOfWork, intent: Json, params: Params) -> None:
    method_types.read_mandate(params)
    params.ignore("use_stripe_sdk")
    method = payment_methods.given(uow, params, intent["customer"])
    if method is not None:
        intent |= {"payment_method": method["id"], "status": "requires_confirmation"}


def update(uow: UnitOfWork, intent_id: str, params: Params) -> Json:
    intent = uow.get("setup_intent", intent_id, "intent")
    intent["metadata"] = params.metadata(intent["metadata"])
    take_texts(intent, params, ("description",))
    if params.has("customer"):
        intent["customer"] = customers.retrieve_live(uow, params.must_text("customer"), "customer")["id"]
    if params.has("allowed_payment_method_types") or params.has("excluded_payment_method_types"):
        method_types.take_types(intent, params, "usd")
    _take_method(uow, intent, params)
    return uow.change(intent)


def confirm(uow: UnitOfWork, intent_id: str, params: Params) -> Json:
    intent = uow.get("setup_intent", intent_id, "intent")
    _take_method(uow, intent, params)
    return _confirmed(uow, intent, params)


def _confirmed(uow: UnitOfWork, intent: Json, params: Params) -> Json:
    if intent["status"] not in OPEN or intent["payment_method"] is None:
        raise unexpected_state(
            f"You cannot confirm this SetupIntent because it has a status of {intent['status']}.", intent
        )
    returns = web_address(params, "return_url")
    method = uow.known(intent["payment_method"])
    if method["type"] != "card":
        return _succeed(uow, intent)
    card = method_behaviour.behaviour(uow, method)
    if card.decline_code and not card.attaches:
        _decline(uow, intent, method, card.decline_code)
    if card.authentication in ("required", "unless_set_up"):
        url = f"{BASE}/authenticate/{intent['id']}"
        target = {"return_url": returns, "url": url}
        intent |= {"next_action": {"redirect_to_url": target, "type": "redirect_to_url"}, "status": "requires_action"}
        return uow.change(intent, "setup_intent.requires_action")
    return _succeed(uow, intent)


def _decline(uow: UnitOfWork, intent: Json, method: Json, decline_code: str) -> None:
    decline = decline_named(decline_code)
    error = {
        "code": decline.code,
        "decline_code": decline.decline_code,
        "message": decline.message,
        "payment_method": dict(method),
        "type": "card_error",
    }
    intent |= {"last_setup_error": error, "payment_method": None, "status": "requires_payment_method"}
    uow.change(intent, "setup_intent.setup_failed")
    raise StripeError(
        402,
        decline.message,
        kind="card_error",
        code=decline.code,
        keep=True,
        decline_code=decline.decline_code,
        setup_intent=intent,
    )


def _succeed(uow: UnitOfWork, intent: Json) -> Json:
    method = uow.known(intent["payment_method"])
    method_behaviour.mark_set_up(uow, method)
    if intent["customer"]:
        payment_methods.hold(uow, method, intent["customer"])
    intent |= {"last_setup_error": None, "next_action": None, "status": "succeeded"}
    uow.change(intent, "setup_intent.succeeded")
    uow.follow_up("setup_succeeded", intent)
    return intent


def ask_for_card(uow: UnitOfWork, subscription: Json) -> None:
    """Ask for a card for a trial that starts without one; the caller stores and announces the subscription."""
    intent = create(uow, Params({"customer": subscription["customer"]}))
    uow.hide(intent["id"], {"subscription": subscription["id"]})
    subscription["pending_setup_intent"] = intent["id"]


def give_to_subscription(uow: UnitOfWork, intent: Json) -> None:
    subscription = uow.find(uow.hidden(intent["id"]).get("subscription"))
    if subscription is not None and subscription["pending_setup_intent"] == intent["id"]:
        subscription |= {"default_payment_method": intent["payment_method"], "pending_setup_intent": None}
        uow.change(subscription, "customer.subscription.updated")


def authenticate(uow: UnitOfWork, intent_id: str, *, succeed: bool) -> Json:
    intent = uow.get("setup_intent", intent_id)
    if intent["status"] != "requires_action":
        raise unexpected_state("This set-up is not waiting for authentication.", intent)
    if succeed:
        return _succeed(uow, intent)
    intent |= {"next_action": None, "payment_method": None, "status": "requires_payment_method"}
    return uow.change(intent, "setup_intent.setup_failed")


def cancel(uow: UnitOfWork, intent_id: str, params: Params) -> Json:
    intent = uow.get("setup_intent", intent_id, "intent")
    if intent["status"] not in OPEN:
        raise unexpected_state(
            f"You cannot cancel this SetupIntent because it has a status of {intent['status']}.", intent
        )
    intent |= {"cancellation_reason": params.text("cancellation_reason"), "next_action": None, "status": "canceled"}
    return uow.change(intent, "setup_intent.canceled")


def retrieve(uow: UnitOfWork, intent_id: str, params: Params) -> Json:
    return uow.get("setup_intent", intent_id, "intent")


def list_all(uow: UnitOfWork, params: Params) -> Json:
    return list_objects(uow, "setup_intent", "/v1/setup_intents", params, ("customer", "payment_method"))
