"""Live traffic: visitors arrive while it is on, and behave as customers do."""

import random
import time
from collections import Counter

import pytest

from core.sandbox.engine.engine import Engine
from core.sandbox.engine.errors import StripeError
from core.sandbox.objects.consequences import CONSEQUENCES
from core.sandbox.seed import seed_sandbox
from core.sandbox.traffic import demo_clinic
from core.sandbox.traffic.history import iter_events, iter_objects
from core.sandbox.traffic.intake_form import IntakeForm
from core.sandbox.traffic.rhythm import visits_per_second
from core.sandbox.traffic.traffic import Traffic
from core.sandbox.traffic.visitors import Visitors

VISITS = 900


@pytest.fixture(scope="module")
def visited(tmp_path_factory):
    """A small sandbox after many customers, with what those were refused for."""
    data_dir = tmp_path_factory.mktemp("visited")
    seed_sandbox(data_dir, seed=5, days=20)
    engine = Engine(data_dir, "http://127.0.0.1:1", CONSEQUENCES)
    forms = []
    visitors, refused = Visitors(engine, random.Random(11), forms.append), Counter()
    began = engine.clock.now()
    for _ in range(VISITS):
        try:
            visitors.act()
        except StripeError as error:
            refused[error.body()["error"]["type"]] += 1
    engine.store.close()
    return data_dir, began, refused, forms


def since(visited, object_type):
    data_dir, began, *_ = visited
    return [obj for obj in iter_objects(data_dir, object_type) if obj["created"] >= began]


def test_a_visitor_is_only_refused_because_of_their_card(visited):
    refused = visited[2]
    assert refused.keys() == {"card_error"}
    assert refused["card_error"] < 0.12 * VISITS


def test_most_visitors_pay_some_return_and_a_few_abandon_their_cart(visited):
    intents = since(visited, "payment_intent")
    tried = [intent for intent in intents if intent["latest_charge"]]
    assert 0.9 < sum(intent["status"] == "succeeded" for intent in tried) / len(tried) < 1
    assert len(intents) > len(tried)
    new = {customer["id"] for customer in since(visited, "customer")}
    assert any(intent["customer"] not in new for intent in tried)
    visits = [intent for intent in intents if "ubscription" not in intent["description"]]
    assert all(intent["metadata"].keys() == {"orderId", "patientId", "payopsCart"} for intent in visits)


def test_a_declined_customer_tries_the_same_payment_with_another_card(visited):
    tries = Counter(charge["payment_intent"] for charge in since(visited, "charge"))
    again = [i for i in since(visited, "payment_intent") if tries[i["id"]] > 1]
    assert again and all(intent["status"] == "succeeded" for intent in again)


def test_visitors_subscribe_cancel_and_request_refunds(visited):
    data_dir, began, *_ = visited
    told = {event["type"] for event in iter_events(data_dir) if event["created"] >= began}
    assert {
        "charge.failed",
        "charge.refunded",
        "charge.succeeded",
        "customer.created",
        "customer.subscription.created",
        "customer.subscription.updated",
        "invoice.paid",
        "payment_intent.payment_failed",
        "payment_intent.requires_action",
        "payment_intent.succeeded",
        "payment_method.attached",
        "refund.created",
    } <= told


def test_traffic_starts_only_on_request_and_at_the_requested_pace(stripe, control):
    assert control.get("/sandbox/health").json()["traffic"]["running"] is False
    assert not stripe.v1.payment_intents.list().data
    assert control.post("/sandbox/traffic", json={"per_minute": 6000}).json()["running"] is True
    try:
        deadline = time.monotonic() + 20
        while len(stripe.v1.payment_intents.list({"limit": 30}).data) < 30:
            assert time.monotonic() < deadline
    finally:
        control.post("/sandbox/traffic", json={"running": False})
    assert control.post("/sandbox/traffic", json={"per_minute": 0}).status_code == 400


def test_whoever_paid_for_a_visit_fills_in_the_intake_form_with_their_order_and_so_do_members(visited):
    forms = visited[3]
    paid = {
        intent["metadata"]["orderId"]: intent["metadata"]["patientId"]
        for intent in since(visited, "payment_intent")
        if intent["status"] == "succeeded" and "orderId" in intent["metadata"]
    }
    ordered = {form["orderId"]: form["patientId"] for form in forms if "orderId" in form}
    assert ordered and ordered.items() <= paid.items()
    assert len({form["submissionId"] for form in forms}) == len(forms)
    members = [form for form in forms if "orderId" not in form]
    assert members and all(demo_clinic.home_of(form["patientId"]) == form["patientState"] for form in forms)


def test_live_traffic_continues_the_rate_of_the_history_and_follows_the_hours():
    """A whole week adds up to what the history's last week had: 50 visits a day, by weekday."""
    monday = 1_795_392_000  # 23 November 2026, midnight UTC
    week = sum(visits_per_second(monday + hour * 3600) * 3600 for hour in range(7 * 24))
    assert week == pytest.approx(7 * 50, rel=0.02)
    noon, night = visits_per_second(monday + 17 * 3600), visits_per_second(monday + 8 * 3600)
    assert noon > 20 * night


def test_traffic_speeds_up_only_on_request(control):
    own = control.post("/sandbox/traffic", json={"running": False}).json()
    fast = control.post("/sandbox/traffic", json={"running": False, "speed": 60}).json()
    assert own["speed"] == 1 and own["per_minute"] < 0.3
    assert fast["per_minute"] == pytest.approx(60 * own["per_minute"], rel=0.05)
    assert control.post("/sandbox/traffic", json={"speed": 0}).status_code == 400


def test_the_demo_follows_the_rate_of_the_business_after_its_first_minutes(tmp_path, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    engine = Engine(tmp_path, "http://127.0.0.1:1", CONSEQUENCES)
    traffic = Traffic(engine, IntakeForm(engine.store, random.Random(1)))
    usual = traffic.state()["per_minute"]
    traffic.set(running=True, opening=True)
    assert traffic.state()["per_minute"] == 4
    now[0] += 180
    assert traffic.state()["per_minute"] == pytest.approx(usual, rel=0.01)
    traffic.set(running=True, speed=10)
    assert traffic.state()["per_minute"] == pytest.approx(10 * usual, rel=0.01)
    engine.store.close()
