"""The invoices of a subscription: the first one, and one per period."""

from fractions import Fraction

from core.sandbox.engine.errors import Json, StripeError, invalid
from core.sandbox.engine.unit_of_work import UnitOfWork
from core.sandbox.objects.billing import invoice_items, invoice_lines, invoices
from core.sandbox.objects.billing.amounts import amount_of
from core.sandbox.objects.payments import setup_intents
from core.sandbox.objects.payments.confirmation import declined_error
from core.sandbox.objects.subscriptions import discounting, status
from core.sandbox.objects.subscriptions.shape import items_of, period_of

INCOMPLETE_SECONDS = 23 * 3600
DAY_SECONDS = 86_400
WHOLE = Fraction(1)


def first_invoice(
    uow: UnitOfWork, subscription: Json, behaviour: str, *, off_session: bool, share: Fraction = WHOLE
) -> None:
    """Bill the first period, or a trial's zero amount, and set the resulting status.

    `share` is how much of a whole period the first one is.
    """
    start, end = period_of(subscription)
    uow.schedule(end, "renew", subscription["id"])
    trial = subscription["trial_end"] is not None
    invoice = bill_period(uow, subscription, "subscription_create", free=trial, share=share)
    subscription["latest_invoice"] = invoice["id"]
    uow.change(subscription)
    if trial:
        subscription["status"] = "trialing"
        if behaviour == "default_incomplete" and invoices.payment_method_of(uow, invoice) is None:
            setup_intents.ask_for_card(uow, subscription)
        uow.change(subscription, "customer.subscription.updated")
        uow.schedule(max(end - 3 * DAY_SECONDS, uow.now), "trial_will_end", subscription["id"])
    invoices.finalize(uow, invoice)
    if invoice["status"] != "open":
        return
    if subscription["collection_method"] == "send_invoice":
        status.activate(uow, subscription)
        uow.announce("invoice.sent", invoice)
        return
    uow.schedule(uow.now + INCOMPLETE_SECONDS, "expire_incomplete", subscription["id"])
    uow.change(subscription, "customer.subscription.updated")
    if behaviour != "default_incomplete":
        _pay_first(uow, subscription, invoice, behaviour, off_session)


def _pay_first(uow: UnitOfWork, subscription: Json, invoice: Json, behaviour: str, off_session: bool) -> None:
    method = invoices.payment_method_of(uow, invoice)
    if method is None:
        raise invalid(
            "This customer has no attached payment source or default payment method. Please consider adding a default "
            "payment method. For more information, visit https://stripe.com/docs/billing/subscriptions/payment-methods-"
            "setting#payment-method-priority.",
            code="resource_missing",
        )
    decline = invoices.collect(uow, invoice, method, off_session=off_session)
    if subscription["status"] == "incomplete" and behaviour == "error_if_incomplete":
        if decline is None:
            raise StripeError(
                402,
                "Payment for this subscription requires additional user action before it can be "
                "completed successfully.",
                kind="card_error",
                code="subscription_payment_intent_requires_action",
            )
        payment = next(uow.all("invoice_payment", "parent", invoice["id"]))
        error = declined_error(uow.known(payment["payment"]["payment_intent"]), decline)
        error.keep = False
        raise error


def bill_period(
    uow: UnitOfWork, subscription: Json, reason: str, *, free: bool = False, share: Fraction = WHOLE
) -> Json:
    """Draft the invoice for the items' current period, with the customer's pending items."""
    invoice_id = uow.ids.new("invoice")
    start, end = period_of(subscription)
    pending = invoice_items.take_pending(uow, subscription["customer"], invoice_id, subscription["currency"])
    lines = [_line(uow, subscription, item, invoice_id, free, share) for item in items_of(subscription)]
    return invoices.draft(
        uow,
        uow.known(subscription["customer"]),
        [*pending, *lines],
        discounting.discounts_of(uow, subscription),
        invoice_id=invoice_id,
        currency=subscription["currency"],
        reason=reason,
        period=(start, end) if reason == "subscription_create" else (start, start),
        subscription=subscription,
    )


def _line(uow: UnitOfWork, subscription: Json, item: Json, invoice_id: str, free: bool, share: Fraction) -> Json:
    price, quantity = item["price"], item["quantity"]
    name = uow.known(price["product"])["name"]
    line = invoice_lines.build(
        uow.ids.new("line_item"),
        invoice_id,
        price,
        amount=0 if free else int(amount_of(uow, price, quantity) * share + Fraction(1, 2)),
        quantity=quantity,
        period=(item["current_period_start"], item["current_period_end"]),
        parent=invoice_lines.of_subscription(subscription["id"], item["id"]),
        description=f"Trial period for {name}" if free else invoice_lines.described(price, name, quantity),
    )
    return line | {"discounts": list(item["discounts"])}
