"""Credit notes, schedules, plans and previews of invoices through the real SDK."""

import pytest
import stripe as sdk

from tests.sandbox.billing.test_subscriptions import advance, customer_with, price, subscribe  # noqa: F401

DAY = 86_400


@pytest.fixture
def dear(stripe):
    product = stripe.v1.products.create({"name": "Better plan"})
    asked = {"product": product.id, "unit_amount": 9900, "currency": "usd", "recurring": {"interval": "month"}}
    return stripe.v1.prices.create(asked).id


def open_invoice(stripe, amount=5000):
    customer = stripe.v1.customers.create({}).id
    stripe.v1.invoice_items.create({"customer": customer, "amount": amount, "currency": "usd"})
    invoice = stripe.v1.invoices.create({"customer": customer, "auto_advance": False})
    return stripe.v1.invoices.finalize_invoice(invoice.id)


def test_a_credit_note_reduces_what_is_left_to_pay_and_can_be_voided(stripe):
    invoice = open_invoice(stripe)
    note = stripe.v1.credit_notes.create({"invoice": invoice.id, "amount": 2000, "reason": "order_change"})
    assert (note.status, note.type, note.pre_payment_amount) == ("issued", "pre_payment", 2000)
    reduced = stripe.v1.invoices.retrieve(invoice.id, {"expand": ["payments"]})
    assert (reduced.total, reduced.amount_remaining, reduced.pre_payment_credit_notes_amount) == (5000, 3000, 2000)
    intent = reduced.payments.data[0].payment.payment_intent
    assert stripe.v1.payment_intents.retrieve(intent).amount == 3000
    assert stripe.v1.credit_notes.void_credit_note(note.id).status == "void"
    assert stripe.v1.invoices.retrieve(invoice.id).amount_remaining == 5000
    with pytest.raises(sdk.InvalidRequestError, match="more than what is left"):
        stripe.v1.credit_notes.create({"invoice": invoice.id, "amount": 5001})
    stripe.v1.credit_notes.create({"invoice": invoice.id, "amount": 5000})
    assert stripe.v1.invoices.retrieve(invoice.id).status == "paid"
    assert len(stripe.v1.credit_notes.list({"invoice": invoice.id}).data) == 2


def test_a_credit_note_after_payment_is_refunded_or_kept_for_the_customer(stripe, price):  # noqa: F811
    invoice = subscribe(stripe, price, expand=["latest_invoice"]).latest_invoice
    line = invoice.lines.data[0].id
    parts = {"refund_amount": 1000, "credit_amount": 500}
    asked = {"invoice": invoice.id, "lines": [{"type": "invoice_line_item", "invoice_line_item": line, "amount": 1500}]}
    with pytest.raises(sdk.InvalidRequestError, match="must equal"):
        stripe.v1.credit_notes.create({**asked, "refund_amount": 1})
    assert stripe.v1.credit_notes.preview(asked).amount == 1500
    note = stripe.v1.credit_notes.create({**asked, **parts})
    assert (note.type, note.post_payment_amount) == ("post_payment", 1500)
    assert stripe.v1.refunds.retrieve(note.refunds[0].refund).amount == 1000
    assert stripe.v1.customers.retrieve(invoice.customer).balance == -500
    assert [each.amount for each in stripe.v1.credit_notes.line_items.list(note.id).data] == [1500]


def test_a_preview_shows_the_next_invoice_and_changes_nothing(stripe, price, dear):  # noqa: F811
    subscription = subscribe(stripe, price)
    preview = stripe.v1.invoices.create_preview({"subscription": subscription.id})
    assert (preview.total, preview.billing_reason, preview.status) == (4900, "upcoming", "draft")
    item = {"id": subscription["items"].data[0].id, "price": dear}
    events = stripe.v1.events.list({"limit": 1}).data[0].id
    changed = stripe.v1.invoices.create_preview(
        {"subscription": subscription.id, "subscription_details": {"items": [item]}}
    )
    assert changed.total == 9900 + 9900 - 4900
    at_once = {"items": [item], "proration_behavior": "always_invoice"}
    now = stripe.v1.invoices.create_preview({"subscription": subscription.id, "subscription_details": at_once})
    assert now.total == 5000
    assert stripe.v1.events.list({"limit": 1}).data[0].id == events
    assert stripe.v1.subscriptions.retrieve(subscription.id)["items"].data[0].price.unit_amount == 4900
    assert len(stripe.v1.invoices.list({"subscription": subscription.id}).data) == 1


def test_a_preview_of_a_subscription_that_does_not_exist_yet(stripe, price):  # noqa: F811
    customer = customer_with(stripe, "pm_card_visa")
    details = {"items": [{"price": price, "quantity": 3}]}
    preview = stripe.v1.invoices.create_preview({"customer": customer, "subscription_details": details})
    assert preview.total == 3 * 4900
    assert stripe.v1.subscriptions.list({"customer": customer}).data == []


def test_a_schedule_moves_its_subscription_through_its_phases_and_releases_it(stripe, price, dear, control):  # noqa: F811
    customer = customer_with(stripe, "pm_card_visa")
    phases = [
        {"items": [{"price": price}], "duration": {"interval": "month"}},
        {"items": [{"price": dear, "quantity": 2}], "proration_behavior": "none"},
    ]
    schedule = stripe.v1.subscription_schedules.create({"customer": customer, "start_date": "now", "phases": phases})
    assert (schedule.status, schedule.current_phase.start_date) == ("active", schedule.phases[0].start_date)
    subscription = stripe.v1.subscriptions.retrieve(schedule.subscription)
    assert (subscription.status, subscription.schedule) == ("active", schedule.id)
    advance(control, 32)
    later = stripe.v1.subscriptions.retrieve(schedule.subscription)["items"].data
    assert [(item.price.id, item.quantity) for item in later] == [(dear, 2)]
    advance(control, 32)
    ended = stripe.v1.subscription_schedules.retrieve(schedule.id)
    assert ended.status == "completed"
    left = stripe.v1.subscriptions.retrieve(schedule.subscription)
    assert (left.status, left.schedule) == ("active", None)


def test_a_schedule_starts_later_and_cancels_at_its_end(stripe, price, control):  # noqa: F811
    start = control.get("/sandbox/clock").json()["now"] + 5 * DAY
    customer = customer_with(stripe, "pm_card_visa")
    asked = {"customer": customer, "start_date": start, "end_behavior": "cancel"}
    schedule = stripe.v1.subscription_schedules.create({**asked, "phases": [{"items": [{"price": price}]}]})
    assert (schedule.status, schedule.subscription) == ("not_started", None)
    assert [s.id for s in stripe.v1.subscription_schedules.list({"customer": customer, "scheduled": True}).data] == [
        schedule.id
    ]
    advance(control, 6)
    begun = stripe.v1.subscription_schedules.retrieve(schedule.id)
    assert stripe.v1.subscriptions.retrieve(begun.subscription).status == "active"
    advance(control, 32)
    assert stripe.v1.subscriptions.retrieve(begun.subscription).status == "canceled"


def test_a_schedule_is_made_from_a_subscription_released_or_canceled(stripe, price):  # noqa: F811
    subscription = subscribe(stripe, price)
    schedule = stripe.v1.subscription_schedules.create({"from_subscription": subscription.id})
    assert [item.price for item in schedule.phases[0]["items"]] == [price]
    released = stripe.v1.subscription_schedules.release(schedule.id)
    assert (released.status, released.released_subscription) == ("released", subscription.id)
    again = stripe.v1.subscription_schedules.create({"from_subscription": subscription.id})
    assert stripe.v1.subscription_schedules.cancel(again.id).status == "canceled"
    assert stripe.v1.subscriptions.retrieve(subscription.id).status == "canceled"


def test_a_plan_is_a_price_under_the_same_id(stripe):
    product = {"name": "Old plan"}
    plan = stripe.v1.plans.create({"amount": 1200, "currency": "usd", "interval": "month", "product": product})
    assert (plan.amount, plan.interval, plan.active) == (1200, "month", True)
    assert stripe.v1.prices.retrieve(plan.id).unit_amount == 1200
    assert stripe.v1.plans.update(plan.id, {"nickname": "Basic"}).nickname == "Basic"
    customer = customer_with(stripe, "pm_card_visa")
    asked = {"customer": customer, "items": [{"plan": plan.id}], "expand": ["latest_invoice"]}
    assert stripe.v1.subscriptions.create(asked).latest_invoice.total == 1200
    assert plan.id in [each.id for each in stripe.v1.plans.list({"product": plan.product}).data]
    assert stripe.v1.plans.delete(plan.id).deleted
    with pytest.raises(sdk.InvalidRequestError):
        stripe.v1.plans.retrieve(plan.id)
