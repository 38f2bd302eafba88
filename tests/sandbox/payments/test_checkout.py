"""Checkout: a session made by the shop, paid, declined or left on the sandbox's own page."""

from urllib.parse import urlsplit

import pytest
import stripe as sdk

VISIT = {"price_data": {"currency": "usd", "unit_amount": 7900, "product_data": {"name": "Visit"}}, "quantity": 1}


def session_for(stripe, **more):
    asked = {
        "mode": "payment",
        "line_items": [VISIT],
        "success_url": "https://shop.test/done?s={CHECKOUT_SESSION_ID}",
        "cancel_url": "https://shop.test/cart",
        "metadata": {"orderId": "ord_7"},
        **more,
    }
    return stripe.v1.checkout.sessions.create(asked)


def pay_on_page(control, session, number="4242424242424242"):
    """What the page's button posts."""
    card = {"number": number, "expiry": "12/40", "cvc": "123", "email": "pat@example.com", "name": "Pat"}
    return control.post(session.url, data=card)


def plan(stripe):
    product = stripe.v1.products.create({"name": "Care plan"})
    asked = {"product": product.id, "unit_amount": 4900, "currency": "usd", "recurring": {"interval": "month"}}
    return stripe.v1.prices.create(asked).id


def test_a_session_is_paid_on_its_page_and_redirects_to_the_shop(stripe, control):
    session = session_for(stripe, payment_intent_data={"metadata": {"orderId": "ord_7"}})
    page = control.get(session.url).text
    assert "$79.00" in page and "Visit" in page
    paid = pay_on_page(control, session)
    assert (paid.status_code, paid.headers["location"]) == (303, f"https://shop.test/done?s={session.id}")
    done = stripe.v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent", "line_items"]})
    assert (done.status, done.payment_status, done.amount_total) == ("complete", "paid", 7900)
    assert (done.payment_intent.status, done.payment_intent.metadata["orderId"]) == ("succeeded", "ord_7")
    assert done.line_items.data[0].amount_total == 7900
    assert stripe.v1.events.list({"type": "checkout.session.completed"}).data[0].data.object.id == session.id


def test_a_declined_card_leaves_the_session_open_for_another(stripe, control):
    session = session_for(stripe)
    declined = pay_on_page(control, session, "4000000000009995")
    assert declined.status_code == 200 and "insufficient funds" in declined.text
    assert stripe.v1.checkout.sessions.retrieve(session.id).status == "open"
    assert pay_on_page(control, session).status_code == 303
    intent = stripe.v1.checkout.sessions.retrieve(session.id).payment_intent
    assert [c.status for c in stripe.v1.charges.list({"payment_intent": intent}).data] == ["succeeded", "failed"]


@pytest.mark.parametrize("number", ["", "1", "4242424242424241", "４２４２"])
def test_an_invalid_card_number_is_reported_on_the_page(stripe, control, number):
    answer = pay_on_page(control, session_for(stripe), number)
    assert answer.status_code == 200 and 'role="alert"' in answer.text


def test_a_customer_who_goes_back_returns_to_the_shop_uncharged(stripe, control):
    session = session_for(stripe)
    assert "Cancel" in control.get(session.url).text
    back = control.get(f"{session.url}/cancel")
    assert (back.status_code, back.headers["location"]) == (303, "https://shop.test/cart")
    kept = stripe.v1.checkout.sessions.retrieve(session.id)
    assert (kept.status, kept.payment_status, kept.payment_intent) == ("open", "unpaid", None)
    assert pay_on_page(control, session).status_code == 303


def test_a_card_that_requires_authentication_redirects_to_the_bank(stripe, control):
    session = session_for(stripe)
    to_bank = pay_on_page(control, session, "4000000000003220")
    assert urlsplit(to_bank.headers["location"]).path.startswith("/authenticate/")
    back = control.post(to_bank.headers["location"], data={"outcome": "complete"})
    assert back.headers["location"].startswith("https://shop.test/done")
    assert stripe.v1.checkout.sessions.retrieve(session.id).payment_status == "paid"


def test_a_session_starts_a_subscription_of_the_customer_it_names(stripe, control):
    customer = stripe.v1.customers.create({"email": "pat@example.com"})
    more = {"mode": "subscription", "line_items": [{"price": plan(stripe), "quantity": 1}], "customer": customer.id}
    session = session_for(stripe, subscription_data={"metadata": {"patientId": "pat_1"}}, **more)
    assert pay_on_page(control, session).status_code == 303
    done = stripe.v1.checkout.sessions.retrieve(session.id, {"expand": ["subscription"]})
    assert (done.subscription.status, done.subscription.customer) == ("active", customer.id)
    assert done.subscription.metadata["patientId"] == "pat_1"


def test_a_promotion_code_is_used_up_only_by_who_pays(stripe, control):
    coupon = stripe.v1.coupons.create({"amount_off": 1000, "currency": "usd", "duration": "once"})
    code = stripe.v1.promotion_codes.create(
        {"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "WELCOME", "max_redemptions": 1}
    )
    assert code.promotion.coupon == coupon.id
    session = session_for(stripe, discounts=[{"promotion_code": code.id}])
    assert session.amount_total == 6900
    assert stripe.v1.promotion_codes.retrieve(code.id).times_redeemed == 0
    pay_on_page(control, session)
    assert stripe.v1.promotion_codes.retrieve(code.id).times_redeemed == 1
    with pytest.raises(sdk.InvalidRequestError):
        session_for(stripe, discounts=[{"promotion_code": code.id}])


def test_an_expired_session_takes_no_money(stripe, control):
    session = session_for(stripe)
    assert stripe.v1.checkout.sessions.expire(session.id).status == "expired"
    assert pay_on_page(control, session).status_code == 410
    with pytest.raises(sdk.InvalidRequestError):
        stripe.v1.checkout.sessions.expire(session.id)


def test_an_unpaid_session_expires_after_a_day(stripe, control):
    session = session_for(stripe)
    control.post("/sandbox/clock/advance", json={"seconds": 86_400 + 60}).raise_for_status()
    assert stripe.v1.checkout.sessions.retrieve(session.id).status == "expired"


def test_text_typed_into_a_form_is_escaped(stripe, control):
    name = "<script>alert(1)</script>"
    line = {**VISIT, "price_data": {**VISIT["price_data"], "product_data": {"name": name}}}
    page = control.get(session_for(stripe, line_items=[line]).url).text
    assert name not in page and "&lt;script&gt;" in page


def test_a_hosted_invoice_can_be_paid_on_its_page(stripe, control):
    customer = stripe.v1.customers.create({})
    asked = {"customer": customer.id, "items": [{"price": plan(stripe)}], "payment_behavior": "default_incomplete"}
    subscription = stripe.v1.subscriptions.create({**asked, "expand": ["latest_invoice"]})
    url = subscription.latest_invoice.hosted_invoice_url
    control.post(url, data={"number": "4242424242424242", "expiry": "12/40"})
    assert stripe.v1.invoices.retrieve(subscription.latest_invoice.id).status == "paid"
    assert stripe.v1.subscriptions.retrieve(subscription.id).status == "active"
