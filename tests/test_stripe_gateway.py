"""What callers hear of Stripe, and what is recorded of each call, over the real SDK."""

import tempfile
from pathlib import Path

import httpx
import pytest

from core.errors import Refused, Unavailable
from core.sandbox import process
from core.stripe_gateway import StripeGateway, route_of


@pytest.fixture(scope="module")
def sandbox():
    with tempfile.TemporaryDirectory(prefix="payops-test-") as folder:
        data_dir = Path(folder)
        yield process.ensure_running(data_dir)
        process.stop(data_dir)


@pytest.fixture
def calls():
    return []


@pytest.fixture
def gateway(sandbox, calls):
    return StripeGateway(sandbox.secret_key, api_base=sandbox.base_url, record=calls.append)


def test_a_call_is_recorded_with_its_operation_and_request_id(gateway, calls):
    assert gateway.page("charges") == ([], False)
    assert (calls[0].operation, calls[0].error) == ("get charges", None)
    assert calls[0].request_id.startswith("req_")
    assert calls[0].duration_ms > 0


def test_what_stripe_refuses_is_refused_and_recorded_without_ids(gateway, calls):
    with pytest.raises(Refused) as refused:
        gateway.retrieve("charges/ch_1nothere")
    assert refused.value.code == "stripe_refused"
    assert refused.value.facts["stripe_code"] == "resource_missing"
    assert (calls[0].operation, calls[0].error) == ("get charges/*", "InvalidRequestError")


@pytest.mark.parametrize(
    "object_id", ["..", ".", "", "../balance", "ch_1/../../balance", "ch 1", "ch_1?expand[]=customer", "é", "a\n"]
)
def test_an_invalid_id_never_reaches_another_object(gateway, calls, object_id):
    with pytest.raises(Refused) as refused:
        gateway.retrieve(f"charges/{object_id}")
    assert (refused.value.code, refused.value.facts["http_status"]) == ("stripe_refused", 404)
    assert calls == []


def test_a_wrong_key_is_reported_to_staff_without_showing_it(sandbox, calls):
    with pytest.raises(Refused) as refused:
        StripeGateway("sk_test_wrong", api_base=sandbox.base_url, record=calls.append).page("charges")
    assert refused.value.code == "stripe_key_refused"
    assert "sk_test" not in str(refused.value)


def test_stripe_out_of_reach_is_unavailable(calls):
    with pytest.raises(Unavailable) as unavailable:
        StripeGateway("sk_test_1", api_base="http://127.0.0.1:1", record=calls.append).page("charges")
    assert unavailable.value.code == "stripe_unavailable"
    assert calls[0].error == "APIConnectionError"


def test_stripe_failing_is_unavailable_and_a_passing_failure_is_not_noticed(sandbox, gateway):
    faults = f"{sandbox.base_url}/sandbox/faults"
    httpx.post(faults, json={"method": "GET", "path": "/v1/charges", "status": 500, "count": 1}).raise_for_status()
    assert gateway.page("charges") == ([], False)
    httpx.post(faults, json={"method": "GET", "path": "/v1/charges", "status": 500, "count": 9}).raise_for_status()
    with pytest.raises(Unavailable):
        gateway.page("charges")
    httpx.delete(faults)


def test_every_object_of_a_list_comes_once_over_its_pages(sandbox, gateway):
    headers = {"Authorization": f"Bearer {sandbox.secret_key}"}
    made = [
        httpx.post(f"{sandbox.base_url}/v1/customers", headers=headers, data={"metadata[patientId]": str(n)}).json()[
            "id"
        ]
        for n in range(7)
    ]
    assert sorted(each["id"] for each in gateway.each("customers", limit=3)) == sorted(made)


def pay(gateway, key, card="pm_card_visa", **params):
    asked = {"amount": 4900, "currency": "usd", "payment_method": card, "confirm": True} | params
    asked["automatic_payment_methods"] = {"enabled": True, "allow_redirects": "never"}
    return gateway.write("payment_intents", key=key, **asked)


def test_a_write_with_the_same_key_is_done_once(gateway):
    assert pay(gateway, "once-1")["id"] == pay(gateway, "once-1")["id"]
    with pytest.raises(Refused) as refused:
        pay(gateway, "once-1", amount=5000)
    assert refused.value.code == "stripe_refused"


def test_a_decline_says_why_and_which_payment_it_was(gateway):
    with pytest.raises(Refused) as refused:
        pay(gateway, "declined-1", "pm_card_visa_chargeDeclinedInsufficientFunds")
    assert refused.value.code == "card_declined"
    facts = refused.value.facts
    assert facts["decline_code"] == "insufficient_funds"
    assert facts["payment_intent"].startswith("pi_") and facts["charge"].startswith("ch_")


def test_a_lost_reply_is_recovered_with_the_same_key(sandbox, gateway):
    fault = {"method": "POST", "path": "/v1/payment_intents", "lose_reply": True, "count": 9}
    httpx.post(f"{sandbox.base_url}/sandbox/faults", json=fault).raise_for_status()
    before = len(list(gateway.each("payment_intents")))
    with pytest.raises(Unavailable):
        pay(gateway, "lost-1")
    httpx.delete(f"{sandbox.base_url}/sandbox/faults")
    assert pay(gateway, "lost-1")["status"] == "succeeded"
    assert len(list(gateway.each("payment_intents"))) == before + 1


def test_a_file_is_uploaded_and_has_an_id(gateway, calls):
    made = gateway.upload("receipt.pdf", b"%PDF-1.4 receipt", purpose="dispute_evidence", key="file-1")
    assert made["id"].startswith("file_") and calls[-1].operation == "post files"


def test_a_call_is_recorded_with_the_payment_it_was_about(gateway, calls):
    confirmed = {"confirm": True, "payment_method": "pm_card_visa"}
    confirmed["automatic_payment_methods"] = {"enabled": True, "allow_redirects": "never"}
    made = gateway.write("payment_intents", key="subject-1", amount=500, currency="usd", **confirmed)
    gateway.retrieve(f"charges/{made['latest_charge']}")
    gateway.page("refunds", payment_intent=made["id"])
    gateway.write("refunds", key="subject-2", payment_intent=made["id"])
    declined = confirmed | {"payment_method": "pm_card_chargeDeclined"}
    with pytest.raises(Refused) as refused:
        gateway.write("payment_intents", key="subject-3", amount=500, currency="usd", **declined)
    gateway.write("customers", key="subject-4")
    subjects = [call.subject for call in calls]
    assert subjects[:5] == [made["id"]] * 4 + [refused.value.facts["payment_intent"]]
    assert subjects[5].startswith("cus_")
    gateway.page("charges")
    assert calls[-1].subject is None


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("customers/cus_LFmNopqr", "customers/*"),
        ("prices/tva", "prices/*"),
        ("customers/anna/payment_methods", "customers/*/payment_methods"),
        ("customers/anna/payment_methods/pm_x", "customers/*/payment_methods/*"),
        ("checkout/sessions/cs_test_abc/expire", "checkout/sessions/*/expire"),
        ("checkout/sessions", "checkout/sessions"),
        ("payment_intents/search", "payment_intents/search"),
        ("invoices/create_preview", "invoices/create_preview"),
        ("invoices/in_x/pay", "invoices/*/pay"),
        ("balance", "balance"),
    ],
)
def test_an_operation_names_the_route_and_never_an_id(path, route):
    assert route_of(path) == route
