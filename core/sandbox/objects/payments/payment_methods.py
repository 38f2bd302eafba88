"""Payment methods: created from Stripe's test ids, saved to a customer, changed and listed."""

import hashlib
import time

from core.sandbox.engine.errors import Json, StripeError, invalid, missing_parameter, no_such
from core.sandbox.engine.fields import take_texts
from core.sandbox.engine.lists import list_objects
from core.sandbox.engine.params import Params
from core.sandbox.engine.unit_of_work import UnitOfWork
from core.sandbox.objects.payments import method_behaviour
from core.sandbox.objects.payments.bank_accounts import (
    PREFIX,
    ROUTING_NUMBER,
    TestBankAccount,
    account_details,
    account_numbered,
    test_account,
)
from core.sandbox.objects.payments.cards import NUMBERS, TestCard, card_numbered, test_card
from core.sandbox.objects.payments.declines import decline_named
from core.sandbox.objects.payments.payment_method_shape import billing_details, build, card_details


def create(uow: UnitOfWork, params: Params) -> Json:
    kind = params.choice("type", {"card", "us_bank_account"})
    if kind is None:
        raise missing_parameter(params.named("type"))
    if kind == "us_bank_account":
        return _typed_account(uow, params)
    card = params.under("card")
    token = card.text("token")
    if token is not None:
        known = test_card(token)
        if known is None:
            raise no_such("token", token, "card[token]")
        return _made(uow, known, token, params, exp_month=_month(uow.now), exp_year=_year(uow.now) + 2)
    number = card.must_text("number").replace(" ", "")
    card.ignore("cvc")
    return _made(uow, *_typed(number), params, **_expiry(uow, card))


def _typed_account(uow: UnitOfWork, params: Params) -> Json:
    """A bank account given by its numbers; the account holder's name is required."""
    asked = params.under("us_bank_account")
    found = account_numbered(asked.must_text("account_number"))
    if asked.must_text("routing_number") != ROUTING_NUMBER:
        raise invalid("You must use a test routing number in test mode: 110000000.", asked.named("routing_number"))
    if found is None:
        raise invalid("You must use a test bank account number in test mode.", asked.named("account_number"))
    if params.under("billing_details").text("name") is None:
        raise missing_parameter("billing_details[name]")
    return _made_account(uow, *found, params)


def _made_account(uow: UnitOfWork, account: TestBankAccount, token: str, params: Params) -> Json:
    asked = params.under("us_bank_account")
    details = account_details(
        account,
        holder_type=asked.choice("account_holder_type", {"company", "individual"}, "individual") or "individual",
        account_type=asked.choice("account_type", {"checking", "savings"}, "checking") or "checking",
        fingerprint=hashlib.sha256(account.number.encode()).hexdigest()[:16],
    )
    made = build(
        uow.ids.new("payment_method"),
        details,
        uow.now,
        billing=billing_details(params.under("billing_details")),
        metadata=params.metadata(),
        kind="us_bank_account",
    )
    take_texts(made, params, ("allow_redisplay",))
    uow.hide(made["id"], {"token": token})
    return uow.add(made)


def from_number(uow: UnitOfWork, number: str, exp_month: int, exp_year: int, billing: Json) -> Json:
    """A card typed on a page; an unknown test number is declined as incorrect."""
    card, token = _typed(number)
    params = Params({})
    made = _made(uow, card, token, params, exp_month=exp_month, exp_year=exp_year, billing=billing)
    return made


def _typed(number: str) -> tuple[TestCard, str]:
    card = card_numbered(number)
    if card is None:
        raise StripeError(
            402, "Your card number is incorrect.", kind="card_error", code="incorrect_number", param="number"
        )
    return card, "pm_card_" + NUMBERS[number]


def _expiry(uow: UnitOfWork, card: Params) -> Json:
    month, year = card.whole("exp_month"), card.whole("exp_year")
    if month is None or year is None:
        raise missing_parameter(card.named("exp_month" if month is None else "exp_year"))
    year = year + 2000 if year < 100 else year
    if not 1 <= month <= 12:
        raise _bad_card("Your card's expiration month is invalid.", "invalid_expiry_month", "exp_month")
    if not _year(uow.now) <= year <= _year(uow.now) + 50:
        raise _bad_card("Your card's expiration year is invalid.", "invalid_expiry_year", "exp_year")
    return {"exp_month": month, "exp_year": year}


def _bad_card(message: str, code: str, param: str) -> StripeError:
    return StripeError(402, message, kind="card_error", code=code, param=param)


def _made(
    uow: UnitOfWork,
    card: TestCard,
    token: str,
    params: Params,
    *,
    exp_month: int,
    exp_year: int,
    billing: Json | None = None,
) -> Json:
    fingerprint = hashlib.sha256(f"{card.brand}{card.last4}{card.country}".encode()).hexdigest()[:16]
    made = build(
        uow.ids.new("payment_method"),
        card_details(card, fingerprint, exp_month, exp_year),
        uow.now,
        billing=billing or billing_details(params.under("billing_details")),
        metadata=params.metadata(),
    )
    take_texts(made, params, ("allow_redisplay",))
    uow.hide(made["id"], {"token": token})
    return uow.add(made)


def resolve(uow: UnitOfWork, given: str, customer: str | None, param: str = "payment_method") -> Json:
    """The payment method named in a request; a test id makes a new one, as at Stripe."""
    known = test_card(given)
    if known is not None:
        return _made(uow, known, given, Params({}), exp_month=_month(uow.now), exp_year=_year(uow.now) + 2)
    if (account := test_account(given)) is not None:
        return _made_account(uow, account, given, Params({}))
    if given.startswith(("pm_card_", PREFIX)):
        raise no_such("PaymentMethod", given, param)
    method = uow.find(given)
    if method is None or method["object"] != "payment_method":
        raise no_such("PaymentMethod", given, param)
    if method["customer"] and method["customer"] != customer:
        raise invalid(
            f"The customer does not have a payment method with the ID {given}. The payment method must be "
            "attached to the customer.",
            param,
        )
    if uow.hidden(given).get("detached"):
        raise invalid(
            "The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment, shared "
            "with a connected account without Customer attachment, or was detached from a Customer. It may not be "
            "used again.",
            param,
        )
    return method


def given(uow: UnitOfWork, params: Params, customer: str | None) -> Json | None:
    """The payment method that a request names, or describes in `payment_method_data`."""
    named = params.text("payment_method")
    if named is not None:
        return resolve(uow, named, customer)
    if params.has("payment_method_data"):
        return create(uow, params.under("payment_method_data"))
    return None


def check_exists(uow: UnitOfWork, given: str, param: str) -> None:
    """Refuse an id that is neither a payment method nor one of Stripe's test ids."""
    method = uow.find(given)
    if not test_card(given) and not test_account(given) and (method is None or method["object"] != "payment_method"):
        raise no_such("PaymentMethod", given, param)


def attach(uow: UnitOfWork, method_id: str, params: Params) -> Json:
    customer = uow.get("customer", params.must_text("customer"), "customer")
    method = resolve(uow, method_id, None)
    card = method_behaviour.behaviour(uow, method) if method["type"] == "card" else None
    if card is not None and card.decline_code and not card.attaches:
        decline = decline_named(card.decline_code)
        raise StripeError(402, decline.message, kind="card_error", code=decline.code, decline_code=decline.decline_code)
    return hold(uow, method, customer["id"])


def hold(uow: UnitOfWork, method: Json, customer_id: str) -> Json:
    """Save the method to the customer; nothing happens if it is already saved there."""
    if method["customer"] == customer_id:
        return method
    method["customer"] = customer_id
    return uow.change(method, "payment_method.attached")


def detach(uow: UnitOfWork, method_id: str, params: Params) -> Json:
    method = uow.get("payment_method", method_id)
    if method["customer"] is None:
        raise invalid("The payment method you provided is not attached to a customer so detachment is impossible.")
    customer = uow.known(method["customer"])
    if customer.get("invoice_settings", {}).get("default_payment_method") == method_id:
        customer["invoice_settings"]["default_payment_method"] = None
        uow.change(customer, "customer.updated")
    method["customer"] = None
    uow.hide(method_id, {**uow.hidden(method_id), "detached": True})
    return uow.change(method, "payment_method.detached")


def update(uow: UnitOfWork, method_id: str, params: Params) -> Json:
    method = uow.get("payment_method", method_id)
    method["metadata"] = params.metadata(method["metadata"])
    take_texts(method, params, ("allow_redisplay",))
    if method["type"] == "us_bank_account":
        take_texts(method["us_bank_account"], params.under("us_bank_account"), ("account_holder_type", "account_type"))
        params = params.but(card="")
    card = params.under("card")
    for name in ("exp_month", "exp_year"):
        if card.has(name):
            method["card"][name] = card.whole(name)
    if params.has("billing_details"):
        method["billing_details"] = billing_details(params.under("billing_details"))
    return uow.change(method, "payment_method.updated")


def retrieve(uow: UnitOfWork, method_id: str, params: Params) -> Json:
    if test_card(method_id) or test_account(method_id):
        return resolve(uow, method_id, None)
    return uow.get("payment_method", method_id)


def list_all(uow: UnitOfWork, params: Params) -> Json:
    """Saved payment methods; one that is not attached to a customer is in no list."""

    def held(method: Json) -> bool:
        return method["customer"] is not None

    return list_objects(
        uow, "payment_method", "/v1/payment_methods", params, ("customer", "type", "allow_redisplay"), held
    )


def list_of_customer(uow: UnitOfWork, customer_id: str, params: Params) -> Json:
    uow.get("customer", customer_id, "id")
    of_customer = params.but(customer=customer_id)
    return list_objects(
        uow,
        "payment_method",
        f"/v1/customers/{customer_id}/payment_methods",
        of_customer,
        ("customer", "type", "allow_redisplay"),
    )


def of_customer(uow: UnitOfWork, customer_id: str, method_id: str, params: Params) -> Json:
    method = uow.get("payment_method", method_id)
    if method["customer"] != customer_id:
        raise no_such("PaymentMethod", method_id)
    return method


def _year(moment: int) -> int:
    return time.gmtime(moment).tm_year


def _month(moment: int) -> int:
    return time.gmtime(moment).tm_mon
