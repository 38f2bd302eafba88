"""Paying a checkout session: what the page's button does."""

from core.sandbox.engine.errors import Json, StripeError, invalid
from core.sandbox.engine.params import Params
from core.sandbox.engine.unit_of_work import World
from core.sandbox.objects import customers
from core.sandbox.objects.billing import discounts
from core.sandbox.objects.payments import confirmation, payment_intents, payment_methods


def pay(world: World, session: Json, method: Json, *, email: str | None, name: str | None) -> Json:
    """Raises the card's decline; the session stays open for another try."""
    if session["status"] != "open":
        raise invalid(f"This session is {session['status']}.")
    _know_customer(world, session, email, name)
    if session["mode"] == "subscription":
        return _subscribe(world, session, method)
    if session["mode"] == "setup":
        return _set_up(world, session, method)
    if session["amount_total"] == 0:
        return _complete(world, session, "no_payment_required")
    return _charge(world, session, method)


def _know_customer(world: World, session: Json, email: str | None, name: str | None) -> None:
    wants_customer = session["mode"] != "payment" or session["customer_creation"] == "always"
    if session["customer"] is None and wants_customer:
        made = customers.create(world, Params({"email": email or "", "name": name or ""}))
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


def _charge(world: World, session: Json, method: Json) -> Json:
    """The session shows its intent once it is paid; until then each try uses the same one."""
    kept = world.hidden(session["id"])
    intent = world.find(kept.get("intent_id")) or _intent_for(world, session, kept)
    world.change(session)
    intent["payment_method"] = method["id"]
    decline = confirmation.attempt(world, intent, off_session=False)
    if decline is not None:
        raise confirmation.declined_error(intent, decline)
    if intent["status"] == "requires_capture":
        settle(world, intent)
    return session


def _intent_for(world: World, session: Json, kept: Json) -> Json:
    intent = payment_intents.build(
        world.ids.new("payment_intent"),
        world.ids.letters(25),
        world.now,
        amount=session["amount_total"],
        currency=session["currency"],
        customer=session["customer"],
        metadata=kept["intent"]["metadata"],
    )
    intent |= {name: kept["intent"][name] for name in ("capture_method", "description", "setup_future_usage")}
    world.hide(session["id"], {**kept, "intent_id": intent["id"]})
    world.hide(intent["id"], {"session": session["id"]})
    return world.add(intent, "payment_intent.created")


def _subscribe(world: World, session: Json, method: Json) -> Json:
    from core.sandbox.objects.billing import subscriptions

    payment_methods.attach(world, method["id"], Params({"customer": session["customer"]}))
    kept = world.hidden(session["id"])
    asked = {
        "customer": session["customer"],
        "default_payment_method": method["id"],
        "items": [{"price": line["price"]["id"], "quantity": str(line["quantity"])} for line in kept["lines"]],
        "metadata": kept["subscription"]["metadata"],
        "payment_behavior": "allow_incomplete",
    }
    if session["discounts"]:
        asked["discounts"] = [_discount_of(entry) for entry in session["discounts"]]
    for name in ("trial_end", "trial_period_days"):
        if kept["subscription"][name] is not None:
            asked[name] = str(kept["subscription"][name])
    subscription = subscriptions.create(world, Params(asked))
    session |= {"invoice": subscription["latest_invoice"], "subscription": subscription["id"]}
    if subscription["status"] in ("active", "trialing"):
        return _complete(world, session, "paid" if subscription["status"] == "active" else "no_payment_required")
    return _first_payment_missing(world, session, subscription)


def _discount_of(entry: Json) -> Json:
    if entry["promotion_code"]:
        return {"promotion_code": entry["promotion_code"]}
    return {"coupon": entry["coupon"]}


def _first_payment_missing(world: World, session: Json, subscription: Json) -> Json:
    """A decline leaves the session open and the attempt's subscription to expire."""
    payment = next(world.all("invoice_payment", "parent", subscription["latest_invoice"]))
    intent = world.known(payment["payment"]["payment_intent"])
    if intent["status"] == "requires_action":
        world.hide(intent["id"], {"session": session["id"]})
        world.change(session)
        return session
    session |= {"invoice": None, "subscription": None}
    world.change(session)
    error = intent["last_payment_error"]
    raise StripeError(
        402, error["message"], kind="card_error", code=error["code"], keep=True, decline_code=error["decline_code"]
    )


def _set_up(world: World, session: Json, method: Json) -> Json:
    from core.sandbox.objects.payments import setup_intents

    asked = {"confirm": "true", "customer": session["customer"], "payment_method": method["id"]}
    intent = setup_intents.create(world, Params(asked))
    session["setup_intent"] = intent["id"]
    world.hide(intent["id"], {"session": session["id"]})
    if intent["status"] == "succeeded":
        return _complete(world, session, "no_payment_required")
    return world.change(session)


def settle(world: World, intent: Json) -> None:
    """The session that waited for this payment, or set-up, is complete."""
    session = world.find(world.hidden(intent["id"]).get("session"))
    if session is None or session["status"] != "open":
        return
    if session["mode"] == "payment":
        session["payment_intent"] = intent["id"]
    paid = {"succeeded": "paid", "requires_capture": "unpaid"}[intent["status"]]
    _complete(world, session, paid if intent["object"] == "payment_intent" else "no_payment_required")


def _complete(world: World, session: Json, payment_status: str) -> Json:
    world.unschedule("session_expires", session["id"])
    if session["mode"] == "payment":
        for entry in session["discounts"]:
            discounts.redeem(world, world.known(entry["coupon"]), world.find(entry["promotion_code"]))
    session |= {"payment_status": payment_status, "status": "complete", "url": None}
    return world.change(session, "checkout.session.completed")
