"""The eight operations over HTTP against the sandbox: the contract's
shapes, one effect a key, the price of the catalogue.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import httpx
import pytest

from core.payments.operations import requests
from tests.api.conftest import PATIENT, RETURN, who


def checkout(api, prices, **options):
    usual = {"success_url": f"{RETURN}/done", "cancel_url": f"{RETURN}/back", "orderId": api.order}
    items = [{"stripePriceId": price, "quantity": 1} for price in prices]
    return {"cartItems": items, "customerInfo": who(), "options": usual | options}


def subscription(api, price, **more):
    return {"customerInfo": who(), "stripePriceId": price, "orderId": api.order} | more


def paths(answer):
    assert answer.status_code == 422, answer.text
    return [error["path"] for error in answer.json()["errors"]]


def test_a_payment_is_made_and_answered_in_the_contracts_shape(api, shop):
    answer = api.pay(amount=4900)
    assert answer.status_code == 200
    made = answer.json()
    assert set(made) == {"paymentIntentId", "status", "clientSecret", "nextAction"}
    assert (made["status"], made["clientSecret"], made["nextAction"]) == ("succeeded", None, None)
    [intent] = shop.payments_of(api.order)
    assert (intent["id"], intent["amount"], intent["currency"]) == (made["paymentIntentId"], 4900, "usd")
    assert intent["metadata"]["patientId"] == PATIENT


def test_a_payment_is_in_the_mirror_and_in_the_audit_log_at_once(api, owner):
    made = api.pay().json()["paymentIntentId"]
    rows = owner.execute("select status, order_id from payops.payment_intents where id = %s", (made,))
    assert rows.fetchall() == [("succeeded", api.order)]
    written = owner.execute("select action, role from payops.audit_log order by id").fetchall()
    assert written == [("payments:payment:begun", "api"), ("payments:payment:done", "api")]


def test_a_second_payment_of_a_patient_is_the_same_customers(api, shop):
    for _ in range(2):
        assert api.pay(patient="patient-of-two").status_code == 200
    assert len({intent["customer"] for intent in shop.payments_of(api.order)}) == 1


def test_the_same_key_and_body_give_the_same_answer_and_one_charge(api, shop):
    first, second = (api.pay(key="once") for _ in range(2))
    assert first.status_code == 200
    assert first.json() == second.json()
    assert len(shop.payments_of(api.order)) == 1


def test_the_same_key_with_another_body_or_route_is_409(api, shop):
    api.pay(key="once")
    other = api.pay(amount=4901, key="once")
    elsewhere = api.post("validate-discount", {"code": "X", "amount": 4900, "currency": "usd"}, key="once")
    assert [(a.status_code, a.json()["code"]) for a in (other, elsewhere)] == [(409, "idempotency_key_reused")] * 2
    assert len(shop.payments_of(api.order)) == 1


def test_a_key_in_progress_is_409_and_then_answered(api, shop, faults, owner):
    faults.add("payment_intents", delay_seconds=3.0, count=1)
    with ThreadPoolExecutor(1) as other:
        first = other.submit(api.pay, key="slow")
        while not owner.execute("select from payops.api_requests").fetchall():
            time.sleep(0.01)
        second = api.pay(key="slow")
        assert (second.status_code, second.json()["code"]) == (409, "in_progress")
        made = first.result().json()
    assert api.pay(key="slow").json() == made
    assert len(shop.payments_of(api.order)) == 1


def test_the_same_key_fifty_times_at_once_is_one_charge(api, shop):
    with ThreadPoolExecutor(10) as callers:
        answers = list(callers.map(lambda _: api.pay(key="fifty"), range(50)))
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert len({a.json()["paymentIntentId"] for a in answers if a.status_code == 200}) == 1
    assert len(shop.payments_of(api.order)) == 1


def test_a_key_with_an_expired_answer_makes_no_second_charge(api, shop, database):
    body = subscription(api, shop.plan(), paymentMethodId="pm_card_visa")
    first = api.pay(key="old").json(), api.post("create-subscription", body, key="old too").json()
    later = datetime.now(ZoneInfo("UTC")) + requests.KEYS_KEPT + timedelta(minutes=1)
    assert requests.forget_old(database, later) == 2
    assert (api.pay(key="old").json(), api.post("create-subscription", body, key="old too").json()) == first
    assert len(shop.payments_of(api.order)) == 1


def test_keys_of_two_callers_are_independent(serve, shop, api):
    assert api.pay(key="shared").status_code == 200
    with serve(API_TOKENS="another") as http:
        assert type(api)(http, api.order, "another").pay(key="shared").status_code == 200
    assert len(shop.payments_of(api.order)) == 2


@pytest.mark.parametrize("key", ["", "x" * 256, "é"])
def test_an_invalid_idempotency_key_is_400(api, key):
    answer = api.http.post(
        "/api/payments/process-payment",
        json=api.payment(),
        headers=[(b"authorization", b"Bearer a-server-of-the-shop"), (b"idempotency-key", key.encode())],
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_idempotency_key")


def test_a_decline_is_402_with_reason_and_advice(api):
    answer = api.pay(card="pm_card_visa_chargeDeclinedInsufficientFunds", key="poor")
    assert answer.status_code == 402
    said = answer.json()
    assert said["code"] == "card_declined"
    assert (said["declineCode"], said["category"]) == ("insufficient_funds", "retry_later")
    assert (said["retryable"], said["retryAfter"]) == (True, 72 * 3600)
    assert said["paymentIntentId"].startswith("pi_")
    assert said["staffAdvice"] and said["customerMessage"] == said["detail"]
    again = api.pay(card="pm_card_visa_chargeDeclinedInsufficientFunds", key="poor").json()
    assert {**again, "request_id": None} == {**said, "request_id": None}


def test_a_card_reported_stolen_is_not_told_to_the_customer(api):
    said = api.pay(card="pm_card_visa_chargeDeclinedStolenCard").json()
    assert "stolen" not in said["customerMessage"] + said["detail"]
    assert said["retryable"] is False


def test_a_payment_blocked_by_stripe_is_reported_as_blocked(api, owner):
    said = api.pay(card="pm_card_radarBlock").json()
    assert (said["declineCode"], said["category"]) == ("highest_risk_level", "blocked_before_network")
    again = api.post("handle-failure", {"paymentIntentId": said["paymentIntentId"]}).json()
    assert (again["declineCode"], again["category"], again["retryable"]) == (
        "highest_risk_level",
        "blocked_before_network",
        False,
    )


def test_a_payment_that_needs_authentication_returns_the_next_action_each_time(api, owner):
    first, second = (api.pay(card="pm_card_threeDSecureRequired", key="sca") for _ in range(2))
    made = first.json()
    assert made["status"] == "requires_action"
    assert made["clientSecret"].startswith(made["paymentIntentId"])
    assert made["nextAction"]["type"] == "use_stripe_sdk"
    assert second.json() == made
    [(kept,)] = owner.execute("select answer::text from payops.api_requests").fetchall()
    assert "_secret_" not in kept


@pytest.mark.parametrize(("currency", "amount"), [("jpy", 500), ("kwd", 12_340), ("eur", 50), ("usd", 99_999_999)])
def test_each_currency_is_charged_in_its_own_minor_units(api, shop, currency, amount):
    assert api.pay(amount, currency=currency.upper()).json()["status"] == "succeeded"
    [intent] = shop.payments_of(api.order)
    assert (intent["amount"], intent["currency"]) == (amount, currency)


@pytest.mark.parametrize("amount", [0, -1, 1.5, 100.0, "1e3", "１２", "100", True, None, 2**63, 100_000_000, 49, [100]])
def test_an_amount_that_cannot_be_charged_is_422_with_the_field_named(api, amount):
    assert paths(api.pay(amount)) == ["amount"]


@pytest.mark.parametrize(("currency", "amount"), [("kwd", 12_345), ("kwd", 9), ("huf", 17_499)])
def test_a_currencys_own_rules_are_422_with_the_field_named(api, currency, amount):
    assert paths(api.pay(amount, currency=currency)) == ["amount"]


@pytest.mark.parametrize("currency", ["xyz", "us", "", 1, "usd "])
def test_an_unknown_currency_is_422_with_the_field_named(api, currency):
    assert paths(api.pay(currency=currency)) == ["currency"]


def test_every_field_that_does_not_fit_is_named_by_its_path(api, shop):
    body = api.payment(cartItems=[{"stripePriceId": "price_1", "quantity": 0}, {"quantity": 1}])
    del body["orderId"]
    body["customerInfo"]["email"] = "nobody"
    expected = {"cartItems.0.quantity", "cartItems.1.stripePriceId", "orderId", "customerInfo.email"}
    assert set(paths(api.post("process-payment", body))) == expected


@pytest.mark.parametrize("body", [b"{", b"", b"\xff", b"[" * 100_000, b'{"amount": ' + b"9" * 5000 + b"}"])
def test_a_malformed_body_is_400_and_never_500(api, body):
    headers = api.headers(None, None) | {"Content-Type": "application/json"}
    answer = api.http.post("/api/payments/process-payment", content=body, headers=headers)
    assert answer.status_code in (400, 422), answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_carts_amount_must_equal_the_catalogue_price(api, shop):
    cart = [{"stripePriceId": shop.price(4900), "quantity": 2}]
    assert api.pay(9800, cartItems=cart).status_code == 200
    for amount in (9799, 9801, 100):
        refused = api.pay(amount, cartItems=cart)
        assert (refused.json()["code"], paths(refused)) == ("amount_mismatch", ["amount"])
    euros = api.pay(9800, currency="eur", cartItems=cart)
    assert (euros.json()["code"], paths(euros)) == ("amount_mismatch", ["currency"])
    assert len(shop.payments_of(api.order)) == 1


def test_an_unsold_price_is_refused_with_the_field_named(api, shop):
    retired = shop.price()
    shop.write(f"prices/{retired}", active=False)
    for price, code in (
        (retired, "price_not_for_sale"),
        ("price_none", "unknown_price"),
        (shop.plan(), "wrong_kind_of_price"),
    ):
        answer = api.pay(cartItems=[{"stripePriceId": price, "quantity": 1}])
        assert (answer.json()["code"], paths(answer)) == (code, ["cartItems.0.stripePriceId"])
    mixed = [{"stripePriceId": shop.price(100, c), "quantity": 1} for c in ("usd", "eur")]
    assert paths(api.pay(200, cartItems=mixed)) == ["cartItems"]


def test_a_card_stripe_does_not_know_is_422_with_the_field_named(api):
    answer = api.pay(card="pm_nobodys")
    assert (answer.json()["code"], paths(answer)) == ("stripe_refused", ["paymentMethodId"])


def test_a_saved_card_is_listed_without_more_than_may_be_shown(api):
    api.pay(patient="patient-saves", savePaymentMethod=True, card="pm_card_mastercard")
    api.pay(patient="patient-saves", card="pm_card_visa")
    answer = api.get("payment-methods", patientId="patient-saves")
    [saved] = answer.json()["paymentMethods"]
    assert set(saved) == {"id", "brand", "last4", "expMonth", "expYear", "isDefault"}
    assert (saved["brand"], saved["last4"], saved["isDefault"]) == ("mastercard", "4444", False)
    assert api.get("payment-methods", patientId="nobody").json() == {"paymentMethods": []}
    assert api.get("payment-methods").status_code == 422


def test_a_checkout_is_opened_for_the_catalogues_price_and_its_status_told(api, shop):
    answer = api.post("create-checkout-session", checkout(api, [shop.price(4900), shop.price(100)]))
    made = answer.json()
    assert set(made) == {"sessionId", "url", "status"} and made["status"] == "open"
    status = api.get(f"verify-status/{made['sessionId']}")
    assert status.json() == {
        "sessionId": made["sessionId"],
        "status": "open",
        "paymentStatus": "unpaid",
        "amountTotal": 5000,
        "currency": "usd",
        "paymentIntentId": None,
        "subscriptionId": None,
        "orderId": api.order,
    }


@pytest.mark.parametrize("mode", ["payment", "subscription"])
def test_a_checkout_paid_on_its_page_is_complete(api, shop, sandbox, mode):
    price = shop.plan() if mode == "subscription" else shop.price()
    made = api.post("create-checkout-session", checkout(api, [price], mode=mode)).json()
    card = {"number": "4242 4242 4242 4242", "expiry": "12/40", "cvc": "123", "email": "a@example.com"}
    paid = httpx.post(made["url"], data=card, trust_env=False)
    assert paid.status_code == 303 and paid.headers["location"].startswith(RETURN)
    status = api.get(f"verify-status/{made['sessionId']}").json()
    assert (status["status"], status["paymentStatus"]) == ("complete", "paid")
    assert (status["subscriptionId"] is not None) == (mode == "subscription")


def test_the_same_key_opens_one_checkout(api, shop):
    body = checkout(api, [shop.price()])
    first, second = (api.post("create-checkout-session", body, key="cart") for _ in range(2))
    assert first.json() == second.json()


@pytest.mark.parametrize("field", ["success_url", "cancel_url"])
@pytest.mark.parametrize(
    "address",
    [
        "https://localhost:3000/done",
        "http://localhost:3001/done",
        "http://evil.example/done",
        "http://localhost:3000@evil.example/",
        "http://localhost:3000.evil.example/",
        "http://localhost:3000\\@evil.example/",
        "//localhost:3000/",
        "javascript:alert(1)",
        "http://localhost:99999/",
    ],
)
def test_customers_are_sent_back_only_to_addresses_that_are_allowed(api, shop, field, address):
    body = checkout(api, [shop.price()], **{field: address})
    assert paths(api.post("create-checkout-session", body)) == [f"options.{field}"]


def test_a_cart_of_the_wrong_kind_for_the_mode_is_refused(api, shop):
    one_time = api.post("create-checkout-session", checkout(api, [shop.price()], mode="subscription"))
    recurring = api.post("create-checkout-session", checkout(api, [shop.plan()]))
    assert paths(one_time) == paths(recurring) == ["cartItems.0.stripePriceId"]


def test_an_unknown_session_is_404(api):
    for session in ("cs_none", "nothing", "cs_..%2f..%2fcharges", "cs_%00"):
        answer = api.get(f"verify-status/{session}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_failure_is_explained_and_is_on_the_recovery_list(api, owner):
    failed = api.pay(card="pm_card_visa_chargeDeclinedInsufficientFunds").json()["paymentIntentId"]
    answer = api.post("handle-failure", {"paymentIntentId": failed, "orderId": api.order})
    assert answer.status_code == 200
    said = answer.json()
    assert set(said) == {
        "code",
        "declineCode",
        "category",
        "customerMessage",
        "staffAdvice",
        "retryable",
        "retryAfter",
        "recoveryUrl",
    }
    assert (said["code"], said["declineCode"]) == ("card_declined", "insufficient_funds")
    assert (said["category"], said["retryable"], said["recoveryUrl"]) == ("retry_later", True, None)
    listed = owner.execute("select payment_intent_id from payops.recovery_cases").fetchall()
    assert listed == [(failed,)]


def test_a_failed_invoice_has_a_hosted_page(api, shop):
    made = api.post(
        "create-subscription", subscription(api, shop.plan(), paymentMethodId="pm_card_chargeCustomerFail")
    ).json()
    assert made["status"] == "incomplete"
    invoice = shop.stripe.retrieve(f"subscriptions/{made['subscriptionId']}")["latest_invoice"]
    body = {"invoiceId": invoice}
    first, second = (api.post("handle-failure", body, key="why") for _ in range(2))
    assert first.json()["recoveryUrl"].startswith("http") and first.json()["retryable"]
    assert second.json() == first.json()


def test_a_payment_that_did_not_fail_and_an_unknown_one_are_distinguished(api):
    paid = api.pay().json()["paymentIntentId"]
    assert api.post("handle-failure", {"paymentIntentId": paid}).json()["code"] == "not_failed"
    for body in ({"paymentIntentId": "pi_none"}, {"invoiceId": "in_none"}):
        assert api.post("handle-failure", body).status_code == 404
    for body in ({}, {"paymentIntentId": "pi_1", "invoiceId": "in_1"}):
        assert paths(api.post("handle-failure", body)) == ["body"]


def test_a_subscription_begins_with_a_card_and_says_until_when_it_is_paid(api, shop):
    answer = api.post("create-subscription", subscription(api, shop.plan(), paymentMethodId="pm_card_visa"))
    made = answer.json()
    assert set(made) == {"subscriptionId", "status", "clientSecret", "currentPeriodEnd"}
    assert (made["status"], made["clientSecret"]) == ("active", None)
    assert datetime.fromisoformat(made["currentPeriodEnd"]) > datetime.now().astimezone()


def test_the_same_key_begins_one_subscription(api, shop, owner):
    body = subscription(api, shop.plan(), paymentMethodId="pm_card_visa")
    first, second = (api.post("create-subscription", body, key="sub") for _ in range(2))
    assert first.json() == second.json()
    made = [
        one for one in shop.stripe.each("subscriptions", status="all") if one["metadata"].get("orderId") == api.order
    ]
    assert len(made) == 1
    written = owner.execute("select action from payops.audit_log order by id").fetchall()
    assert written == [("payments:create-subscription:begun",), ("payments:create-subscription:done",)]


def test_without_a_card_a_subscription_waits_for_the_customer_and_says_so_again(api, shop):
    body = subscription(api, shop.plan())
    first, second = (api.post("create-subscription", body, key="later") for _ in range(2))
    assert first.json()["status"] == "incomplete"
    assert "_secret_" in first.json()["clientSecret"]
    assert first.json() == second.json()


@pytest.mark.parametrize("card", ["pm_card_threeDSecureRequired", "pm_card_chargeCustomerFail"])
def test_an_unfinished_first_payment_returns_a_client_secret(api, shop, card):
    made = api.post("create-subscription", subscription(api, shop.plan(), paymentMethodId=card)).json()
    assert made["status"] == "incomplete"
    assert made["clientSecret"].startswith("pi_")


def test_a_card_that_cannot_be_saved_is_a_decline(api, shop):
    body = subscription(api, shop.plan(), paymentMethodId="pm_card_visa_chargeDeclinedLostCard")
    answer = api.post("create-subscription", body)
    assert (answer.status_code, answer.json()["code"]) == (402, "card_declined")
    assert answer.json()["paymentIntentId"] is None


def test_a_trial_is_free_and_ends_on_its_date(api, shop):
    body = subscription(api, shop.plan(), paymentMethodId="pm_card_visa", trialDays=14)
    made = api.post("create-subscription", body).json()
    ends = datetime.fromisoformat(made["currentPeriodEnd"]) - datetime.now().astimezone()
    assert (made["status"], round(ends.total_seconds() / 86_400)) == ("trialing", 14)
    for days in (0, -1, 731, 1.5, "14"):
        assert paths(api.post("create-subscription", body | {"trialDays": days})) == ["trialDays"]


def test_a_trial_without_a_card_asks_for_one(api, shop):
    made = api.post("create-subscription", subscription(api, shop.plan(), trialDays=14)).json()
    assert made["status"] == "trialing"
    assert made["clientSecret"].startswith("seti_")


def test_a_subscription_ends_now_or_at_period_end_and_repeating_is_harmless(api, shop, owner):
    body = subscription(api, shop.plan(), paymentMethodId="pm_card_visa")
    made = api.post("create-subscription", body).json()
    asked = {"subscriptionId": made["subscriptionId"]}
    later = api.post("cancel-subscription", asked, key="end").json()
    assert set(later) == {"subscriptionId", "status", "cancelAt", "endedAt"}
    assert (later["status"], later["cancelAt"], later["endedAt"]) == ("active", made["currentPeriodEnd"], None)
    assert api.post("cancel-subscription", asked, key="end").json() == later
    now = api.post("cancel-subscription", asked | {"atPeriodEnd": False, "reason": "moved away"}).json()
    assert now["status"] == "canceled" and now["endedAt"]
    assert api.post("cancel-subscription", asked).json() == now
    rows = owner.execute("select action, reason from payops.audit_log where action like '%cancel%' order by id")
    assert [tuple(row) for row in rows] == [
        ("payments:cancel-subscription:begun", None),
        ("payments:cancel-subscription:done", None),
        ("payments:cancel-subscription:begun", "moved away"),
        ("payments:cancel-subscription:done", "moved away"),
    ]


def test_an_unknown_subscription_is_404(api):
    assert api.post("cancel-subscription", {"subscriptionId": "sub_none"}).status_code == 404


def test_every_authenticated_call_is_timed_without_stripes_share(api, owner, database):
    def timed(operation):
        """It is kept after the answer."""
        kept = "select id, status, own_ms, stripe_ms from payops.api_calls where operation = %s order by id"
        while not (rows := owner.execute(kept, (operation,)).fetchall()):
            time.sleep(0.01)
        return rows[-1]

    api.get("verify-status/nothing")
    before, status, _, _ = timed("verify_status")  # what earlier tests asked is kept by now
    assert status == 404
    for table in ("api_calls", "observation_changes", "daily_observations"):
        owner.execute(f"delete from payops.{table}")
    api.get("payment-methods", patientId=PATIENT, token="nobody")
    api.pay()
    api.post("cancel-subscription", {"subscriptionId": "sub_none"})
    calls = [timed("process_payment"), timed("cancel_subscription")]
    assert [call[1] for call in calls] == [200, 404]
    assert all(call[0] > before and call[2] > 0 and call[3] > 0 for call in calls)
    now = datetime.now(ZoneInfo("America/New_York"))
    period = {"since": now.date() - timedelta(days=1), "until": now.date()}
    figure = database.call("metrics", **period, currency="usd", now=now)["metrics"]["processing_time_own"]
    quick, slow = sorted(call[2] for call in calls)
    assert figure["n"] == 2
    assert figure["p95_ms"] == pytest.approx(quick + 0.95 * (slow - quick), rel=0.03, abs=0.02)  # read from buckets


def test_a_checkout_for_a_state_where_nobody_may_see_the_patient_is_refused(api, shop):
    body = checkout(api, [shop.price()])
    body["customerInfo"] |= {"patientState": "NY"}
    refused = api.post("create-checkout-session", body)
    assert (refused.status_code, refused.json()["code"]) == (422, "state_not_served")
    assert "New York" in refused.json()["detail"]
    assert shop.payments_of(api.order) == []
