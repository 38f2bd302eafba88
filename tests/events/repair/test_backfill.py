"""A mirror filled by asking Stripe equals the one its events built, and a backfill goes on where it stopped."""

import time
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import Unavailable
from core.events import inbox
from core.events.repair import backfill
from core.events.repair.balances import open_payouts, pull_balance_transactions
from core.events.repair.refetch import refetch_tied
from core.monitoring import metrics
from core.periods import Period
from core.stripe_gateway import StripeGateway
from tests.events.business import TABLES, clock, gateway, later, mirror
from tests.factories import body_of


def receive_everything(database, asked):
    told = list(asked.each("events"))
    batch = [inbox.prepare(event, body_of(event), livemode=False) for event in reversed(told)]
    outcomes = inbox.receive(database, batch, now=clock())
    assert "failed" not in outcomes


def test_the_backfilled_mirror_equals_the_one_built_from_events(business, database, owner):
    address, _ = business
    time.sleep(1.1)  # a snapshot of the running second would tie with its events
    backfill.run(database, gateway(address), clock=clock, livemode=False)
    asked_for = mirror(owner)
    known = "select reltuples from pg_class where oid = 'payops.charges'::regclass"  # by which plans are made
    assert owner.execute(known).fetchone() == (len(asked_for["charges"]),)
    for table in TABLES:
        owner.execute(f"delete from payops.{table}")
    receive_everything(database, gateway(address))
    assert refetch_tied(database, gateway(address), clock=later, livemode=False) > 0
    assert refetch_tied(database, gateway(address), clock=later, livemode=False) == 0
    assert mirror(owner) == asked_for
    assert {table for table, rows in asked_for.items() if rows} >= {
        "payment_intents",
        "charges",
        "refunds",
        "disputes",
        "subscriptions",
        "invoices",
        "invoice_payments",
    }


def test_an_interrupted_backfill_resumes_after_its_last_page(business, database, owner):
    address, _ = business
    asked = []

    class Failing(StripeGateway):
        def page(self, path, **params):
            asked.append((path, params.get("starting_after")))
            if len(asked) == 3:
                raise Unavailable("stripe_unavailable", "Stripe did not answer.")
            return super().page(path, **params, limit=5)

    failing = Failing(address.secret_key, api_base=address.base_url, record=lambda call: None)
    with pytest.raises(Unavailable):
        backfill.run(database, failing, clock=clock, livemode=False, only=["payments"])
    mirrored_before = owner.execute("select count(*) from payops.payment_intents").fetchone()[0]
    backfill.run(database, failing, clock=clock, livemode=False, only=["payments"])
    assert mirrored_before == 10
    assert asked[3] == asked[2]
    in_stripe = len(list(gateway(address).each("payment_intents")))
    assert owner.execute("select count(*) from payops.payment_intents").fetchone() == (in_stripe,)


def test_a_backfill_tells_how_far_it_is(business, database, owner):
    address, _ = business
    told = []
    backfill.run(
        database, gateway(address), clock=clock, livemode=False, only=["customers", "payouts"], tell=told.append
    )
    assert [(each.source, each.objects, each.done) for each in told] == [
        ("customers", len(list(gateway(address).each("customers"))), True),
        ("payouts", 1, True),
    ]


def test_a_backfill_never_replaces_a_newer_snapshot(business, database, owner):
    address, _ = business
    backfill.run(database, gateway(address), clock=clock, livemode=False, only=["payments"])
    newest = mirror(owner)["payment_intents"]
    receive_everything(database, gateway(address))
    assert mirror(owner)["payment_intents"] == newest


def test_the_balance_is_pulled_and_its_figures_are_stripes_own(business, database, owner):
    asked = gateway(business[0])
    assert pull_balance_transactions(database, asked, clock=clock, livemode=False) > 0
    moved = list(asked.each("balance_transactions"))
    backfill.run(database, asked, clock=clock, livemode=False, only=["payouts"])
    assert open_payouts(database, asked, clock=clock, livemode=False) == 1
    period = Period.last_days(10, now=clock(), zone=ZoneInfo("America/New_York"))
    found = metrics.overview(database, period, currency="usd", now=clock())["metrics"]
    kept = [each for each in moved if each["type"] != "payout"]
    assert found["net"]["value"] == sum(each["net"] for each in kept)
    assert found["fees"]["value"] == sum(each["fee"] for each in kept)
    assert found["gross"]["value"] == sum(each["amount"] for each in kept if each["type"] == "charge")
    assert found["refunded"]["value"] == 1800  # two refunds of $9.00
    paid_out = owner.execute(
        "select -sum(t.amount_minor) filter (where t.type = 'payout'), sum(t.net_minor) "
        "filter (where t.type <> 'payout')"
        " from payops.payout_contents join payops.balance_transactions as t on t.id = balance_transaction_id"
    ).fetchone()
    assert paid_out[0] == paid_out[1]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_every_type_of_event_in_every_order_with_duplicates_ends_in_the_same_mirror(business, database, owner, data):
    told = _told(gateway(business[0]))
    shuffled = data.draw(st.permutations(told + data.draw(st.lists(st.sampled_from(told), max_size=20))))
    size = data.draw(st.integers(1, len(shuffled)))
    _forget(owner)
    for start in range(0, len(shuffled), size):
        inbox.receive(database, shuffled[start : start + size], now=clock())
    found = mirror(owner, but=())
    _forget(owner)
    inbox.receive(database, told, now=clock())
    assert found == mirror(owner, but=())


def test_the_events_of_that_property_are_of_every_family(business):
    types = {received.event["type"] for received in _told(gateway(business[0])) if received.outcome == "applied"}
    families = {event_type.rsplit(".", 1)[0] for event_type in types}
    assert families == {
        "payment_intent",
        "charge",
        "refund",
        "charge.dispute",
        "radar.early_fraud_warning",
        "checkout.session",
        "customer",
        "customer.subscription",
        "invoice",
        "invoice_payment",
        "payout",
        "promotion_code",
        "price",
        "coupon",
    }


@cache
def _told(asked):
    events = reversed(list(asked.each("events")))
    return [inbox.prepare(event, body_of(event), livemode=False) for event in events]


def _forget(owner):
    owner.execute("set session_replication_role = replica")
    for table in (
        *TABLES,
        "subscription_snapshots",
        "event_handlings",
        "events",
        "stale_payments",
        "stale_charges",
        "capture_facts",
    ):
        owner.execute(f"delete from payops.{table}")
    owner.execute("set session_replication_role = origin")
