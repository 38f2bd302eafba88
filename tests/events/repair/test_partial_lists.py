"""Stripe sends only the first ten entries of a list inside an object: the rest is fetched before the object counts."""

from datetime import UTC, datetime

import pytest

from core.errors import Refused, Unavailable
from core.events import inbox, replay
from core.events.api_responses import records_of
from core.events.lookup import EventFilter
from core.events.repair import backfill
from core.events.repair.refetch import refetch
from core.events.retries import retry_failed_events
from core.staff.roles import Actor, Role
from tests.factories import START, body_of, charge, event

NOW = datetime.fromtimestamp(START + 5, UTC)
SUBSCRIPTIONS = next(source for source in backfill.SOURCES if source.name == "subscriptions")


def item(number):
    return {
        "id": f"si_{number:02}",
        "object": "subscription_item",
        "quantity": 1,
        "current_period_start": START,
        "current_period_end": START + 2_592_000,
        "price": {
            "id": f"price_{number:02}",
            "product": "prod_1",
            "currency": "usd",
            "unit_amount": 100 * number,
            "recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed"},
        },
    }


ITEMS = [item(number) for number in range(1, 13)]
WHOLE = [f"price_{number:02}" for number in range(1, 13)]


def subscription(**fields):
    return {
        "id": "sub_1",
        "object": "subscription",
        "livemode": False,
        "created": START,
        "status": "active",
        "customer": "cus_1",
        "currency": "usd",
        "start_date": START,
        "items": {"object": "list", "data": ITEMS[:10], "has_more": True},
    } | fields


class Holding:
    """A Stripe that holds the twelve items, and lists and shows what is given."""

    def __init__(self, away=False, **shown):
        self.away, self.shown, self.asked = away, shown, []

    def each(self, path, **params):
        self.asked.append((path, params))
        if self.away:
            raise Unavailable("stripe_unavailable", "Stripe did not answer.")
        return iter({"subscription_items": ITEMS, "refunds": self.shown.get("refunds", [])}[path])

    def retrieve(self, path):
        try:
            return self.shown[path.rpartition("/")[2]]
        except KeyError:
            raise Refused("stripe_refused", "No such object.", facts={"http_status": 404}) from None

    def page(self, path, **params):
        return ([subscription()] if path == "subscriptions" else []), False


def receive(database, *events):
    return inbox.receive(database, [inbox.prepare(each, body_of(each), livemode=False) for each in events], now=NOW)


def prices(owner):
    found = owner.execute("select items from payops.subscriptions where id = 'sub_1'").fetchone()
    return found and [each["price_id"] for each in found[0]]


def retry(database, stripe):
    return retry_failed_events(database, stripe, clock=lambda: NOW, livemode=False)


def test_an_event_with_a_part_of_a_list_counts_once_the_worker_has_fetched_the_rest(database, owner):
    told = event("evt_1", "customer.subscription.created", subscription())
    assert receive(database, told) == ["recorded"]
    assert prices(owner) is None
    assert owner.execute("select count(*) from payops.incidents").fetchone() == (0,)
    stripe = Holding()
    assert retry(database, stripe) == 1
    assert prices(owner) == WHOLE
    assert stripe.asked == [("subscription_items", {"subscription": "sub_1"})]
    assert owner.execute("select outcome, reason from payops.event_handlings").fetchone() == ("applied", None)
    database.call("recount_stale")
    revenue = owner.execute("select sum(monthly_minor) from payops.subscription_history").fetchone()
    assert revenue == (100 * sum(range(1, 13)),)


def test_a_list_that_stripe_cannot_complete_yet_blocks_no_other(database, owner):
    assert receive(
        database,
        event("evt_1", "customer.subscription.created", subscription()),
        event("evt_2", "charge.succeeded", charge()),
    ) == ["recorded", "applied"]
    assert retry(database, Holding(away=True)) == 0
    assert prices(owner) is None
    owner.execute("update payops.event_handlings set next_attempt_at = %s where outcome = 'failed'", (NOW,))
    assert retry(database, Holding()) == 1
    assert prices(owner) == WHOLE


def test_a_refetch_a_backfill_and_a_replay_fetch_the_whole_list(database, owner):
    assert refetch(database, Holding(sub_1=subscription()), SUBSCRIPTIONS, "sub_1", clock=lambda: NOW, livemode=False)
    assert prices(owner) == WHOLE
    owner.execute("delete from payops.subscriptions")
    backfill.run(database, Holding(), clock=lambda: NOW, livemode=False, only=["subscriptions"])
    assert prices(owner) == WHOLE
    receive(database, event("evt_1", "customer.subscription.updated", subscription()))
    owner.execute("delete from payops.subscriptions")
    someone = Actor("cli:test", Role.ADMIN)
    stripe = Holding(sub_1=subscription())
    settled = replay.replay(
        database, lambda: stripe, someone, EventFilter(), clock=lambda: NOW, livemode=False, refetch=True
    )
    assert [each.outcome for each in settled] == ["applied"]
    assert prices(owner) == WHOLE


def test_refunds_listed_in_a_charge_are_fetched_whole():
    listed = [
        {
            "id": f"re_{number}",
            "object": "refund",
            "created": START,
            "amount": 100,
            "currency": "usd",
            "status": "succeeded",
            "charge": "ch_1",
            "payment_intent": "pi_1",
        }
        for number in range(12)
    ]
    partial = charge(refunds={"object": "list", "data": listed[:10], "has_more": True})
    envelope = inbox.prepare(event("evt_1", "charge.refunded", partial), b"", livemode=False)
    assert (envelope.outcome, envelope.records) == ("failed", {})
    whole = backfill.completed(Holding(refunds=listed), partial)
    source = next(each for each in backfill.SOURCES if each.name == "charges")
    records = source.projection(backfill.Snapshot(whole, NOW, "fetch", False))
    assert [row["id"] for row in records["refunds"]] == [each["id"] for each in listed]


@pytest.mark.parametrize("has_more, expected", [(True, {}), (False, {"subscriptions"})])
def test_an_answer_of_stripes_with_a_part_of_a_list_is_left_to_its_event(has_more, expected):
    answer = subscription(items={"object": "list", "data": ITEMS[:10], "has_more": has_more})
    assert set(records_of(answer, as_of=NOW, livemode=False)) == set(expected)
