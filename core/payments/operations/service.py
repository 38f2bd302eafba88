"""The payment API's operations, without HTTP: each takes its request and returns its answer."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.errors import Refused, Unavailable
from core.identifiers import private_problem
from core.money import Money
from core.payments import amount_limits, failures, ids
from core.payments.context import PaymentContext
from core.payments.operations import addresses, catalogue, customer_actions, customers, discounts, served_states
from core.payments.operations.callers import Caller, not_found
from core.payments.operations.requests import Request, found_before, marked
from core.payments.operations.schemas import (
    CheckoutAnswer,
    CheckoutRequest,
    DiscountAnswer,
    DiscountRequest,
    PaymentAnswer,
    PaymentMethodsAnswer,
    PaymentRequest,
    SavedCard,
    StatusAnswer,
)
from core.staff.flags import Flow
from core.stripe_gateway import Json

if TYPE_CHECKING:
    from core.stripe_gateway import PaymentIntentCreateParams, SessionCreateParams

CONCEALS_A_BLOCK = (None, "generic_decline", "fraudulent")  # what Stripe answers where its own rules blocked a payment
WAITING = ("requires_action", "requires_confirmation", "requires_payment_method")


def create_checkout_session(
    context: PaymentContext, request: Request, asked: CheckoutRequest, return_origins: tuple[str, ...]
) -> CheckoutAnswer:
    """A checkout session for the cart, at the catalogue's prices."""
    options = asked.options
    request.caller.reach(asked.customerInfo.patientId)
    recurring = options.mode == "subscription"
    for flow in (Flow.CHECKOUT, *([Flow.SUBSCRIPTIONS] if recurring else [])):
        context.flags.require(flow)
    served_states.require(context, options.orderId, asked.customerInfo)
    for field in ("success_url", "cancel_url"):
        addresses.require_allowed(getattr(options, field), return_origins, path=f"options.{field}")
    lines = catalogue.priced(context, asked.cartItems, recurring=recurring)
    customer = customers.ensured(context, asked.customerInfo)
    metadata = marked(request, options.orderId, asked.customerInfo.patientId)
    params: SessionCreateParams = {
        "mode": options.mode,
        "customer": customer,
        "line_items": [{"price": line.price_id, "quantity": line.quantity} for line in lines],
        "success_url": options.success_url,
        "cancel_url": options.cancel_url,
        "metadata": metadata,
    }
    if recurring:
        params["subscription_data"] = {"metadata": metadata}
    else:
        params["payment_intent_data"] = {"metadata": metadata | catalogue.written(lines)}
    if options.discountCode:
        code = discounts.accepted(
            context, options.discountCode, catalogue.sum_of(lines), customer, path="options.discountCode"
        )
        params["discounts"] = [{"promotion_code": code.code.id}] if code.code else []
    made = found_before(context, request, "checkout/sessions", customer) or context.stripe.write(
        "checkout/sessions", key=request.key, **params
    )
    return CheckoutAnswer(sessionId=made["id"], url=made["url"], status=made["status"])


def process_payment(context: PaymentContext, request: Request, asked: PaymentRequest) -> PaymentAnswer:
    """Charge a card once. Raises `Refused`: `card_declined` with what happened in its facts, `amount_mismatch`."""
    patient = asked.customerInfo.patientId
    request.caller.reach(patient)
    if made := customer_actions.done_before(context, request):
        return _payment_made(request, made)
    context.flags.require(Flow.ONE_TIME)
    served_states.require(context, asked.orderId, asked.customerInfo)
    money = _chargeable(asked.amount, asked.currency)
    if request.caller.is_patient and asked.cartItems is None:
        raise Refused("cart_required", "Send the cart, so that its price can be checked.", facts={"path": "cartItems"})
    customer = customers.ensured(context, asked.customerInfo)
    code, cart = _check_price(context, asked, money, customer)
    begun_with = {
        "path": "payment_intents",
        "customer_id": customer,
        "order_id": asked.orderId,
        "amount_minor": money.minor,
        "currency": money.currency,
        "promotion_code": code.id if code else None,
        "uses_left": code.uses_left if code else None,
        "first_time": bool(code and code.first_time_only),
    }
    params = _charge_of(asked, request, money, customer, cart)
    try:
        intent = customer_actions.performed(context, "begin_payment", request, begun_with, **params)
    except Refused as error:
        if (
            error.code == "private_text"
            or error.code == "stripe_refused"
            and error.facts.get("param") != "payment_method"
        ):
            raise
        raise failures.of_card(_with_block(context, error), for_patient=request.caller.is_patient) from error
    return _payment_made(request, intent)


def _charge_of(
    asked: PaymentRequest, request: Request, money: Money, customer: str, cart: Sequence[catalogue.Line]
) -> "PaymentIntentCreateParams":
    params: PaymentIntentCreateParams = {
        "amount": money.minor,
        "currency": money.currency,
        "customer": customer,
        "payment_method": asked.paymentMethodId,
        "confirm": True,
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        "metadata": marked(request, asked.orderId, asked.customerInfo.patientId) | catalogue.written(cart),
    }
    if asked.savePaymentMethod:
        params["setup_future_usage"] = "off_session"
    if asked.description:
        params["description"] = asked.description
    return params


def _payment_made(request: Request, intent: Json) -> PaymentAnswer:
    """Raises the decline if the card was declined before the answer was lost."""
    if error := intent.get("last_payment_error"):
        raise failures.declined(_as_refusal(intent, error, None), for_patient=request.caller.is_patient)
    return payment_answer(intent)


def payment_answer(intent: Json) -> PaymentAnswer:
    """The payment intent as the caller sees it, with the client secret only while the customer has to act."""
    waits = intent["status"] in WAITING
    return PaymentAnswer(
        paymentIntentId=intent["id"],
        status=intent["status"],
        clientSecret=intent["client_secret"] if waits else None,
        nextAction=intent.get("next_action") if waits else None,
    )


def payment_again(context: PaymentContext, kept: Json) -> PaymentAnswer:
    """A stored answer completed with the client secret, which is never stored, while the customer has to act."""
    if kept["status"] not in WAITING:
        return PaymentAnswer(**kept)
    intent = context.stripe.retrieve(f"payment_intents/{kept['paymentIntentId']}")
    return PaymentAnswer(**kept, clientSecret=intent["client_secret"], nextAction=intent.get("next_action"))


def verify_status(context: PaymentContext, caller: Caller, session_id: str) -> StatusAnswer:
    """The status of a checkout at Stripe now."""
    if problem := private_problem(session_id):
        raise Refused("private_identifier", problem, facts={"path": "sessionId"})
    if not ids.fits(session_id, ids.SESSION):
        raise not_found()
    session = customers.reached(context, caller, f"checkout/sessions/{session_id}")
    return StatusAnswer(
        sessionId=session["id"],
        status=session["status"],
        paymentStatus=session["payment_status"],
        amountTotal=session["amount_total"],
        currency=session["currency"],
        paymentIntentId=session["payment_intent"],
        subscriptionId=session["subscription"],
        orderId=(session.get("metadata") or {}).get("orderId"),
    )


def validate_discount(context: PaymentContext, caller: Caller, asked: DiscountRequest) -> DiscountAnswer:
    """What a code would take off an amount, or why it is not valid."""
    context.flags.require(Flow.DISCOUNTS)
    if asked.customerId is not None:
        customers.reached(context, caller, f"customers/{asked.customerId}")
    customer = asked.customerId
    if customer is None and caller.patient_id is not None:
        customer = next(iter(customers.of_patient(context, caller.patient_id)), None)
    verdict = discounts.judged(context, asked.code, _known_currency(asked.amount, asked.currency), customer)
    code = verdict.code if verdict.valid else None
    return DiscountAnswer(
        valid=verdict.valid,
        code=asked.code,
        percentOff=float(code.percent_off) if code and code.percent_off is not None else None,
        amountOff=code.amount_off.minor if code and code.amount_off else None,
        discountAmount=verdict.off.minor,
        total=verdict.total.minor,
        reason=verdict.reason,
    )


def payment_methods(context: PaymentContext, caller: Caller, patient_id: str) -> PaymentMethodsAnswer:
    """A patient's saved cards."""
    caller.reach(patient_id)
    cards: list[SavedCard] = []
    for customer_id in customers.of_patient(context, patient_id):
        customer = context.stripe.retrieve(f"customers/{customer_id}")
        default = (customer.get("invoice_settings") or {}).get("default_payment_method")
        for method in context.stripe.each(f"customers/{customer_id}/payment_methods", type="card"):
            cards.append(_saved_card(method, default))
    return PaymentMethodsAnswer(paymentMethods=cards)


def _saved_card(method: Json, default: str | None) -> SavedCard:
    card = method["card"]
    return SavedCard(
        id=method["id"],
        brand=card["brand"],
        last4=card["last4"],
        expMonth=card["exp_month"],
        expYear=card["exp_year"],
        isDefault=method["id"] == default,
    )


def _chargeable(amount: int, currency: str) -> Money:
    money = _known_currency(amount, currency)
    if problem := amount_limits.problem_with(money):
        raise Refused("amount_not_allowed", problem, facts={"path": "amount"})
    return money


def _known_currency(amount: int, currency: str) -> Money:
    """Raises `Refused` for a currency that cannot be charged and for more than can be charged in it at once."""
    money = Money(amount, currency)
    if money.currency not in amount_limits.CURRENCIES:
        raise Refused("unknown_currency", str(amount_limits.problem_with(money)), facts={"path": "currency"})
    if money.minor > amount_limits.largest(money.currency).minor:
        raise Refused("amount_not_allowed", str(amount_limits.problem_with(money)), facts={"path": "amount"})
    return money


def _check_price(
    context: PaymentContext, asked: PaymentRequest, money: Money, customer: str
) -> tuple[discounts.Code | None, list[catalogue.Line]]:
    """Raise `Refused` unless the amount is the cart's price after the discount; returns the code and the cart."""
    expected, code = money, None
    cart: list[catalogue.Line] = []
    if asked.cartItems is not None:
        cart = catalogue.priced(context, asked.cartItems, recurring=False)
        expected = catalogue.sum_of(cart)
    if asked.discountCode:
        verdict = discounts.accepted(context, asked.discountCode, expected, customer, path="discountCode")
        code = verdict.code
        expected = verdict.total if asked.cartItems is not None else money
    if expected != money:
        sentence = f"The catalogue's price is {expected}, not {money}."
        path = "amount" if expected.currency == money.currency else "currency"
        raise Refused("amount_mismatch", sentence, facts={"path": path})
    return code, cart


def _as_refusal(intent: Json, error: Json, charge: Json | None) -> Refused:
    facts = vars(failures.Decline.of_intent(error, charge)) | {"payment_intent": intent["id"]}
    return Refused("card_declined", error.get("message") or "", facts=facts)


def _with_block(context: PaymentContext, error: Refused) -> Refused:
    """The same decline with its reason, if Stripe blocked the payment and the error does not say so."""
    intent_id = error.facts.get("payment_intent")
    if error.facts.get("decline_code") not in CONCEALS_A_BLOCK or intent_id is None:
        return error
    try:
        intent = context.stripe.retrieve(f"payment_intents/{intent_id}", expand=["latest_charge"])
    except (Refused, Unavailable):
        return error
    last_error = intent.get("last_payment_error")
    return _as_refusal(intent, last_error, failures.latest_charge(intent)) if last_error else error
