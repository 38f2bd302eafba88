"""Discount codes: what each takes off, whom and when it holds for, never
below what can be charged, never used too often.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest

from core.money import Money
from core.payments import amount_limits
from core.payments.operations.discounts import Code, judge
from tests.api.conftest import RETURN, who


def asked(api, code, amount=10_000, currency="usd", **more):
    body = {"code": code, "amount": amount, "currency": currency} | more
    return api.post("validate-discount", body)


def customer_of(shop, intent_id):
    return shop.stripe.retrieve(f"payment_intents/{intent_id}")["customer"]


def test_a_percentage_and_a_fixed_amount_are_told_in_the_contracts_shape(api, shop):
    percent = asked(api, code := shop.code(coupon={"percent_off": 12.5}), amount=999)
    assert percent.json() == {
        "valid": True,
        "code": code,
        "percentOff": 12.5,
        "amountOff": None,
        "discountAmount": 125,
        "total": 874,
        "reason": None,
    }
    fixed = asked(api, code := shop.code(coupon={"amount_off": 500, "currency": "usd"}))
    assert fixed.json() == {
        "valid": True,
        "code": code,
        "percentOff": None,
        "amountOff": 500,
        "discountAmount": 500,
        "total": 9500,
        "reason": None,
    }


def test_a_code_is_found_however_it_is_typed(api, shop):
    code = shop.code(coupon={"percent_off": 10})
    assert asked(api, code.lower()).json()["valid"] is True


@pytest.mark.parametrize(
    ("amount", "coupon", "total"),
    [
        (400, {"amount_off": 500, "currency": "usd"}, 0),
        (10_000, {"percent_off": 100}, 0),
        (500, {"amount_off": 450, "currency": "usd"}, 50),
        (50, {"percent_off": 1}, 50),
    ],
)
def test_a_discount_is_at_most_the_whole_amount(api, shop, amount, coupon, total):
    answer = asked(api, shop.code(coupon=coupon), amount=amount).json()
    assert (answer["total"], answer["discountAmount"]) == (total, amount - total)


def test_a_code_that_leaves_less_than_the_minimum_charge_is_refused(api, shop):
    answer = asked(api, shop.code(coupon={"amount_off": 960, "currency": "usd"}), amount=1000).json()
    assert (answer["valid"], answer["total"]) == (False, 1000)
    assert answer["reason"] == "It would leave $0.40, and less than $0.50 cannot be charged."


def test_each_reason_for_refusing_a_code_is_given(api, shop):
    ten = {"percent_off": 10}
    spent, other, gone = (shop.code(coupon=ten, max_redemptions=1), shop.code(coupon=ten), shop.code(coupon=ten))
    [promotion] = shop.stripe.page("promotion_codes", code=gone)[0]
    shop.write(f"promotion_codes/{promotion['id']}", active=False)
    stranger = customer_of(shop, api.pay(patient="somebody").json()["paymentIntentId"])
    api.pay(9000, cartItems=[{"stripePriceId": shop.price(10_000), "quantity": 1}], discountCode=spent)
    euros = shop.code(coupon={"amount_off": 500, "currency": "eur"})
    least = {"minimum_amount": 20_000, "minimum_amount_currency": "usd"}
    reasons = {
        "NOSUCHCODE": "There is no such code.",
        spent: "This code was used as often as it can be.",
        gone: "This code has expired.",
        euros: "This code is for another currency.",
        shop.code(coupon=ten, customer=stranger): "This code is for another customer.",
        shop.code(coupon=ten, restrictions=least): "This code needs a payment of at least $200.00.",
    }
    found = {code: asked(api, code).json() for code in reasons}
    assert {code: answer["reason"] for code, answer in found.items()} == reasons
    assert all(not answer["valid"] and answer["total"] == 10_000 for answer in found.values())
    assert asked(api, other).json()["valid"] is True


def test_a_code_for_one_customer_works_for_that_customer_only(api, shop):
    customer = customer_of(shop, api.pay().json()["paymentIntentId"])
    code = shop.code(coupon={"percent_off": 10}, customer=customer)
    assert asked(api, code, customerId=customer).json()["valid"] is True
    assert asked(api, code, customerId="cus_none").status_code == 404


def test_an_expired_code_is_refused():
    def code(**fields):
        usual = {
            "id": "promo_1",
            "active": True,
            "customer_id": None,
            "expires_at": None,
            "max_redemptions": None,
            "times_redeemed": 0,
            "first_time_only": False,
            "minimum": None,
            "coupon_valid": True,
            "redeem_by": None,
            "percent_off": 10,
            "amount_off": None,
        }
        return Code(**usual | fields)

    def reason(**fields):
        verdict = judge(code(**fields), Money(10_000, "usd"), customer_id=None, now=100)
        return verdict.reason

    assert reason(expires_at=101) is None
    assert {reason(expires_at=100), reason(redeem_by=99), reason(coupon_valid=False)} == {"This code has expired."}


def test_a_first_time_code_works_once_per_customer_and_counts_at_once(api, shop):
    code = shop.code(coupon={"percent_off": 10}, restrictions={"first_time_transaction": True})
    cart, patient = [{"stripePriceId": shop.price(10_000), "quantity": 1}], f"first-{api.order}"
    first = api.pay(9000, patient=patient, cartItems=cart, discountCode=code)
    second = api.pay(9000, patient=patient, cartItems=cart, discountCode=code)
    assert first.status_code == 200
    assert second.json()["detail"] == "This code is for a first payment."
    customer = customer_of(shop, first.json()["paymentIntentId"])
    assert asked(api, code, customerId=customer).json()["reason"] == "This code is for a first payment."


def test_the_amount_is_the_cart_after_the_discount(api, shop):
    code, cart = shop.code(coupon={"percent_off": 10}), [{"stripePriceId": shop.price(10_000), "quantity": 1}]
    assert api.pay(9000, cartItems=cart, discountCode=code).status_code == 200
    for amount in (10_000, 8999):
        assert api.pay(amount, cartItems=cart, discountCode=code).json()["code"] == "amount_mismatch"
    wrong = api.pay(9000, cartItems=cart, discountCode="NOSUCHCODE")
    assert (wrong.status_code, wrong.json()["code"]) == (422, "discount_not_valid")
    assert wrong.json()["errors"] == [{"path": "discountCode", "message": "There is no such code."}]


def test_a_code_for_one_use_is_used_once_however_many_try_at_once(api, shop):
    code = shop.code(coupon={"percent_off": 10}, max_redemptions=1)
    cart = [{"stripePriceId": shop.price(10_000), "quantity": 1}]

    def pay(number):
        return api.pay(9000, cartItems=cart, discountCode=code, patient=f"patient-of-code-{number}")

    with ThreadPoolExecutor(6) as callers:
        answers = list(callers.map(pay, range(6)))
    assert sorted(answer.status_code for answer in answers) == [200] + [422] * 5
    assert len(shop.payments_of(api.order)) == 1


def test_a_declined_payment_uses_no_code(api, shop):
    code = shop.code(coupon={"percent_off": 10}, max_redemptions=1)
    cart = [{"stripePriceId": shop.price(10_000), "quantity": 1}]
    declined = api.pay(9000, "pm_card_visa_chargeDeclined", cartItems=cart, discountCode=code)
    assert declined.status_code == 402
    assert api.pay(9000, cartItems=cart, discountCode=code).status_code == 200


def test_checkout_and_subscription_apply_the_code(api, shop):
    code = shop.code(coupon={"percent_off": 10})
    options = {"success_url": RETURN, "cancel_url": RETURN, "orderId": api.order, "discountCode": code}
    cart = [{"stripePriceId": shop.price(10_000), "quantity": 1}]
    body = {"cartItems": cart, "customerInfo": who(), "options": options}
    session = api.post("create-checkout-session", body).json()["sessionId"]
    assert api.get(f"verify-status/{session}").json()["amountTotal"] == 9000
    plan = {"customerInfo": who(), "stripePriceId": shop.plan(10_000), "orderId": api.order, "discountCode": code}
    made = api.post("create-subscription", plan | {"paymentMethodId": "pm_card_visa"}).json()
    invoice = shop.stripe.retrieve(f"subscriptions/{made['subscriptionId']}")["latest_invoice"]
    assert shop.stripe.retrieve(f"invoices/{invoice}")["amount_paid"] == 9000
    for refused, path in (
        (api.post("create-subscription", plan | {"discountCode": "NOSUCHCODE"}), "discountCode"),
        (
            api.post("create-checkout-session", body | {"options": options | {"discountCode": "NO"}}),
            "options.discountCode",
        ),
    ):
        assert (refused.json()["code"], refused.json()["errors"][0]["path"]) == ("discount_not_valid", path)


@pytest.mark.parametrize("amount", [0, -1, 1.5, "1e3", "１２", 2**63, 100_000_000])
def test_an_invalid_amount_for_a_discount_is_422(api, amount):
    answer = asked(api, "ANY", amount=amount)
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "amount")


@pytest.mark.parametrize(("currency", "off", "total"), [("jpy", 500, 500), ("kwd", 1000, 9000)])
def test_a_code_of_another_currency_counts_in_that_currencys_minor_units(api, shop, currency, off, total):
    code = shop.code(coupon={"amount_off": off, "currency": currency})
    assert asked(api, code, amount=off + total, currency=currency).json()["total"] == total


def test_a_percentage_leaves_what_a_three_decimal_currency_can_charge(api, shop):
    answer = asked(api, shop.code(coupon={"percent_off": 33}), amount=10_010, currency="kwd").json()
    assert amount_limits.problem_with(Money(answer["total"], "kwd")) is None
