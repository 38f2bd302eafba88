"""Paying a checkout session: what the page's button does."""

from core.sandbox.engine.errors import Json, StripeError, invalid
from core.sandbox.engine.params import Params
from core.sandbox.engine.unit_of_work import UnitOfWork
from core.sandbox.objects import customers
from core.sandbox.objects.billing import discounts
from core.sandbox.objects.payments import confirmation, payment_intents, payment_methods, setup_intents
from core.sandbox.objects.subscriptions import subscriptions

SETTLED = {"succeeded": "paid", "requires_capture": "unpaid", "processing": "unpaid"}


def pay(uow: UnitOfWork, session: Json, method: Json, *, email: str | None, name: str | None) -> Json:
    """Pay the session; after a decline it stays open for another attempt."""
    if session["status"] != "open":
        raise invalid(f"This session is {session['status']}.")
    _know_customer(uow, session, email, name)
    if session["mode"] == "subscription":
        return _subscribe(uow, session, method)
    if session["mode"] == "setup":
        return _set_up(uow, session, method)
    if session["amount_total"] == 0:
        return _complete(uow, session, "no_payment_required")
    return _charge(uow, session, method)


def _know_customer(uow: UnitOfWork, session: Json, email: str | None, name: str | None) -> None:
    wants_customer = session["mode"] != "payment" or session["customer_creation"] == "always"
    if session["customer"] is None and wants_customer:
        made = customers.create(uow, Params({"email": email or "", "name": name or ""}))
        session["customer"] = made["id"]
    session["customer_details"] = {
        "address": None,
        "business_name": None,
        "email": email or (session["customer_details"] or {}).get("email") or session["customer_email"],
        "individual_name": None,
        "name": name,
        "phone": None,
        "tax_exempt": "none",
        "tax_ids": [],
    }


def _charge(uow: UnitOfWork, session: Json, method: Json) -> Json:
    """Every attempt uses the same intent; the session shows it once it is paid."""
    kept = uow.hidden(session["id"])
    intent = uow.find(kept.get("intent_id")) or _intent_for(uow, session, kept)
    uow.change(session)
    intent["payment_method"] = method["id"]
    decline = confirmation.attempt(uow, intent, off_session=False)
    if decline is not None:
        raise confirmation.declined_error(intent, decline)
    if intent["status"] == "requires_capture":
        settle(uow, intent)
    return session


def _intent_for(uow: UnitOfWork, session: Json, kept: Json) -> Json:
    intent = payment_intents.build(
        uow.ids.new("payment_intent"),
        uow.ids.letters(25),
        uow.now,
        amount=session["amount_total"],
        currency=session["currency"],
        customer=session["customer"],
        metadata=kept["intent"]["metadata"],
    )
    intent |= {name: value for name, value in kept["intent"].items() if name != "metadata"}
    uow.hide(session["id"], {**kept, "intent_id": intent["id"]})
    uow.hide(intent["id"], {"session": session["id"]})
    return uow.add(intent, "payment_intent.created")


def _subscribe(uow: UnitOfWork, session: Json, method: Json) -> Json:
    payment_methods.attach(uow, method["id"], Params({"customer": session["customer"]}))
    kept = uow.hidden(session["id"])
    asked = {
        "customer": session["customer"],
        "default_payment_method": method["id"],
        "items": [{"price": line["price"]["id"], "quantity": str(line["quantity"])} for line in kept["lines"]],
        "metadata": kept["subscription"]["metadata"],
        "payment_behavior": "allow_incomplete",
    }
    if session["discounts"]:
        asked["discounts"] = [_discount_of(entry) for entry in session["discounts"]]
    for name in ("description", "trial_end", "trial_period_days"):
        if kept["subscription"].get(name) is not None:
            asked[name] = str(kept["subscription"][name])
    subscription = subscriptions.create(uow, Params(asked))
    session |= {"invoice": subscription["latest_invoice"], "subscription": subscription["id"]}
    if subscription["status"] in ("active", "trialing"):
        return _complete(uow, session, "paid" if subscription["status"] == "active" else "no_payment_required")
    return _first_payment_missing(uow, session, subscription)


def _discount_of(entry: Json) -> Json:
    if entry["promotion_code"]:
        return {"promotion_code": entry["promotion_code"]}
    return {"coupon": entry["coupon"]}


def _first_payment_missing(uow: UnitOfWork, session: Json, subscription: Json) -> Json:
    """After a decline the session stays open, and the incomplete subscription expires."""
    payment = next(uow.all("invoice_payment", "parent", subscription["latest_invoice"]))
    intent = uow.known(payment["payment"]["payment_intent"])
    if intent["status"] == "requires_action":
        uow.hide(intent["id"], {"session": session["id"]})
        uow.change(session)
        return session
    session |= {"invoice": None, "subscription": None}
    uow.change(session)
    error = intent["last_payment_error"]
    raise StripeError(
        402, error["message"], kind="card_error", code=error["code"], keep=True, decline_code=error["decline_code"]
    )


def _set_up(uow: UnitOfWork, session: Json, method: Json) -> Json:
    asked = {"confirm": "true", "customer": session["customer"], "payment_method": method["id"]}
    asked |= uow.hidden(session["id"]).get("setup") or {}
    intent = setup_intents.create(uow, Params(asked))
    session["setup_intent"] = intent["id"]
    uow.hide(intent["id"], {"session": session["id"]})
    if intent["status"] == "succeeded":
        return _complete(uow, session, "no_payment_required")
    return uow.change(session)


def settle(uow: UnitOfWork, intent: Json) -> None:
    """Complete the session that this payment or set-up belongs to."""
    session = uow.find(uow.hidden(intent["id"]).get("session"))
    if session is None or intent["status"] not in SETTLED:
        return
    if session["status"] == "complete" and session["payment_status"] == "unpaid" and intent["status"] == "succeeded":
        session["payment_status"] = "paid"
        uow.change(session, "checkout.session.async_payment_succeeded")
    if session["status"] != "open":
        return
    if session["mode"] == "payment":
        session["payment_intent"] = intent["id"]
    paid = SETTLED[intent["status"]]
    _complete(uow, session, paid if intent["object"] == "payment_intent" else "no_payment_required")


def _complete(uow: UnitOfWork, session: Json, payment_status: str) -> Json:
    uow.unschedule("session_expires", session["id"])
    if session["mode"] == "payment":
        for entry in session["discounts"]:
            discounts.redeem(uow, uow.known(entry["coupon"]), uow.find(entry["promotion_code"]))
    session |= {"payment_status": payment_status, "status": "complete", "url": None}
    return uow.change(session, "checkout.session.completed")
