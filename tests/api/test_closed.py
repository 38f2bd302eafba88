"""The payment API's answers while a flow is paused, payments are suspended, or Stripe is unreachable or refuses."""

import time
from datetime import UTC, datetime

import pytest

from core.staff import flags
from core.staff.flag_scope import SCOPES
from core.staff.flags import Flow
from tests.api.conftest import PATIENT, RETURN, Api, who
from tests.payments.conftest import ADMIN


def close(database, flow, *, open=False):
    sentence = "" if open else f"{flow} is paused until noon."
    flags.switch(database, ADMIN, Flow(flow), open=open, sentence=sentence, reason="a test", now=datetime.now(UTC))


def bodies(shop, order):
    options = {"success_url": RETURN, "cancel_url": RETURN, "orderId": order}
    cart = [{"stripePriceId": shop.price(), "quantity": 1}]
    plan = [{"stripePriceId": shop.plan(), "quantity": 1}]
    payment = {"paymentMethodId": "pm_card_visa", "amount": 4900, "currency": "usd", "orderId": order}
    return {
        "payment": ("process-payment", payment | {"customerInfo": who()}),
        "subscription": (
            "create-subscription",
            {"customerInfo": who(), "stripePriceId": plan[0]["stripePriceId"], "orderId": order},
        ),
        "checkout": ("create-checkout-session", {"cartItems": cart, "customerInfo": who(), "options": options}),
        "plan checkout": (
            "create-checkout-session",
            {"cartItems": plan, "customerInfo": who(), "options": options | {"mode": "subscription"}},
        ),
        "discount": ("validate-discount", {"code": "X", "amount": 4900, "currency": "usd"}),
    }


@pytest.fixture
def at_once(monkeypatch):
    monkeypatch.setattr(flags, "FRESH_SECONDS", 0.0)


@pytest.mark.parametrize(
    ("flow", "closed"),
    [
        ("one_time", {"payment"}),
        ("subscriptions", {"subscription", "plan checkout"}),
        ("checkout", {"checkout", "plan checkout"}),
        ("discounts", {"discount"}),
        ("retries", set()),
        ("refunds", set()),
    ],
)
def test_a_paused_flow_answers_503_with_its_sentence_and_other_flows_work(api, shop, database, at_once, flow, closed):
    close(database, flow)
    answers = {name: api.post(*asked) for name, asked in bodies(shop, api.order).items()}
    assert {name for name, answer in answers.items() if answer.status_code == 503} == closed
    assert {bodies(shop, api.order)[name][0] for name in closed} == set(SCOPES[Flow(flow)].operations)
    for name in closed:
        said = answers[name].json()
        assert (said["code"], said["detail"]) == ("flow_disabled", f"{flow} is paused until noon.")
        assert int(answers[name].headers["retry-after"]) > 0
    close(database, flow, open=True)
    assert all(api.post(*asked).status_code == 200 for asked in bodies(shop, api.order).values())


def test_a_pause_takes_effect_within_five_seconds_and_a_refused_request_can_be_repeated(api, database):
    assert api.pay().status_code == 200
    close(database, "one_time")
    deadline = time.monotonic() + 5
    while api.pay().status_code == 200:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert api.pay(key="later").json()["code"] == "flow_disabled"
    close(database, "one_time", open=True)
    deadline = time.monotonic() + 5
    while (answer := api.pay(key="later")).status_code == 503:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert answer.status_code == 200


def test_subscriptions_can_be_canceled_and_read_while_flows_are_paused(serve, owner, api, shop):
    plan = {
        "customerInfo": who(),
        "stripePriceId": shop.plan(),
        "orderId": api.order,
        "paymentMethodId": "pm_card_visa",
    }
    begun = api.post("create-subscription", plan).json()["subscriptionId"]
    with serve(PAYMENTS_SUSPENDED="true") as http:
        suspended = Api(http, api.order)
        answers = {name: suspended.post(*asked) for name, asked in bodies(shop, api.order).items()}
        refused = {name for name, answer in answers.items() if answer.status_code == 503}
        assert refused == {"payment", "subscription", "checkout", "plan checkout"}
        assert {answers[name].json()["code"] for name in refused} == {"flow_disabled"}
        assert "Nothing was charged" in answers["payment"].json()["detail"]
        assert suspended.post("cancel-subscription", {"subscriptionId": begun}).status_code == 200
        assert suspended.get("payment-methods", patientId=PATIENT).status_code == 200


@pytest.mark.parametrize("effects", [{"status": 500}, {"status": 503}, {"status": 429}, {"reset": True}])
def test_while_stripe_does_not_answer_callers_get_retry_after(api, faults, effects):
    for path, ask in (
        ("payment_intents", lambda: api.pay()),
        ("prices", lambda: api.pay(cartItems=[{"stripePriceId": "price_1", "quantity": 1}])),
        ("checkout", lambda: api.get("verify-status/cs_1")),
    ):
        faults.add(path, method="", count=9, **effects)
        answer = ask()
        faults.clear()
        assert (answer.status_code, answer.json()["code"]) == (503, "stripe_unavailable")
        assert int(answer.headers["retry-after"]) > 0


def test_a_refusal_of_stripe_is_422_with_its_message_and_stored_for_the_key(api, shop):
    plan = {"customerInfo": who(), "stripePriceId": shop.plan(100, currency="jpy"), "orderId": api.order}
    usd = {"customerInfo": who(), "stripePriceId": shop.plan(), "orderId": api.order}
    assert api.post("create-subscription", usd | {"paymentMethodId": "pm_card_visa"}).status_code == 200
    first, second = (
        api.post("create-subscription", plan | {"paymentMethodId": "pm_card_none"}, key="no") for _ in range(2)
    )
    assert (first.status_code, first.json()["code"]) == (422, "stripe_refused")
    assert "No such PaymentMethod" in first.json()["detail"]
    assert {**second.json(), "request_id": ""} == {**first.json(), "request_id": ""}


def test_a_stripe_key_that_is_refused_is_our_error_and_not_the_callers(serve, owner, sandbox):
    wrong = {"PAYMENT_MODE": "development", "STRIPE_SECRET_KEY": "sk_test_" + "w" * 24}
    with serve(STRIPE_API_BASE=sandbox.base_url, **wrong) as http:
        answer = Api(http, "order").pay(key="ours")
    assert (answer.status_code, answer.json()["code"]) == (503, "not_configured")
    assert "w" * 6 not in answer.text
    assert owner.execute("select state from payops.api_requests").fetchall() == [("in_progress",)]
