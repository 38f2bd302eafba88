"""Charges: each is one attempt to collect a payment; and capturing or releasing it."""

from core.sandbox.engine import balance
from core.sandbox.engine.errors import Json
from core.sandbox.engine.fields import take_shipping, take_texts
from core.sandbox.engine.lists import list_objects, search_objects
from core.sandbox.engine.params import Params
from core.sandbox.engine.unit_of_work import BASE, UnitOfWork
from core.sandbox.objects.payments.cards import TestCard
from core.sandbox.objects.payments.declines import Decline, approved_outcome, declined_outcome

RISK_SCORES = {"normal": 24, "elevated": 68, "highest": 92}


def card_of_charge(card: Json, *, authorization: str | None, three_d_secure: Json | None) -> Json:
    """`payment_method_details.card`: the card as it was at the time of the charge."""
    return {
        "amount_authorized": None,
        "authorization_code": authorization,
        "brand": card["brand"],
        "checks": card["checks"],
        "country": card["country"],
        "exp_month": card["exp_month"],
        "exp_year": card["exp_year"],
        "extended_authorization": {"status": "disabled"},
        "fingerprint": card["fingerprint"],
        "funding": card["funding"],
        "incremental_authorization": {"status": "unavailable"},
        "installments": None,
        "last4": card["last4"],
        "mandate": None,
        "multicapture": {"status": "unavailable"},
        "network": card["brand"],
        "network_token": {"used": False},
        "network_transaction_id": authorization and f"{authorization}{card['last4']}00",
        "overcapture": {"maximum_amount_capturable": 0, "status": "unavailable"},
        "regulated_status": "unregulated",
        "three_d_secure": three_d_secure,
        "wallet": None,
    }


def authenticated(result: str = "authenticated", *, flow: str = "challenge") -> Json:
    """`three_d_secure` of a charge that went through 3-D Secure."""
    return {
        "authentication_flow": flow if result == "authenticated" else None,
        "electronic_commerce_indicator": "05" if result == "authenticated" else None,
        "exemption_indicator": None,
        "result": result,
        "result_reason": None,
        "transaction_id": None,
        "version": "2.2.0",
    }


def build(charge_id: str, intent: Json, method: Json, created: int, *, outcome: Json, card: Json) -> Json:
    """A succeeded charge of the whole intent, captured and not yet on the balance."""
    amount = intent["amount"]
    return {
        "id": charge_id,
        "object": "charge",
        "amount": amount,
        "amount_captured": amount,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": None,
        "billing_details": method["billing_details"],
        "calculated_statement_descriptor": "TELEHEALTH",
        "captured": True,
        "created": created,
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "fraud_details": {},
        "livemode": False,
        "metadata": intent["metadata"],
        "on_behalf_of": None,
        "outcome": outcome,
        "paid": True,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": {"card": card, "type": "card"},
        "presentment_details": None,
        "radar_options": {},
        "receipt_email": intent["receipt_email"],
        "receipt_number": None,
        "receipt_url": f"{BASE}/receipts/{charge_id}",
        "refunded": False,
        "review": None,
        "shipping": intent["shipping"],
        "source": None,
        "source_transfer": None,
        "statement_descriptor": intent["statement_descriptor"],
        "statement_descriptor_suffix": intent["statement_descriptor_suffix"],
        "status": "succeeded",
        "transfer_data": None,
        "transfer_group": intent["transfer_group"],
    }


def as_failed(charge: Json, decline: Decline) -> Json:
    """The same attempt, declined."""
    charge |= {
        "amount_captured": 0,
        "captured": False,
        "failure_code": decline.code,
        "failure_message": decline.message,
        "paid": False,
        "receipt_url": None,
        "status": "failed",
    }
    if "card" in charge["payment_method_details"]:
        charge["payment_method_details"]["card"]["authorization_code"] = None
    return charge


def fail(uow: UnitOfWork, intent: Json, method: Json, card: TestCard, decline: Decline, secure: Json | None) -> Json:
    """A declined attempt, stored and announced."""
    score = RISK_SCORES[card.risk_level]
    outcome = declined_outcome(decline, card.risk_level, score)
    details = card_of_charge(method["card"], authorization=None, three_d_secure=secure)
    charge = build(uow.ids.new("charge"), intent, method, uow.now, outcome=outcome, card=details)
    return uow.add(as_failed(charge, decline), "charge.failed")


def succeed(uow: UnitOfWork, intent: Json, method: Json, card: TestCard, secure: Json | None) -> Json:
    """An authorized attempt; captured at once unless the intent waits for a capture."""
    outcome = approved_outcome(card.risk_level, RISK_SCORES[card.risk_level])
    code = f"{uow.ids.letters(6).upper()}"
    details = card_of_charge(method["card"], authorization=code, three_d_secure=secure)
    charge = build(uow.ids.new("charge"), intent, method, uow.now, outcome=outcome, card=details)
    if intent["capture_method"] == "manual":
        charge |= {"amount_captured": 0, "captured": False}
        details["capture_before"] = uow.now + 7 * balance.DAY_SECONDS
        return uow.add(charge, "charge.succeeded")
    if intent["capture_method"] == "automatic_async":
        uow.add(charge, "charge.succeeded")
        uow.schedule(uow.now + 1, "settle_charge", charge["id"])
        return charge
    charge["balance_transaction"] = balance.book_charge(uow, charge, at_once=card.available_now)["id"]
    return uow.add(charge, "charge.succeeded")


def settle(uow: UnitOfWork, charge_id: str) -> None:
    """Books a charge whose balance transaction comes after it."""
    charge = uow.known(charge_id)
    if charge["balance_transaction"] is None:
        charge["balance_transaction"] = balance.book_charge(uow, charge, at_once=False)["id"]
        uow.change(charge, "charge.updated")


def capture(uow: UnitOfWork, charge: Json, amount: int) -> Json:
    """Take `amount` of what was authorized; the rest is booked as a refund of the charge, without a refund object."""
    charge |= {"amount_captured": amount, "captured": True}
    charge["balance_transaction"] = balance.book_charge(uow, charge, at_once=False)["id"]
    if amount < charge["amount"]:
        balance.book_partial_capture(uow, charge)
        charge["amount_refunded"] = charge["amount"] - amount
    return uow.change(charge, "charge.captured")


def release(uow: UnitOfWork, charge: Json) -> Json:
    """Release the authorization; no money moved."""
    charge |= {"amount_refunded": charge["amount"], "refunded": True}
    return uow.change(charge, "charge.refunded")


def update(uow: UnitOfWork, charge_id: str, params: Params) -> Json:
    charge = uow.get("charge", charge_id)
    charge["metadata"] = params.metadata(charge["metadata"])
    take_texts(charge, params, ("description", "receipt_email", "transfer_group"))
    take_shipping(charge, params)
    report = params.under("fraud_details").choice("user_report", {"fraudulent", "safe"})
    if report:
        charge["fraud_details"]["user_report"] = report
    return uow.change(charge, "charge.updated")


def retrieve(uow: UnitOfWork, charge_id: str, params: Params) -> Json:
    return uow.get("charge", charge_id)


def list_all(uow: UnitOfWork, params: Params) -> Json:
    return list_objects(uow, "charge", "/v1/charges", params, ("customer", "payment_intent", "transfer_group"))


def search(uow: UnitOfWork, params: Params) -> Json:
    return search_objects(uow, "charge", "/v1/charges/search", params)
