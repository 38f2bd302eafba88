"""Payment intents: made, changed, confirmed, captured, cancelled."""

from core.sandbox.engine.errors import Json, invalid, unexpected_state
from core.sandbox.engine.fields import take_shipping, take_texts
from core.sandbox.engine.limits import checked_amount, checked_currency, shown
from core.sandbox.engine.lists import list_objects, search_objects
from core.sandbox.engine.params import Params
from core.sandbox.engine.unit_of_work import UnitOfWork
from core.sandbox.objects import customers
from core.sandbox.objects.payments import bank_debits, confirmation, method_types, payment_methods
from core.sandbox.objects.payments.charges import capture as capture_charge
from core.sandbox.objects.payments.charges import release

CANCELABLE = ("requires_payment_method", "requires_confirmation", "requires_action", "requires_capture", "processing")
REASONS = {"duplicate", "fraudulent", "requested_by_customer", "abandoned"}
CONFIRM_ONLY = ("error_on_requires_action", "mandate_data", "off_session", "return_url")
TEXTS = (
    "confirmation_method",
    "description",
    "receipt_email",
    "setup_future_usage",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_group",
)


def build(
    intent_id: str, secret: str, created: int, *, amount: int, currency: str, customer: str | None, metadata: Json
) -> Json:
    """An intent that waits for a payment method."""
    return {
        "id": intent_id,
        "object": "payment_intent",
        "allowed_payment_method_types": None,
        "amount": amount,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": None,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": "automatic",
        "client_secret": f"{intent_id}_secret_{secret}",
        "confirmation_method": "automatic",
        "created": created,
        "currency": currency,
        "customer": customer,
        "description": None,
        "excluded_payment_method_types": None,
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": metadata,
        "next_action": None,
        "on_behalf_of": None,
        "payment_details": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {
            "card": {
                "installments": None,
                "mandate_options": None,
                "network": None,
                "request_three_d_secure": "automatic",
            }
        },
        "payment_method_types": ["card"],
        "processing": None,
        "receipt_email": None,
        "review": None,
        "setup_future_usage": None,
        "shipping": None,
        "source": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": None,
    }


def create(uow: UnitOfWork, params: Params) -> Json:
    currency = checked_currency(params.text("currency"))
    amount = checked_amount(params.whole("amount"), currency)
    customer = params.text("customer")
    if customer:
        customers.retrieve_live(uow, customer, "customer")
    intent = build(
        uow.ids.new("payment_intent"),
        uow.ids.letters(25),
        uow.now,
        amount=amount,
        currency=currency,
        customer=customer,
        metadata=params.metadata(),
    )
    method_types.take_types(intent, params, intent["currency"])
    _take(uow, intent, params)
    _check_confirm_options(params)
    uow.add(intent, "payment_intent.created")
    if params.flag("confirm"):
        return confirmation.confirm(uow, intent, params)
    return intent


def update(uow: UnitOfWork, intent_id: str, params: Params) -> Json:
    intent = uow.get("payment_intent", intent_id, "intent")
    frozen = ("succeeded", "canceled", "processing")
    changes_payment = any(params.has(name) for name in ("amount", "currency", "payment_method", "customer"))
    if intent["status"] in frozen and changes_payment:
        raise unexpected_state(
            f"This PaymentIntent's amount could not be updated because it has a status of {intent['status']}.", intent
        )
    if params.has("currency"):
        intent["currency"] = checked_currency(params.text("currency"))
    if params.has("amount"):
        intent["amount"] = checked_amount(params.whole("amount"), intent["currency"])
    if params.has("customer"):
        intent["customer"] = customers.retrieve_live(uow, params.must_text("customer"), "customer")["id"]
    intent["metadata"] = params.metadata(intent["metadata"])
    if params.has("allowed_payment_method_types") or params.has("excluded_payment_method_types"):
        method_types.take_types(intent, params, intent["currency"])
    _take(uow, intent, params)
    return uow.change(intent, "payment_intent.updated")


def confirm(uow: UnitOfWork, intent_id: str, params: Params) -> Json:
    intent = uow.get("payment_intent", intent_id, "intent")
    return confirmation.confirm(uow, intent, params)


def capture(uow: UnitOfWork, intent_id: str, params: Params) -> Json:
    intent = uow.get("payment_intent", intent_id, "intent")
    if intent["status"] != "requires_capture":
        raise unexpected_state(
            "This PaymentIntent could not be captured because it has a status of "
            f"{intent['status']}. Only a PaymentIntent with one of the following statuses may be captured: "
            "requires_capture.",
            intent,
        )
    if not params.flag("final_capture", default=True):
        raise invalid("This PaymentIntent does not support multiple captures.", "final_capture")
    take_texts(intent, params, ("statement_descriptor", "statement_descriptor_suffix"))
    asked = params.whole("amount_to_capture")
    amount = intent["amount_capturable"] if asked is None else asked
    if not 1 <= amount <= intent["amount_capturable"]:
        raise invalid(
            f"The amount to capture ({shown(amount, intent['currency'])}) must be at least 1 and no more than what "
            f"was authorized ({shown(intent['amount_capturable'], intent['currency'])}).",
            "amount_to_capture",
            "amount_too_large" if amount > 0 else "parameter_invalid_integer",
        )
    intent["metadata"] = params.metadata(intent["metadata"])
    capture_charge(uow, uow.known(intent["latest_charge"]), amount)
    uow.unschedule("expire_authorization", intent_id)
    intent |= {"amount_capturable": 0, "amount_received": amount, "status": "succeeded"}
    uow.change(intent, "payment_intent.succeeded")
    confirmation.after_payment(uow, intent)
    return intent


def cancel(uow: UnitOfWork, intent_id: str, params: Params) -> Json:
    intent = uow.get("payment_intent", intent_id, "intent")
    if intent["status"] not in CANCELABLE:
        raise unexpected_state(
            f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}. Only a PaymentIntent "
            f"with one of the following statuses may be canceled: {', '.join(CANCELABLE)}.",
            intent,
        )
    return withdraw(uow, intent, params.choice("cancellation_reason", REASONS))


def withdraw(uow: UnitOfWork, intent: Json, reason: str | None) -> Json:
    """Cancel the intent; an authorized amount is released."""
    if intent["status"] == "requires_capture":
        release(uow, uow.known(intent["latest_charge"]))
    if intent["status"] == "processing":
        bank_debits.withdraw(uow, uow.known(intent["latest_charge"]))
    uow.unschedule("expire_authorization", intent["id"])
    intent |= {
        "amount_capturable": 0,
        "canceled_at": uow.now,
        "cancellation_reason": reason,
        "next_action": None,
        "status": "canceled",
    }
    return uow.change(intent, "payment_intent.canceled")


def expire_authorization(uow: UnitOfWork, intent_id: str) -> None:
    intent = uow.known(intent_id)
    if intent["status"] == "requires_capture":
        withdraw(uow, intent, "automatic")


def retrieve(uow: UnitOfWork, intent_id: str, params: Params) -> Json:
    return uow.get("payment_intent", intent_id, "intent")


def list_all(uow: UnitOfWork, params: Params) -> Json:
    return list_objects(uow, "payment_intent", "/v1/payment_intents", params, ("customer",))


def search(uow: UnitOfWork, params: Params) -> Json:
    return search_objects(uow, "payment_intent", "/v1/payment_intents/search", params)


def _take(uow: UnitOfWork, intent: Json, params: Params) -> None:
    """The parameters that creating and updating share."""
    take_texts(intent, params, TEXTS)
    take_shipping(intent, params)
    if params.has("capture_method"):
        intent["capture_method"] = params.choice("capture_method", {"automatic", "automatic_async", "manual"})
    if params.has("automatic_payment_methods"):
        automatic = params.under("automatic_payment_methods")
        redirects, enabled = automatic.text("allow_redirects") or "always", automatic.must_text("enabled") == "true"
        intent["automatic_payment_methods"] = {"allow_redirects": redirects, "enabled": True} if enabled else None
    secure = params.under("payment_method_options").under("card").text("request_three_d_secure")
    if secure:
        intent["payment_method_options"]["card"]["request_three_d_secure"] = secure
    method = payment_methods.given(uow, params, intent["customer"])
    if method is not None:
        intent["payment_method"] = method["id"]
        if intent["status"] in ("requires_payment_method", "requires_action"):
            intent |= {"status": "requires_confirmation", "next_action": None}


def _check_confirm_options(params: Params) -> None:
    for name in CONFIRM_ONLY:
        if params.has(name) and not params.flag("confirm"):
            raise invalid(
                f"The parameter `{name}` cannot be passed when creating an intent unless `confirm=true`.", name
            )
