"""The payment API's OpenAPI document is right: any request gets an answer that it describes."""

import re

import psycopg
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from core.api import description
from tests.api.conftest import PATIENT, RETURN, TOKEN, who
from tests.conftest import empty

SIGNED_IN = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def busy(serve, server):
    """The API with a limit that is not reached, over an empty database: no earlier test's closed flow."""
    with psycopg.connect(server.owner_conninfo, autocommit=True) as connection:
        empty(connection)
    with serve(RATE_LIMIT_PER_MINUTE="1000000") as http:
        yield str(http.base_url)


described = schemathesis.openapi.from_dict(description.document())
sensible = schemathesis.openapi.from_dict(
    description.document()
)  # its bodies are filled, so the odd ones are not needed
sensible.config.phases.coverage.enabled = False
patiently = settings(
    max_examples=20, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None
)


@described.parametrize()
@patiently
def test_any_request_gets_a_documented_answer_and_no_defect(case, busy):
    # A body of the right shape may still be refused: a price that is not for sale, a card of nobody.
    excluded = [positive_data_acceptance]
    if set(case.query or {}) - {"patientId"}:  # parameters that are not known are passed over
        excluded.append(negative_data_rejection)
    case.call_and_validate(base_url=busy, headers=SIGNED_IN, excluded_checks=excluded)


@pytest.fixture(scope="module")
def things(shop):
    """What exists: fields that are filled with these get past the first refusal."""
    price, plan = shop.price(), shop.plan()
    customer = shop.write("customers", email="a@example.com", metadata={"patientId": PATIENT})["id"]
    failed = shop.write("payment_intents", amount=100, currency="usd", customer=customer)["id"]
    begun = shop.write(
        "subscriptions", customer=customer, items=[{"price": plan}], payment_behavior="default_incomplete"
    )
    return {
        "stripePriceId": [price, plan],
        "paymentMethodId": ["pm_card_visa", "pm_card_chargeDeclined", "pm_card_threeDSecureRequired"],
        "currency": ["usd", "JPY", "kwd"],
        "customerInfo": [who()],
        "patientId": [PATIENT],
        "paymentIntentId": [failed],
        "invoiceId": [begun["latest_invoice"]],
        "subscriptionId": [begun["id"]],
        "customerId": [customer],
        "code": [shop.code(coupon={"percent_off": 10})],
        "discountCode": [None],
        "success_url": [RETURN],
        "cancel_url": [RETURN],
    }


def filled(body, things, choose):
    """The body with the fields of known names filled with things that exist, at every depth."""
    if isinstance(body, list):
        return [filled(item, things, choose) for item in body]
    if not isinstance(body, dict):
        return body
    return {
        name: choose(things[name]) if name in things and value is not None else filled(value, things, choose)
        for name, value in body.items()
    }


@sensible.parametrize()
@patiently
def test_requests_about_existing_objects_get_documented_answers(case, busy, things):
    turn = iter(range(1_000_000))
    case.body = filled(case.body, things, lambda among: among[next(turn) % len(among)])
    case.call_and_validate(
        base_url=busy, headers=SIGNED_IN, excluded_checks=[positive_data_acceptance, negative_data_rejection]
    )


def test_the_document_has_the_eight_operations_and_their_problems():
    found = description.document()
    operations = {f"{method.upper()} {path}" for path, methods in found["paths"].items() for method in methods}
    assert operations == {
        "POST /api/payments/create-checkout-session",
        "POST /api/payments/process-payment",
        "GET /api/payments/verify-status/{sessionId}",
        "POST /api/payments/handle-failure",
        "POST /api/payments/validate-discount",
        "GET /api/payments/payment-methods",
        "POST /api/payments/create-subscription",
        "POST /api/payments/cancel-subscription",
    }
    assert set(found["components"]["schemas"]["Problem"]["required"]) >= {"type", "title", "status", "code", "detail"}


def test_a_decline_an_idempotency_key_and_the_address_are_described(usual):
    found = usual.get("/api/openapi.json").json()
    pay = found["paths"]["/api/payments/process-payment"]["post"]
    assert pay["operationId"] == "processPayment"
    assert pay["responses"]["402"]["content"]["application/problem+json"]["schema"]["$ref"].endswith("/Decline")
    decline = found["components"]["schemas"]["Decline"]["required"]
    assert {"code", "paymentIntentId", "declineCode", "category", "customerMessage", "retryable"} <= set(decline)
    (key,) = (one["schema"] for one in pay["parameters"] if one["name"] == "Idempotency-Key")
    assert (key["minLength"], key["maxLength"]) == (1, 255)
    either = found["components"]["schemas"]["FailureRequest"]["oneOf"]
    assert all("orderId" in shape["properties"] for shape in either)
    assert found["servers"] == [{"url": "http://localhost:8000"}]


def test_the_page_says_all_of_it_and_loads_nothing_from_another_host(usual):
    page = usual.get("/api/docs")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert page.text.count("<h2>") >= 9
    assert not re.search(r"(src|href|url\()\s*=?\s*['\"(]?(https?:)?//", page.text)
    assert "<script" not in page.text
    assert "script-src" not in page.headers["content-security-policy"]


def test_in_production_neither_page_nor_document_is_there(serve, owner):
    live = {
        "ENVIRONMENT": "production",
        "STRIPE_SECRET_KEY": "sk_live_" + "a" * 24,
        "COOKIE_KEY": "k" * 32,
        "STRIPE_WEBHOOK_SECRETS": "whsec_" + "a" * 24,
        "PUBLIC_BASE_URL": "https://ops.example.com",
        "API_BASE_URL": "https://pay.example.com",
    }
    with serve(**live) as http:
        for path in ("/api/docs", "/api/openapi.json", "/docs", "/openapi.json", "/redoc"):
            assert http.get(path, headers={"Host": "pay.example.com"}).status_code == 404
