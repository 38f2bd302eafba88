"""Signed webhooks: each event at least once, repeated until it is accepted, also after a restart."""

import json

import pytest
import stripe as sdk

from core.sandbox.process import ensure_running, stop


@pytest.fixture
def hooked(stripe, control, receiver):
    """Registers the receiver; it is taken away again with what still waits for it."""

    def register(**how):
        control.post("/sandbox/webhooks", json={"url": receiver.url, **how}).raise_for_status()
        return receiver

    yield register
    for endpoint in stripe.v1.webhook_endpoints.list().data:
        stripe.v1.webhook_endpoints.delete(endpoint.id)


def types_of(deliveries):
    return [json.loads(body)["type"] for _, body in deliveries]


def test_each_delivery_is_signed_as_the_sdk_checks_it(sandbox, stripe, hooked):
    received = hooked()
    customer = stripe.v1.customers.create({"metadata": {"patientId": "pat_1"}})
    [(signature, body)] = received.wait_for(1)
    event = sdk.Webhook.construct_event(body, signature, sandbox.address.webhook_secret)
    assert (event.type, event.data.object.id) == ("customer.created", customer.id)
    assert event.data.object.metadata["patientId"] == "pat_1"
    with pytest.raises(sdk.SignatureVerificationError):
        sdk.Webhook.construct_event(body.replace(b"pat_1", b"pat_2"), signature, sandbox.address.webhook_secret)


def test_a_payment_announces_each_of_its_steps(stripe, hooked):
    received = hooked()
    stripe.v1.payment_intents.create(
        {"amount": 5000, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True}
    )
    assert set(types_of(received.wait_for(3))) == {
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
    }


def test_a_refused_delivery_is_repeated_until_it_is_accepted(stripe, control, hooked):
    received = hooked()
    received.answers = lambda number: 500 if number <= 2 else 200
    stripe.v1.customers.create({})
    deliveries = received.wait_for(3)
    assert len({json.loads(body)["id"] for _, body in deliveries}) == 1
    assert control.post("/sandbox/webhooks/flush").json()["pending"] == 0


def test_a_paused_endpoint_gets_everything_later(stripe, control, hooked):
    received = hooked(paused=True)
    made = {stripe.v1.customers.create({}).id for _ in range(20)}
    assert control.get("/sandbox/webhooks/pending").json()["pending"] >= 20
    assert not received.deliveries
    hooked()
    told = {json.loads(body)["data"]["object"]["id"] for _, body in received.wait_for(20)}
    assert told >= made


def test_duplicates_and_reordered_deliveries_can_be_requested(stripe, hooked):
    received = hooked(duplicate=1.0, reorder=True)
    made = [stripe.v1.customers.create({}).id for _ in range(15)]
    deliveries = received.wait_for(30)
    told = [json.loads(body)["data"]["object"]["id"] for _, body in deliveries]
    assert sorted(told) == sorted(made * 2)
    assert list(dict.fromkeys(told)) != made


def test_pending_deliveries_survive_a_restart_of_the_sandbox(sandbox, stripe, control, hooked):
    received = hooked()
    received.answers = lambda number: 500
    customer = stripe.v1.customers.create({})
    received.wait_for(1)
    stop(sandbox.data_dir)
    received.answers = lambda number: 200
    refused = len(received.deliveries)
    address = ensure_running(sandbox.data_dir)
    assert address == sandbox.address  # the same port and keys, so that links stay good
    received.wait_for(refused + 1)
    assert stripe.v1.customers.retrieve(customer.id).id == customer.id
