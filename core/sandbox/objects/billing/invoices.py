"""Invoices: drafted, finalized, paid or given up."""

from core.sandbox.engine.errors import Json, StripeError, invalid
from core.sandbox.engine.limits import checked_currency
from core.sandbox.engine.lists import list_objects, search_objects
from core.sandbox.engine.params import Params
from core.sandbox.engine.unit_of_work import World
from core.sandbox.objects import customers
from core.sandbox.objects.billing import invoice_lines
from core.sandbox.objects.billing.invoice_shape import as_open, as_paid, build, subscription_of
from core.sandbox.objects.payments import confirmation, payment_intents, payment_methods
from core.sandbox.objects.payments.declines import Decline

DRAFT_SECONDS = 3600


def draft(
    world: World,
    customer: Json,
    lines: list[Json],
    discount_ids: list[str],
    *,
    invoice_id: str,
    currency: str,
    reason: str,
    period: tuple[int, int],
    subscription: Json | None = None,
) -> Json:
    """A new invoice with its sums; nothing is asked of anybody yet."""
    collection = subscription["collection_method"] if subscription else "charge_automatically"
    invoice = build(
        invoice_id,
        customer,
        world.now,
        currency=currency,
        reason=reason,
        period=period,
        subscription=subscription,
        collection=collection,
    )
    if subscription is not None:
        invoice["default_payment_method"] = None
        days = subscription["days_until_due"]
        invoice["due_date"] = world.now + days * 86_400 if days is not None else None
    subtotal = sum(line["amount"] for line in lines)
    shares = invoice_lines.taken_off(world, discount_ids, subtotal, invoice["currency"])
    invoice_lines.total_up(invoice, lines, shares)
    invoice["automatically_finalizes_at"] = world.now + DRAFT_SECONDS
    return world.add(invoice, "invoice.created")


def finalize(world: World, invoice: Json) -> Json:
    """The draft becomes a demand: numbered, with an intent that can pay it; nothing due is paid at once."""
    from core.sandbox.objects.billing import invoice_payments

    customer = world.known(invoice["customer"])
    sequence = world.hidden(f"invoices:{customer['id']}").get("next", 1)
    world.hide(f"invoices:{customer['id']}", {"next": sequence + 1})
    as_open(invoice, f"{customer['invoice_prefix']}-{sequence:04d}", world.now)
    world.unschedule("finalize_invoice", invoice["id"])
    if invoice["amount_due"] == 0:
        world.change(invoice, "invoice.finalized")
        paid(world, invoice)
        return invoice
    intent = _intent_for(world, invoice)
    world.change(invoice, "invoice.finalized")
    world.add(invoice_payments.build(world.ids.new("invoice_payment"), invoice, intent["id"], world.now))
    return invoice


def _intent_for(world: World, invoice: Json) -> Json:
    intent = payment_intents.build(
        world.ids.new("payment_intent"),
        world.ids.letters(25),
        world.now,
        amount=invoice["amount_due"],
        currency=invoice["currency"],
        customer=invoice["customer"],
        metadata={},
    )
    first = invoice["billing_reason"] == "subscription_create"
    intent["description"] = "Subscription creation" if first else "Subscription update"
    if invoice["billing_reason"] == "manual":
        intent["description"] = f"Payment for Invoice {invoice['number']}"
    intent["setup_future_usage"] = "off_session" if first else None
    return world.add(intent, "payment_intent.created")


def payment_method_of(world: World, invoice: Json) -> str | None:
    """Which saved card pays: the invoice's, the subscription's, else the customer's default."""
    subscription = world.find(subscription_of(invoice))
    customer = world.known(invoice["customer"])
    chosen = (
        invoice["default_payment_method"]
        or (subscription and subscription["default_payment_method"])
        or customer.get("invoice_settings", {}).get("default_payment_method")
    )
    return str(chosen) if chosen else None


def collect(world: World, invoice: Json, method_id: str | None, *, off_session: bool) -> Decline | None:
    """One attempt at the invoice's intent; without a card it counts as a failed one."""
    from core.sandbox.objects.billing import invoice_payments

    payment = invoice_payments.open_of(world, invoice)
    if payment is None:
        raise LookupError(f"{invoice['id']} is open and has no intent")
    intent = world.known(payment["payment"]["payment_intent"])
    if method_id is None:
        attempt_failed(world, invoice)
        return None
    intent["payment_method"] = method_id
    decline = confirmation.attempt(world, intent, off_session=off_session)
    if intent["status"] == "requires_action" or (decline and decline.code == "authentication_required"):
        world.announce("invoice.payment_action_required", invoice)
    return decline


def attempt_failed(world: World, invoice: Json) -> None:
    """Counts the attempt and says so; when to try again is for the dunning to say."""
    invoice |= {"attempt_count": invoice["attempt_count"] + 1, "attempted": True}
    world.change(invoice, "invoice.payment_failed", "invoice.updated")


def paid(world: World, invoice: Json) -> None:
    """What follows from being paid: no more attempts, the subscription is in good standing."""
    from core.sandbox.objects.billing import subscriptions

    if invoice["amount_due"]:
        invoice["attempt_count"] += 1
    world.unschedule("retry_invoice", invoice["id"])
    world.change(as_paid(invoice, world.now), "invoice.updated", "invoice.paid", "invoice.payment_succeeded")
    subscription = world.find(subscription_of(invoice))
    if subscription is not None:
        subscriptions.invoice_paid(world, subscription, invoice)


def finalize_when_due(world: World, invoice_id: str) -> None:
    """A renewal's draft, an hour later: finalized and, where cards pay it, tried."""
    from core.sandbox.objects.billing import dunning

    invoice = world.known(invoice_id)
    if invoice["status"] != "draft":
        return
    finalize(world, invoice)
    if invoice["status"] != "open":
        return
    if invoice["collection_method"] == "send_invoice":
        world.announce("invoice.sent", invoice)
        return
    dunning.first_attempt(world, invoice)


def create(world: World, params: Params) -> Json:
    """A one-off invoice of the customer's pending items."""
    from core.sandbox.objects.billing import invoice_items

    customer = customers.retrieve_live(world, params.must_text("customer"), "customer")
    currency = checked_currency(params.text("currency") or "usd")
    invoice_id = world.ids.new("invoice")
    lines = invoice_items.take_pending(world, customer["id"], invoice_id, currency)
    period = (world.now, world.now)
    invoice = draft(
        world, customer, lines, [], invoice_id=invoice_id, currency=currency, reason="manual", period=period
    )
    invoice["metadata"] = params.metadata()
    invoice["auto_advance"] = params.flag("auto_advance", default=True)
    if params.choice("collection_method", {"charge_automatically", "send_invoice"}) == "send_invoice":
        invoice["collection_method"] = "send_invoice"
        invoice["due_date"] = world.now + (params.whole("days_until_due") or 30) * 86_400
    if invoice["auto_advance"]:
        world.schedule(world.now + DRAFT_SECONDS, "finalize_invoice", invoice_id)
    return world.change(invoice, "invoice.updated")


def update(world: World, invoice_id: str, params: Params) -> Json:
    invoice = world.get("invoice", invoice_id)
    invoice["metadata"] = params.metadata(invoice["metadata"])
    if params.has("description"):
        invoice["description"] = params.text("description")
    if params.has("default_payment_method"):
        given = params.must_text("default_payment_method")
        method = payment_methods.resolve(world, given, invoice["customer"], "default_payment_method")
        invoice["default_payment_method"] = method["id"]
    if params.has("auto_advance"):
        invoice["auto_advance"] = params.flag("auto_advance")
        if not invoice["auto_advance"]:
            world.unschedule("retry_invoice", invoice_id)
            invoice["next_payment_attempt"] = None
    return world.change(invoice, "invoice.updated")


def finalize_now(world: World, invoice_id: str, params: Params) -> Json:
    invoice = _in_status(world, invoice_id, {"draft"}, "finalize", "invoice_not_editable")
    return finalize(world, invoice)


def pay_now(world: World, invoice_id: str, params: Params) -> Json:
    """Raises the card's decline; what happened to the invoice is kept."""
    invoice = world.get("invoice", invoice_id)
    if invoice["status"] == "draft":
        finalize(world, invoice)
    if invoice["status"] == "paid":
        raise invalid("Invoice is already paid", code="invoice_already_paid")
    invoice = _in_status(world, invoice_id, {"open", "uncollectible"}, "pay", "invoice_not_payable")
    if params.flag("paid_out_of_band"):
        _cancel_payment(world, invoice)
        paid(world, invoice)
        return invoice
    given = params.text("payment_method")
    method = (
        payment_methods.resolve(world, given, invoice["customer"])["id"] if given else payment_method_of(world, invoice)
    )
    if method is None:
        raise invalid(
            "There is no default payment method set on this customer.", code="invoice_payment_intent_requires_action"
        )
    decline = collect(world, invoice, method, off_session=params.flag("off_session", default=True))
    if decline is not None:
        raise confirmation.declined_error(_intent_of(world, invoice), decline)
    intent = _intent_of(world, invoice)
    if intent["status"] == "requires_action":
        raise StripeError(
            402,
            "This payment requires additional user action before it can be completed successfully.",
            kind="card_error",
            code="invoice_payment_intent_requires_action",
            keep=True,
            payment_intent=intent,
        )
    return invoice


def send(world: World, invoice_id: str, params: Params) -> Json:
    invoice = world.get("invoice", invoice_id)
    if invoice["status"] == "draft":
        finalize(world, invoice)
    world.announce("invoice.sent", invoice)
    return invoice


def void(world: World, invoice_id: str, params: Params) -> Json:
    invoice = _in_status(world, invoice_id, {"open", "uncollectible"}, "void", "invoice_not_editable")
    return close(world, invoice, "void", "voided_at", "invoice.voided")


def mark_uncollectible(world: World, invoice_id: str, params: Params) -> Json:
    invoice = _in_status(world, invoice_id, {"open"}, "mark uncollectible", "invoice_not_editable")
    return give_up(world, invoice)


def give_up(world: World, invoice: Json) -> Json:
    return close(world, invoice, "uncollectible", "marked_uncollectible_at", "invoice.marked_uncollectible")


def close(world: World, invoice: Json, status: str, moment: str, event: str) -> Json:
    """No more automatic attempts; a voided one cannot be paid at all any more."""
    invoice |= {"auto_advance": False, "next_payment_attempt": None, "status": status}
    invoice["status_transitions"][moment] = world.now
    world.unschedule("retry_invoice", invoice["id"])
    world.change(invoice, event, "invoice.updated")
    if status == "void":
        _cancel_payment(world, invoice)
    return invoice


def _cancel_payment(world: World, invoice: Json) -> None:
    from core.sandbox.objects.billing import invoice_payments

    invoice_payments.cancel_open(world, invoice)


def _intent_of(world: World, invoice: Json) -> Json:
    payment = next(world.all("invoice_payment", "parent", invoice["id"]))
    return world.known(payment["payment"]["payment_intent"])


def _in_status(world: World, invoice_id: str, allowed: set[str], verb: str, code: str) -> Json:
    invoice = world.get("invoice", invoice_id)
    if invoice["status"] not in allowed:
        raise invalid(
            f"You can only {verb} an invoice that is {' or '.join(sorted(allowed))}. This one is {invoice['status']}.",
            code=code,
        )
    return invoice


def confirmation_secret(world: World, invoice: Json) -> Json | None:
    """What a page needs to let the customer pay the invoice's intent."""
    payment = next(world.all("invoice_payment", "parent", invoice["id"]), None)
    if payment is None:
        return None
    return {
        "client_secret": world.known(payment["payment"]["payment_intent"])["client_secret"],
        "type": "payment_intent",
    }


def retrieve(world: World, invoice_id: str, params: Params) -> Json:
    return world.get("invoice", invoice_id)


def list_all(world: World, params: Params) -> Json:
    filters = ("customer", "status", "subscription", "collection_method")
    return list_objects(world, "invoice", "/v1/invoices", params, filters)


def search(world: World, params: Params) -> Json:
    return search_objects(world, "invoice", "/v1/invoices/search", params)


def lines(world: World, invoice_id: str, params: Params) -> Json:
    return dict(world.get("invoice", invoice_id)["lines"])
