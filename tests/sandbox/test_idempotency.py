"""Idempotency keys by Stripe's rules, and faults on request."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
import stripe as sdk

INTENT = {"amount": 5000, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True}


def post(sandbox, key, data, path="/v1/payment_intents"):
    """A raw call, since the SDK shows too little of an answer's headers."""
    headers = {"Authorization": f"Bearer {sandbox.address.secret_key}", "Idempotency-Key": key}
    return httpx.post(sandbox.address.base_url + path, headers=headers, data=data, timeout=30, trust_env=False)


def test_a_repeated_key_gets_the_same_answer_and_acts_once(stripe):
    first = stripe.v1.payment_intents.create(INTENT, {"idempotency_key": "once"})
    again = stripe.v1.payment_intents.create(INTENT, {"idempotency_key": "once"})
    assert again.id == first.id
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.last_response.headers
    assert len(stripe.v1.charges.list({"payment_intent": first.id}).data) == 1


def test_the_same_key_for_something_else_is_refused(stripe):
    stripe.v1.payment_intents.create(INTENT, {"idempotency_key": "other"})
    with pytest.raises(sdk.IdempotencyError) as refused:
        stripe.v1.payment_intents.create({**INTENT, "amount": 6000}, {"idempotency_key": "other"})
    assert refused.value.http_status == 400


def test_a_decline_is_replayed_and_charges_nothing_twice(stripe):
    declined = {**INTENT, "payment_method": "pm_card_visa_chargeDeclined"}
    seen = []
    for _ in range(2):
        with pytest.raises(sdk.CardError) as refused:
            stripe.v1.payment_intents.create(declined, {"idempotency_key": "declined"})
        seen.append(refused.value.error.payment_intent.id)
    assert seen[0] == seen[1]
    assert len(stripe.v1.charges.list({"payment_intent": seen[0]}).data) == 1


def test_a_refused_parameter_is_not_kept_so_the_key_can_be_used_again(stripe):
    with pytest.raises(sdk.InvalidRequestError):
        stripe.v1.payment_intents.create({**INTENT, "amount": 1}, {"idempotency_key": "mended"})
    assert stripe.v1.payment_intents.create(INTENT, {"idempotency_key": "mended"}).status == "succeeded"


def test_a_key_in_flight_is_a_conflict(sandbox, control):
    control.post("/sandbox/faults", json={"path": "/v1/customers", "delay_seconds": 0.7}).raise_for_status()
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: post(sandbox, "busy", {"name": "A"}, "/v1/customers"), range(2)))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    error = next(answer for answer in answers if answer.status_code == 409).json()["error"]
    assert error["code"] == "idempotency_key_in_use"


def test_fifty_at_once_with_one_key_make_one_payment(sandbox, stripe):
    customer = stripe.v1.customers.create({})
    data = {"amount": 5000, "currency": "usd", "customer": customer.id}
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: post(sandbox, "many", data), range(50)))
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert len(stripe.v1.payment_intents.list({"customer": customer.id}).data) == 1


def test_a_key_is_forgotten_after_a_day(stripe, control):
    first = stripe.v1.customers.create({"name": "A"}, {"idempotency_key": "daily"})
    control.post("/sandbox/clock/advance", json={"seconds": 25 * 3600}).raise_for_status()
    assert stripe.v1.customers.create({"name": "A"}, {"idempotency_key": "daily"}).id != first.id


def test_a_500_is_repeated_for_its_key(sandbox, control):
    control.post("/sandbox/faults", json={"path": "/v1/customers", "status": 500}).raise_for_status()
    assert [post(sandbox, "broken", {"name": "A"}, "/v1/customers").status_code for _ in range(2)] == [500, 500]
    assert post(sandbox, "fresh", {"name": "A"}, "/v1/customers").status_code == 200


def test_a_429_is_not_kept(sandbox, control):
    control.post("/sandbox/faults", json={"path": "/v1/customers", "status": 429}).raise_for_status()
    assert [post(sandbox, "slow", {"name": "A"}, "/v1/customers").status_code for _ in range(2)] == [429, 200]


def test_a_request_whose_reply_was_lost_was_done_and_its_key_finds_it(sandbox, stripe, control):
    customer = stripe.v1.customers.create({})
    data = {"amount": 5000, "currency": "usd", "customer": customer.id}
    control.post("/sandbox/faults", json={"path": "/v1/payment_intents", "lose_reply": True}).raise_for_status()
    with pytest.raises(httpx.TransportError):
        post(sandbox, "lost", data)
    found = post(sandbox, "lost", data)
    assert found.headers["Idempotent-Replayed"] == "true"
    listed = stripe.v1.payment_intents.list({"customer": customer.id}).data
    assert [intent.id for intent in listed] == [found.json()["id"]]


def test_a_delayed_reply_does_not_delay_its_effect(sandbox, stripe, control):
    customer = stripe.v1.customers.create({})
    fault = {"method": "POST", "path": "/v1/payment_intents", "delay_reply_seconds": 1.0}
    control.post("/sandbox/faults", json=fault).raise_for_status()
    with ThreadPoolExecutor(1) as other:
        data = {"amount": 5000, "currency": "usd", "customer": customer.id}
        reply = other.submit(post, sandbox, "held", data)
        while not (listed := stripe.v1.payment_intents.list({"customer": customer.id}).data):
            assert not reply.done()
        assert reply.result().json()["id"] == listed[0].id


def test_the_sdk_repeats_a_request_whose_connection_was_cut(sandbox, control):
    control.post("/sandbox/faults", json={"path": "/v1/customers", "reset": True}).raise_for_status()
    base = {"api": sandbox.address.base_url, "files": sandbox.address.base_url}
    patient = sdk.StripeClient(sandbox.address.secret_key, base_addresses=base, max_network_retries=2)
    assert patient.v1.customers.create({"name": "A"}).name == "A"
