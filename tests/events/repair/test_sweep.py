"""Missed events are found in Stripe's list and received as if they had arrived."""

import json
from datetime import timedelta

import pytest

from core.errors import Unavailable
from core.events import inbox
from core.events.repair.sweep import sweep_events
from core.stripe_gateway import StripeGateway
from tests.events.business import clock, gateway, later, mirror
from tests.factories import body_of


@pytest.fixture
def told(business):
    """What Stripe tells of the business, oldest first, as it comes over the wire and not by Stripe's library."""
    return json.loads(json.dumps(list(reversed(list(gateway(business[0]).each("events"))))))


def receive(database, events):
    batch = [inbox.prepare(event, body_of(event), livemode=False) for event in events]
    return inbox.receive(database, batch, now=clock())


def sweep(database, stripe, **more):
    arguments = {"clock": later, "still_coming_seconds": 0} | more
    return sweep_events(database, stripe, livemode=False, **arguments)


def inbox_of(owner):
    return owner.execute(
        "select e.id, e.type, e.payload, h.outcome from payops.events as e"
        " join payops.event_handlings as h on h.event_id = e.id order by e.id"
    ).fetchall()


def test_a_sweep_finds_missed_events_and_completes_the_mirror(business, told, database, owner):
    receive(database, told)
    everything, right = inbox_of(owner), mirror(owner)
    empty(owner)
    receive(database, told[::3])
    swept = sweep(database, gateway(business[0]))
    assert (swept.listed, swept.found) == (len(told), len(told) - len(told[::3]))
    assert (inbox_of(owner), mirror(owner)) == (everything, right)
    came = dict(owner.execute("select came_by, count(*) from payops.events group by 1").fetchall())
    assert came == {"webhook": len(told[::3]), "sweep": swept.found}
    assert owner.execute("select kind, severity from payops.incidents").fetchall() == [("events_missed", "warning")]


def test_a_sweep_stores_nothing_private(business, database, owner):
    address, shop = business
    shop.v1.customers.create({"name": "Ana Lima", "metadata": {"patientId": "patient-9", "name": "Ana Lima"}})
    sweep(database, gateway(address))
    stored = "\n".join(payload for (payload,) in owner.execute("select payload::text from payops.events"))
    assert "patient-9" in stored and "Ana" not in stored


def test_a_sweep_without_missed_events_reports_nothing(business, told, database, owner):
    receive(database, told)
    assert sweep(database, gateway(business[0])).found == 0
    assert owner.execute("select count(*) from payops.incidents").fetchone() == (0,)
    assert database.call("last_event_sweep")["listed"] == len(told)


def test_a_swept_event_that_arrives_later_is_a_duplicate(business, told, database, owner):
    sweep(database, gateway(business[0]))
    owner.execute("delete from payops.incidents")
    assert receive(database, told[:5]) == ["duplicate"] * 5
    assert owner.execute("select kind from payops.incidents").fetchall() == []


def test_events_that_may_still_arrive_are_not_swept(business, told, database, owner):
    newest = told[-1]["created"]
    age = int(later().timestamp()) - newest
    swept = sweep(database, gateway(business[0]), still_coming_seconds=age + 1)
    assert swept.found == sum(event["created"] < newest for event in told)


def test_an_interrupted_sweep_resumes_after_its_last_page(business, told, database, owner):
    asked = []

    class Failing(StripeGateway):
        def page(self, path, **params):
            asked.append(params.get("starting_after"))
            if len(asked) == 3:
                raise Unavailable("stripe_unavailable", "Stripe did not answer.")
            return super().page(path, limit=40, **params)

    failing = Failing(business[0].secret_key, api_base=business[0].base_url, record=lambda call: None)
    with pytest.raises(Unavailable):
        sweep(database, failing)
    assert owner.execute("select count(*) from payops.events").fetchone() == (80,)
    swept = sweep(database, failing)
    assert asked[3] == asked[2] is not None
    assert (swept.listed, swept.found) == (len(told), len(told))


def test_a_history_that_was_mirrored_in_bulk_is_not_asked_for_event_by_event(business, told, database, owner):
    database.call("history_loaded", now=later())
    assert sweep(database, gateway(business[0])).listed == 0


def test_a_sweep_stopped_for_so_long_that_stripe_forgot_the_place_begins_again(business, told, database, owner):
    begun = database.call(
        "begin_event_sweep", now=later(), until=later(), earliest=clock() - timedelta(days=30), overlap_seconds=0
    )
    database.call(
        "record_event_sweep_page", id=begun["id"], last_id="evt_long_gone", listed=100, found=0, done=False, now=later()
    )
    assert sweep(database, gateway(business[0])).found == len(told)


def test_the_next_sweep_reaches_back_to_the_last_one_and_the_first_thirty_days(business, database, owner):
    asked = []

    class Listening(StripeGateway):
        def page(self, path, **params):
            asked.append(params["created"])
            return super().page(path, **params)

    listening = Listening(business[0].secret_key, api_base=business[0].base_url, record=lambda call: None)
    sweep(database, listening)
    first = asked[0]
    assert first["lte"] - first["gte"] == pytest.approx(30 * 86_400, abs=5)
    asked.clear()
    sweep(database, listening, clock=lambda: later() + timedelta(minutes=60))
    assert asked[0]["gte"] == pytest.approx(first["lte"] - 3_600, abs=5)


def test_a_swept_event_has_no_delay_since_nobody_delivered_it(business, told, database, owner):
    sweep(database, gateway(business[0]))
    delay = database.call(
        "metrics", since=clock().date() - timedelta(days=30), until=clock().date(), currency="usd", now=later()
    )
    assert delay["metrics"]["webhook_delay"]["n"] == 0


def test_a_listed_event_of_the_other_livemode_is_quarantined_as_a_posted_one(business, told, database, owner):
    class Live(StripeGateway):
        def page(self, path, **params):
            events, more = super().page(path, **params)
            return [json.loads(json.dumps(event)) | {"livemode": True} for event in events], more

    live = Live(business[0].secret_key, api_base=business[0].base_url, record=lambda call: None)
    sweep(database, live)
    assert owner.execute("select distinct outcome from payops.event_handlings").fetchall() == [("quarantined",)]
    assert not any(mirror(owner).values())


def empty(owner):
    owner.execute("set session_replication_role = replica")
    for table in owner.execute(
        "select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'tied'"
        " where c.relnamespace = 'payops'::regnamespace and c.relkind = 'r'"
    ).fetchall() + [("event_handlings",), ("events",)]:
        owner.execute(f"delete from payops.{table[0]}")
    owner.execute("set session_replication_role = origin")
