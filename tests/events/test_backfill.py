"""A mirror filled by asking Stripe equals the one its events built, and a backfill goes on where it stopped."""

import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import stripe

from core.errors import Unavailable
from core.events import backfill, inbox
from core.events.refetch import refetch_tied
from core.sandbox import process
from core.stripe_gateway import StripeGateway
from tests.factories import body_of

TABLES = (
    "payment_intents", "charges", "refunds", "disputes", "early_fraud_warnings", "checkout_sessions", "customers",
    "subscriptions", "invoices", "invoice_payments", "payouts", "failed_confirmations",
)  # fmt: skip


def clock():
    return datetime.now(UTC)


def later():
    """A clock for which the second of every event told so far is over."""
    return datetime.now(UTC) + timedelta(seconds=5)


@pytest.fixture(scope="module")
def business():
    """A sandbox in which a small business has happened, and the SDK to go on with."""
    with tempfile.TemporaryDirectory(prefix="payops-test-") as folder:
        address = process.ensure_running(Path(folder))
        shop = stripe.StripeClient(address.secret_key, base_addresses={"api": address.base_url})
        _a_morning(shop.v1)
        yield address, shop
        process.stop(Path(folder))


def _a_morning(shop):
    product = shop.products.create({"name": "Plan"})
    price = shop.prices.create(
        {"product": product.id, "currency": "usd", "unit_amount": 2900, "recurring": {"interval": "month"}}
    )
    for number in range(12):
        customer = shop.customers.create({"metadata": {"patientId": f"patient-{number}"}})
        card = "pm_card_visa_chargeDeclinedInsufficientFunds" if number % 3 == 0 else "pm_card_mastercard"
        intent = shop.payment_intents.create(
            {
                "amount": 4900 + number,
                "currency": "usd",
                "customer": customer.id,
                "payment_method_types": ["card"],
            }
        )
        try:
            paid = shop.payment_intents.confirm(intent.id, {"payment_method": card})
        except stripe.CardError:
            continue
        if number % 4 == 1:
            shop.refunds.create({"payment_intent": paid.id, "amount": 900})
        method = shop.payment_methods.attach("pm_card_visa", {"customer": customer.id})
        subscription = shop.subscriptions.create(
            {"customer": customer.id, "items": [{"price": price.id}], "default_payment_method": method.id}
        )
        if number % 5 == 2:
            shop.subscriptions.cancel(subscription.id)
    shop.payment_intents.create(
        {"amount": 800, "currency": "usd", "payment_method": "pm_card_createDispute", "confirm": True,
         "payment_method_types": ["card"]}
    )  # fmt: skip
    shop.payment_intents.create({"amount": 700, "currency": "eur", "payment_method_types": ["card"]})


def gateway(address):
    return StripeGateway(address.secret_key, api_base=address.base_url, record=lambda call: None)


def mirror(owner):
    """Every mirrored row without what says when and by what it was told."""
    query = (
        "select to_jsonb(r) - 'as_of' - 'event_id' - 'tied' - 'state_rank'"
        ' from payops.{} as r order by r.id collate "C"'
    )
    return {table: [row for (row,) in owner.execute(query.format(table)).fetchall()] for table in TABLES}


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
    for table in TABLES:
        owner.execute(f"delete from payops.{table}")
    receive_everything(database, gateway(address))
    assert refetch_tied(database, gateway(address), clock=later, livemode=False) > 0
    assert refetch_tied(database, gateway(address), clock=later, livemode=False) == 0
    assert mirror(owner) == asked_for
    assert {table for table, rows in asked_for.items() if rows} >= {
        "payment_intents", "charges", "refunds", "disputes", "subscriptions", "invoices", "invoice_payments",
    }  # fmt: skip


def test_a_backfill_that_was_stopped_goes_on_behind_its_last_page(business, database, owner):
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
        database,
        gateway(address),
        clock=clock,
        livemode=False,
        only=["customers", "payouts"],
        tell=told.append,
    )
    assert [(each.source, each.objects, each.done) for each in told] == [
        ("customers", 12, True),
        ("payouts", 0, True),
    ]


def test_a_backfill_never_takes_a_newer_snapshot_away(business, database, owner):
    address, _ = business
    backfill.run(database, gateway(address), clock=clock, livemode=False, only=["payments"])
    newest = mirror(owner)["payment_intents"]
    receive_everything(database, gateway(address))
    assert mirror(owner)["payment_intents"] == newest
