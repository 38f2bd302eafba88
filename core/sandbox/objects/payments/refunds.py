"""Refunds: succeeded at once, pending, or failed."""

from core.sandbox.engine import balance
from core.sandbox.engine.errors import Json, invalid, no_such, unexpected_state
from core.sandbox.engine.limits import shown
from core.sandbox.engine.lists import list_objects
from core.sandbox.engine.params import Params
from core.sandbox.engine.unit_of_work import UnitOfWork
from core.sandbox.objects.payments import fraud_warnings, method_behaviour

REASONS = {"duplicate", "fraudulent", "requested_by_customer"}
FAILS_AFTER_SECONDS = 5
PENDING_FOR_SECONDS = 5


def build(refund_id: str, charge: Json, amount: int, created: int, *, reason: str | None, metadata: Json) -> Json:
    """A refund that went through."""
    return {
        "id": refund_id,
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": created,
        "currency": charge["currency"],
        "destination_details": {
            "card": {
                "reference": None,
                "reference_status": "pending",
                "reference_type": "acquirer_reference_number",
                "type": "refund",
            },
            "type": "card",
        },
        "metadata": metadata,
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "reason": reason,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "succeeded",
        "transfer_reversal": None,
    }


def create(uow: UnitOfWork, params: Params) -> Json:
    charge = _charge_of(uow, params)
    amount = _checked_amount(charge, params.whole("amount"))
    reason = params.choice("reason", REASONS)
    refund = build(uow.ids.new("refund"), charge, amount, uow.now, reason=reason, metadata=params.metadata())
    method = uow.known(charge["payment_method"])
    outcome = method_behaviour.behaviour(uow, method).refund if method["type"] == "card" else "pending"
    if method["type"] != "card":
        transfer = {"reference": None, "reference_status": "pending"}
        refund["destination_details"] = {"type": "us_bank_transfer", "us_bank_transfer": transfer}
    txn = balance.book(
        uow,
        "refund" if method["type"] == "card" else "payment_refund",
        amount=-amount,
        currency=charge["currency"],
        source=refund["id"],
        description=f"REFUND FOR CHARGE ({charge['description'] or charge['id']})",
    )
    refund["balance_transaction"] = txn["id"]
    if outcome == "pending":
        refund |= {"status": "pending", "pending_reason": "processing"}
        uow.schedule(uow.now + PENDING_FOR_SECONDS, "refund_succeeds", refund["id"])
    if outcome == "failed":
        uow.schedule(uow.now + FAILS_AFTER_SECONDS, "refund_fails", refund["id"])
    uow.add(refund, "refund.created")
    _count_on_charge(uow, charge, amount)
    return refund


def _charge_of(uow: UnitOfWork, params: Params) -> Json:
    charge_id, intent_id = params.text("charge"), params.text("payment_intent")
    if charge_id is None and intent_id is None:
        raise invalid("One of the following params should be provided for this request: payment_intent or charge.")
    if intent_id is not None:
        intent = uow.get("payment_intent", intent_id, "payment_intent")
        if intent["status"] != "succeeded":
            raise unexpected_state(
                f"This PaymentIntent ({intent_id}) does not have a successful charge to refund.", intent
            )
        charge_id = charge_id or intent["latest_charge"]
    charge = uow.get("charge", charge_id or "", "charge")
    if intent_id is not None and charge["payment_intent"] != intent_id:
        raise no_such("charge", charge["id"], "charge")
    _check_refundable(uow, charge)
    return charge


def _check_refundable(uow: UnitOfWork, charge: Json) -> None:
    if charge["status"] != "succeeded":
        raise invalid(
            f"Charge {charge['id']} was not successful and cannot be refunded.", "charge", "charge_not_refundable"
        )
    if not charge["captured"]:
        raise invalid(
            f"Charge {charge['id']} has not been captured: cancel its PaymentIntent instead.",
            "charge",
            "charge_not_refundable",
        )
    if any(not dispute["is_charge_refundable"] for dispute in uow.all("dispute", "parent", charge["id"])):
        raise invalid(
            f"Charge {charge['id']} has been charged back; cannot issue a refund.", "charge", "charge_disputed"
        )
    if charge["refunded"]:
        raise invalid(f"Charge {charge['id']} has already been refunded.", "charge", "charge_already_refunded")


def _checked_amount(charge: Json, asked: int | None) -> int:
    left = charge["amount"] - charge["amount_refunded"]
    if asked is None:
        return int(left)
    if asked < 1:
        raise invalid("This value must be greater than or equal to 1.", "amount", "parameter_invalid_integer")
    if asked > left:
        currency = charge["currency"]
        raise invalid(
            f"Refund amount ({shown(asked, currency)}) is greater than unrefunded amount on charge "
            f"({shown(left, currency)})",
            "amount",
        )
    return asked


def _count_on_charge(uow: UnitOfWork, charge: Json, amount: int) -> None:
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    uow.change(charge, "charge.refunded")
    fraud_warnings.settle(uow, charge)


def cancel(uow: UnitOfWork, refund_id: str, params: Params) -> Json:
    refund = uow.get("refund", refund_id)
    if refund["status"] != "requires_action":
        raise invalid(f"A refund with a status of {refund['status']} cannot be canceled.", code="refund_not_cancelable")
    return _give_back(uow, refund, "canceled", None)


def update(uow: UnitOfWork, refund_id: str, params: Params) -> Json:
    refund = uow.get("refund", refund_id)
    refund["metadata"] = params.metadata(refund["metadata"])
    return uow.change(refund, "refund.updated", "charge.refund.updated")


def succeed(uow: UnitOfWork, refund_id: str) -> None:
    """A pending refund reached the customer's bank."""
    refund = uow.known(refund_id)
    if refund["status"] == "pending":
        refund["status"] = "succeeded"
        refund.pop("pending_reason", None)
        uow.change(refund, "refund.updated", "charge.refund.updated")


def fail(uow: UnitOfWork, refund_id: str) -> None:
    """The refund failed: the amount returns to the balance and can be refunded again."""
    refund = uow.known(refund_id)
    if refund["status"] in ("succeeded", "pending"):
        _give_back(uow, refund, "failed", "lost_or_stolen_card")


def _give_back(uow: UnitOfWork, refund: Json, status: str, reason: str | None) -> Json:
    txn = balance.book(
        uow,
        "refund_failure",
        amount=refund["amount"],
        currency=refund["currency"],
        source=refund["id"],
        description=f"REFUND FAILURE FOR {refund['id']}",
    )
    refund |= {"failure_balance_transaction": txn["id"], "failure_reason": reason, "status": status}
    refund.pop("pending_reason", None)
    events = ["refund.updated", "charge.refund.updated"]
    uow.change(refund, *(["refund.failed", *events] if status == "failed" else events))
    charge = uow.known(refund["charge"])
    charge["amount_refunded"] -= refund["amount"]
    charge["refunded"] = False
    uow.change(charge, "charge.updated")
    return refund


def retrieve(uow: UnitOfWork, refund_id: str, params: Params) -> Json:
    return uow.get("refund", refund_id)


def list_all(uow: UnitOfWork, params: Params) -> Json:
    return list_objects(uow, "refund", "/v1/refunds", params, ("charge", "payment_intent"))


def of_charge(uow: UnitOfWork, charge: Json) -> Json:
    """`charge.refunds`, shown only when expanded."""
    found = list(uow.all("refund", "parent", charge["id"]))
    return {"object": "list", "data": found, "has_more": False, "url": f"/v1/charges/{charge['id']}/refunds"}
