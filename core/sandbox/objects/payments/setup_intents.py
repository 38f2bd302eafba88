"""Setup intents: saving a card for later without charging it."""

from core.sandbox.engine.errors import Json, StripeError, unexpected_state
from core.sandbox.engine.lists import list_objects
from core.sandbox.engine.params import Params
from core.sandbox.engine.unit_of_work import BASE, World
from core.sandbox.objects import customers
from core.sandbox.objects.payments import payment_methods
from core.sandbox.objects.payments.declines import decline_named

OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")


def create(world: World, params: Params) -> Json:
    customer = params.text("customer")
    if customer:
        customers.retrieve_live(world, customer, "customer")
    intent_id = world.ids.new("setup_intent")
    intent = {
        "id": intent_id,
        "object": "setup_intent",
        "application": None,
        "automatic_payment_methods": None,
        "cancellation_reason": None,
        "client_secret": f"{intent_id}_secret_{world.ids.letters(25)}",
        "created": world.now,
        "customer": customer,
        "description": params.text("description"),
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
        "payment_method_types": ["card"],
        "single_use_mandate": None,
        "status": "requires_payment_method",
        "usage": params.choice("usage", {"off_session", "on_session"}, "off_session"),
    }
    _take_method(world, intent, params)
    world.add(intent, "setup_intent.created")
    return _confirmed(world, intent, params) if params.flag("confirm") else intent


def _take_method(world: World, intent: Json, params: Params) -> None:
    given = params.text("payment_method")
    if given:
        method = payment_methods.resolve(world, given, intent["customer"])
        intent |= {"payment_method": method["id"], "status": "requires_confirmation"}


def update(world: World, intent_id: str, params: Params) -> Json:
    intent = world.get("setup_intent", intent_id, "intent")
    intent["metadata"] = params.metadata(intent["metadata"])
    _take_method(world, intent, params)
    return world.change(intent)


def confirm(world: World, intent_id: str, params: Params) -> Json:
    intent = world.get("setup_intent", intent_id, "intent")
    _take_method(world, intent, params)
    return _confirmed(world, intent, params)


def _confirmed(world: World, intent: Json, params: Params) -> Json:
    if intent["status"] not in OPEN or intent["payment_method"] is None:
        raise unexpected_state(
            f"You cannot confirm this SetupIntent because it has a status of {intent['status']}.", intent
        )
    method = world.known(intent["payment_method"])
    card = payment_methods.behaviour(world, method)
    if card.decline_code and not card.attaches:
        _decline(world, intent, method, card.decline_code)
    if card.authentication in ("required", "unless_set_up"):
        url = f"{BASE}/authenticate/{intent['id']}"
        target = {"return_url": params.text("return_url"), "url": url}
        intent |= {"next_action": {"redirect_to_url": target, "type": "redirect_to_url"}, "status": "requires_action"}
        return world.change(intent, "setup_intent.requires_action")
    return _succeed(world, intent)


def _decline(world: World, intent: Json, method: Json, decline_code: str) -> None:
    decline = decline_named(decline_code)
    error = {
        "code": decline.code,
        "decline_code": decline.decline_code,
        "message": decline.message,
        "payment_method": dict(method),
        "type": "card_error",
    }
    intent |= {"last_setup_error": error, "payment_method": None, "status": "requires_payment_method"}
    world.change(intent, "setup_intent.setup_failed")
    raise StripeError(
        402,
        decline.message,
        kind="card_error",
        code=decline.code,
        keep=True,
        decline_code=decline.decline_code,
        setup_intent=intent,
    )


def _succeed(world: World, intent: Json) -> Json:
    from core.sandbox.objects.payments import checkout

    method = world.known(intent["payment_method"])
    payment_methods.mark_set_up(world, method)
    if intent["customer"]:
        payment_methods.hold(world, method, intent["customer"])
    intent |= {"last_setup_error": None, "next_action": None, "status": "succeeded"}
    world.change(intent, "setup_intent.succeeded")
    checkout.intent_succeeded(world, intent)
    _give_to_subscription(world, intent)
    return intent


def ask_for_card(world: World, subscription: Json) -> None:
    """A trial that begins without a card waits for one; the caller stores and announces the subscription."""
    intent = create(world, Params({"customer": subscription["customer"]}))
    world.hide(intent["id"], {"subscription": subscription["id"]})
    subscription["pending_setup_intent"] = intent["id"]


def _give_to_subscription(world: World, intent: Json) -> None:
    subscription = world.find(world.hidden(intent["id"]).get("subscription"))
    if subscription is not None and subscription["pending_setup_intent"] == intent["id"]:
        subscription |= {"default_payment_method": intent["payment_method"], "pending_setup_intent": None}
        world.change(subscription, "customer.subscription.updated")


def authenticate(world: World, intent_id: str, *, succeed: bool) -> Json:
    intent = world.get("setup_intent", intent_id)
    if intent["status"] != "requires_action":
        raise unexpected_state("This set-up is not waiting for authentication.", intent)
    if succeed:
        return _succeed(world, intent)
    intent |= {"next_action": None, "payment_method": None, "status": "requires_payment_method"}
    return world.change(intent, "setup_intent.setup_failed")


def cancel(world: World, intent_id: str, params: Params) -> Json:
    intent = world.get("setup_intent", intent_id, "intent")
    if intent["status"] not in OPEN:
        raise unexpected_state(
            f"You cannot cancel this SetupIntent because it has a status of {intent['status']}.", intent
        )
    intent |= {"cancellation_reason": params.text("cancellation_reason"), "next_action": None, "status": "canceled"}
    return world.change(intent, "setup_intent.canceled")


def retrieve(world: World, intent_id: str, params: Params) -> Json:
    return world.get("setup_intent", intent_id, "intent")


def list_all(world: World, params: Params) -> Json:
    return list_objects(world, "setup_intent", "/v1/setup_intents", params, ("customer", "payment_method"))
