"""Bank debits: pending for some business days, then succeeded or failed."""

import time

from core.sandbox.engine import balance
from core.sandbox.engine.balance import DAY_SECONDS
from core.sandbox.engine.errors import DOCS, Json, invalid
from core.sandbox.engine.unit_of_work import UnitOfWork
from core.sandbox.objects.payments import charges, disputes, method_behaviour
from core.sandbox.objects.payments.bank_accounts import FAILURES, DebitFailure
from core.sandbox.objects.payments.declines import Decline, approved_outcome, decline_named, declined_outcome

RETURNED_AFTER_SECONDS = 20 * DAY_SECONDS


def business_days_after(start: int, days: int) -> int:
    """`start` moved on by `days` that are no Saturday or Sunday (UTC)."""
    moment = start
    while days:
        moment += DAY_SECONDS
        days -= time.gmtime(moment).tm_wday < 5
    return moment


def begin(uow: UnitOfWork, intent: Json, method: Json) -> Decline | None:
    """Start the debit: the charge is pending, the intent processing. Returns the decline if it is blocked."""
    if intent["currency"] != "usd":
        raise invalid("Payments with `us_bank_account` must be in usd.", "currency")
    account = method_behaviour.bank_account(uow, method)
    charge = _charge(uow, intent, method)
    if account.blocked:
        return _block(uow, intent, method, charge)
    decided_at = None if account.business_days is None else business_days_after(uow.now, account.business_days)
    charge["balance_transaction"] = balance.book_debit(uow, charge, settles=decided_at or uow.now)["id"]
    uow.add(charge, "charge.pending")
    intent |= {"last_payment_error": None, "latest_charge": charge["id"], "next_action": None, "status": "processing"}
    uow.change(intent, "payment_intent.processing")
    if decided_at is not None:
        uow.schedule(decided_at, "debit_decided", charge["id"])
    uow.follow_up("payment_processing", intent)
    return None


def _charge(uow: UnitOfWork, intent: Json, method: Json) -> Json:
    charge = charges.build(
        uow.ids.new("charge"), intent, method, uow.now, outcome=approved_outcome("not_assessed", None), card={}
    )
    held = method["us_bank_account"]
    details = {name: held[name] for name in ("account_holder_type", "account_type", "bank_name", "fingerprint")}
    expected = time.strftime("%Y-%m-%d", time.gmtime(uow.now + DAY_SECONDS))
    details |= {
        "expected_debit_date": expected,
        "last4": held["last4"],
        "mandate": f"mandate_1{uow.ids.letters(23)}",
        "payment_reference": uow.ids.letters(15).upper(),
        "routing_number": held["routing_number"],
    }
    charge["payment_method_details"] = {"type": "us_bank_account", "us_bank_account": details}
    return charge | {"paid": False, "status": "pending"}


def _block(uow: UnitOfWork, intent: Json, method: Json, charge: Json) -> Decline:
    decline = decline_named("highest_risk_level")
    charge["outcome"] = declined_outcome(decline, "highest", 90)
    uow.add(charges.as_failed(charge, decline), "charge.failed")
    _need_another_method(uow, intent, method, charge, DebitFailure(decline.code, "fraudulent", decline.message, ""))
    uow.follow_up("payment_failed", intent)
    return decline


def decide(uow: UnitOfWork, charge_id: str) -> None:
    """The bank has decided: the debit succeeds or fails."""
    charge = uow.known(charge_id)
    if charge["status"] != "pending":
        return
    intent, method = uow.known(charge["payment_intent"]), uow.known(charge["payment_method"])
    account = method_behaviour.bank_account(uow, method)
    if account.failure is not None:
        _fail(uow, intent, method, charge, FAILURES[account.failure])
        return
    charge |= {"paid": True, "status": "succeeded"}
    uow.change(charge, "charge.succeeded")
    intent |= {"amount_received": intent["amount"], "status": "succeeded"}
    uow.change(intent, "payment_intent.succeeded")
    if account.disputed:
        uow.schedule(uow.now + RETURNED_AFTER_SECONDS, "debit_returned", charge_id)
    uow.follow_up("payment_succeeded", intent)


def _fail(uow: UnitOfWork, intent: Json, method: Json, charge: Json, failure: DebitFailure) -> None:
    _reverse(uow, charge, failure)
    _need_another_method(uow, intent, method, charge, failure)
    uow.follow_up("payment_failed", intent)
    uow.follow_up("debit_failed", intent)


def _reverse(uow: UnitOfWork, charge: Json, failure: DebitFailure) -> None:
    """Return the booked amount, with a fee for the failed debit."""
    charge |= {
        "amount_captured": 0,
        "failure_balance_transaction": balance.book_failed_debit(uow, charge)["id"],
        "failure_code": failure.code,
        "failure_message": failure.message,
        "outcome": declined_outcome(
            Decline(failure.code, failure.decline_code, failure.message, failure.network_code, None),
            "not_assessed",
            None,
        ),
        "receipt_url": None,
        "status": "failed",
    }
    uow.change(charge, "charge.failed")


def _need_another_method(uow: UnitOfWork, intent: Json, method: Json, charge: Json, failure: DebitFailure) -> None:
    intent |= {
        "last_payment_error": {
            "advice_code": None,
            "charge": charge["id"],
            "code": failure.code,
            "decline_code": failure.decline_code,
            "doc_url": DOCS + failure.code.replace("_", "-"),
            "message": failure.message,
            "network_decline_code": failure.network_code or None,
            "payment_method": dict(method),
            "type": "invalid_request_error" if failure.network_code else "card_error",
        },
        "latest_charge": charge["id"],
        "payment_method": None,
        "status": "requires_payment_method",
    }
    uow.change(intent, "payment_intent.payment_failed")


def withdraw(uow: UnitOfWork, charge: Json) -> None:
    """A debit that is canceled before the bank has decided."""
    uow.unschedule("debit_decided", charge["id"])
    _reverse(uow, charge, DebitFailure("charge_canceled", "charge_canceled", "The debit was canceled.", "R31"))


def return_debit(uow: UnitOfWork, charge_id: str) -> None:
    """The account holder disputes the debit with their bank: it is lost at once and cannot be answered."""
    charge = uow.known(charge_id)
    if not charge["disputed"] and not charge["refunded"]:
        disputes.close(uow, disputes.open_on(uow, charge, "debit_not_authorized"), "lost")
