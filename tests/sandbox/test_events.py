"""A client that only receives events knows the same as one that lists the objects."""

from collections import Counter

import httpx
import pytest
import stripe as sdk

from core.sandbox.traffic.history import iter_events, iter_objects

TYPES = (
    "charge",
    "checkout.session",
    "coupon",
    "customer",
    "discount",
    "dispute",
    "invoice",
    "payment_intent",
    "payment_method",
    "payout",
    "price",
    "product",
    "promotion_code",
    "radar.early_fraud_warning",
    "refund",
    "setup_intent",
    "subscription",
)
CARDS = (
    "pm_card_visa",
    "pm_card_mastercard",
    "pm_card_visa_chargeDeclined",
    "pm_card_createDispute",
    "pm_card_createDisputeInquiry",
    "pm_card_createIssuerFraudRecord",
    "pm_card_refundFail",
    "pm_card_pendingRefund",
    "pm_card_threeDSecure2Required",
)


def payments(stripe):
    for card in CARDS:
        for capture in ("automatic", "manual"):
            intent = stripe.v1.payment_intents.create(
                {"amount": 5000, "currency": "usd", "capture_method": capture, "metadata": {"orderId": card}}
            )
            try:
                confirmed = stripe.v1.payment_intents.confirm(intent.id, {"payment_method": card})
            except sdk.CardError:
                continue
            if confirmed.status == "requires_capture" and card != "pm_card_mastercard":
                stripe.v1.payment_intents.capture(intent.id, {"amount_to_capture": 4000})
            elif confirmed.status == "requires_capture":
                stripe.v1.payment_intents.cancel(intent.id)


def answers(stripe):
    """Disputes are answered and, where nobody disputes, part of the money goes back."""
    for dispute, text in zip(stripe.v1.disputes.list().data, ("winning_evidence", "losing_evidence"), strict=False):
        stripe.v1.disputes.update(dispute.id, {"evidence": {"uncategorized_text": text}})
    for charge in stripe.v1.charges.list({"limit": 100}).data:
        if charge.status == "succeeded" and charge.captured and not charge.disputed:
            stripe.v1.refunds.create({"charge": charge.id, "amount": 1500})


def subscriptions(stripe):
    product = stripe.v1.products.create({"name": "Plan"})
    asked = {"product": product.id, "currency": "usd", "recurring": {"interval": "month"}}
    small, large = (stripe.v1.prices.create({**asked, "unit_amount": n}).id for n in (4900, 9900))
    coupon = stripe.v1.coupons.create({"percent_off": 20, "duration": "repeating", "duration_in_months": 2})
    made = []
    for card in ("pm_card_visa", "pm_card_chargeCustomerFail"):
        customer = stripe.v1.customers.create(
            {"payment_method": card, "invoice_settings": {"default_payment_method": card}}
        )
        common = {"customer": customer.id, "items": [{"price": small}]}
        for more in (
            {},
            {"trial_period_days": 7},
            {"discounts": [{"coupon": coupon.id}]},
            {"payment_behavior": "default_incomplete"},
        ):
            made.append(stripe.v1.subscriptions.create({**common, **more}))
    item = made[0]["items"].data[0].id
    stripe.v1.subscriptions.update(made[0].id, {"items": [{"id": item, "price": large}]})
    stripe.v1.subscriptions.update(made[1].id, {"cancel_at_period_end": True})
    stripe.v1.subscriptions.cancel(made[2].id)


def left_behind(stripe):
    """A code nobody uses, a checkout nobody pays, a card saved for later."""
    coupon = stripe.v1.coupons.create({"percent_off": 10, "duration": "once"})
    stripe.v1.promotion_codes.create({"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "LATER"})
    price = stripe.v1.prices.list({"limit": 1}).data[0].id
    lines = [{"price": price, "quantity": 1}]
    stripe.v1.checkout.sessions.create(
        {"mode": "subscription", "line_items": lines, "success_url": "https://shop.test"}
    )
    customer = stripe.v1.customers.create({})
    stripe.v1.setup_intents.create({"customer": customer.id, "payment_method": "pm_card_visa", "confirm": True})


@pytest.fixture(scope="module")
def lived(sandbox):
    """Three months of a little business, everything that can happen to it included."""
    client = sandbox.client()
    with httpx.Client(base_url=sandbox.address.base_url, timeout=120, trust_env=False) as control:
        payments(client)
        control.post("/sandbox/clock/advance", json={"seconds": 60}).raise_for_status()
        answers(client)
        subscriptions(client)
        left_behind(client)
        control.post("/sandbox/clock/advance", json={"seconds": 100 * 86_400}).raise_for_status()
    return sandbox


@pytest.mark.parametrize("object_type", TYPES)
def test_the_last_event_of_an_object_shows_it_as_it_is(lived, object_type):
    shown = {event["data"]["object"].get("id"): event["data"]["object"] for event in iter_events(lived.data_dir)}
    found = list(iter_objects(lived.data_dir, object_type))
    assert found
    assert [obj["id"] for obj in found if shown.get(obj["id"]) != obj] == []


def test_an_invoice_payment_is_told_of_once_it_is_paid_as_at_stripe(lived):
    shown = {event["data"]["object"].get("id") for event in iter_events(lived.data_dir)}
    found = list(iter_objects(lived.data_dir, "invoice_payment"))
    assert {obj["id"] for obj in found if obj["status"] == "paid"} == {obj["id"] for obj in found} & shown


def test_each_movement_of_money_is_in_the_balance_once(lived):
    transactions = list(iter_objects(lived.data_dir, "balance_transaction"))
    captured = [c for c in iter_objects(lived.data_dir, "charge") if c["captured"] and c["status"] == "succeeded"]
    booked = Counter({t["source"]: t["amount"] for t in transactions if t["reporting_category"] == "charge"})
    for txn in transactions:
        if txn["reporting_category"] == "partial_capture_reversal":
            booked[txn["source"]] += txn["amount"]
    assert booked == {charge["id"]: charge["amount_captured"] for charge in captured}
    refunds = {r["id"]: -r["amount"] for r in iter_objects(lived.data_dir, "refund")}
    kept = {t["source"]: t["amount"] for t in transactions if t["type"] == "refund"}
    assert {refund: kept[refund] for refund in refunds} == refunds
    assert all(t["net"] == t["amount"] - t["fee"] for t in transactions)
    assert all(t["fee"] == sum(part["amount"] for part in t["fee_details"]) for t in transactions)


def test_each_payout_is_what_its_balance_transactions_add_up_to(lived):
    stripe = lived.client()
    payouts = list(stripe.v1.payouts.list({"limit": 100}).auto_paging_iter())
    assert payouts
    for payout in payouts:
        inside = stripe.v1.balance_transactions.list({"payout": payout.id, "limit": 100}).auto_paging_iter()
        assert sum(txn.net for txn in inside if txn.type != "payout") == payout.amount
