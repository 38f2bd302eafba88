"""Whatever happens to objects at Stripe, and in whichever order events arrive, the mirror ends equal to Stripe."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from core.errors import Refused, Unavailable
from core.events import inbox
from core.events.registry import Snapshot
from core.events.repair.backfill import FETCHED, SOURCES
from core.events.repair.refetch import refetch_tied
from core.stripe_gateway import StripeGateway
from tests.events.business import TABLES, TOLD_BY
from tests.events.histories import payments, subscriptions
from tests.factories import START, body_of

NOW = datetime.fromtimestamp(START, UTC) + timedelta(days=200)
ALL_TABLES = (*TABLES, "subscription_snapshots")
COUNTED = (
    "payment_facts",
    "daily_payments",
    "daily_failures",
    "daily_attempts",
    "daily_intents",
    "subscription_history",
)
BY_TYPE = {source.object_type: source for source in SOURCES}
many = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


class Holding(StripeGateway):
    """Stripe when all has happened: it shows each object as it ended, and knows no other."""

    def __init__(self, objects):
        self._objects = objects

    def retrieve(self, path, **params):
        try:
            return self._objects[path.rpartition("/")[2]]
        except KeyError:
            raise Refused("stripe_refused", "No such object.", facts={"http_status": 404}) from None


class Failing:
    """The database of a process that dies at its call number `at`: before it was made, or before it was answered."""

    def __init__(self, database, at, *, committed):
        self._database, self._left, self._committed = database, at, committed

    def call(self, function, /, **arguments):
        self._left -= 1
        if self._left == -1 and not self._committed:
            raise Unavailable("killed", "before the commit")
        answer = self._database.call(function, **arguments)
        if self._left == -1:
            raise Unavailable("killed", "after the commit")
        return answer

    def close(self):
        self._database.close()


def deliver(database, events, cuts):
    """In batches, each sent again until it is answered, as Stripe does."""
    prepared = [inbox.prepare(event, body_of(event), livemode=False) for event in events]
    for start, end in itertools.pairwise([0, *cuts, len(prepared)]):
        while start < end:
            try:
                outcomes = inbox.receive(database, prepared[start:end], now=NOW)
            except Unavailable:
                continue
            assert set(outcomes) <= {"applied", "duplicate"}
            break


def repaired(database, story, *, at=NOW):
    """The worker's part: what is tied is refetched, what was touched is counted."""
    while refetch_tied(database, Holding(story.objects), clock=lambda: at, livemode=False):
        continue
    database.call("recount_stale")


def contents(owner, tables, *, but=TOLD_BY):
    query = "select to_jsonb(r) - %s::text[] from payops.{} as r order by to_jsonb(r)::text"
    return {table: [row for (row,) in owner.execute(query.format(table), [list(but)]).fetchall()] for table in tables}


def forget(owner):
    owner.execute("set session_replication_role = replica")
    for table in (
        *ALL_TABLES,
        *COUNTED,
        "event_handlings",
        "events",
        "stale_payments",
        "stale_charges",
        "capture_facts",
    ):
        owner.execute(f"delete from payops.{table}")
    owner.execute("set session_replication_role = origin")


def in_order(database, owner, story):
    forget(owner)
    deliver(database, story.events, [])
    told = contents(owner, ALL_TABLES, but=())
    repaired(database, story)
    return told, contents(owner, ALL_TABLES), contents(owner, COUNTED)


def shuffled(data, story):
    twice = data.draw(st.lists(st.sampled_from(story.events), max_size=12))
    events = data.draw(st.permutations(story.events + twice))
    return events, sorted(data.draw(st.lists(st.integers(0, len(events)), max_size=5)))


@pytest.mark.parametrize("stories", [payments, subscriptions])
def test_any_order_with_duplicates_and_a_crash_at_any_point_ends_as_the_events_in_order_do(stories, database, owner):
    @many
    @given(data=st.data())
    def holds(data):
        story = data.draw(stories())
        told, right, counted = in_order(database, owner, story)
        events, cuts = shuffled(data, story)
        dying = Failing(database, data.draw(st.integers(0, len(cuts))), committed=data.draw(st.booleans()))
        forget(owner)
        deliver(dying, events, cuts)
        assert contents(owner, ALL_TABLES, but=()) == told  # to the last mark of what told it, and of ties
        repaired(database, story)
        assert contents(owner, ALL_TABLES) == right
        assert contents(owner, COUNTED) == counted

    holds()


@pytest.mark.parametrize("stories", [payments, subscriptions])
def test_the_mirror_ends_as_stripe_holds_its_objects_even_where_a_second_told_twice(stories, database, owner):
    """And where the worker repairs in the middle of it, while older events are still to come."""

    @many
    @given(data=st.data())
    def holds(data):
        story = data.draw(stories())
        events, cuts = shuffled(data, story)
        middle = data.draw(st.integers(0, len(events)))
        forget(owner)
        deliver(database, events[:middle], [])
        repaired(database, story, at=NOW - timedelta(days=1))
        deliver(database, events[middle:], [])
        repaired(database, story)
        found = contents(owner, ALL_TABLES)
        rows = {row["id"]: row for table in TABLES for row in found[table] if table != "failed_confirmations"}
        assert set(rows) == {each["data"]["object"]["id"] for each in events}
        for held in story.objects.values():
            assert rows[held["id"]] == as_mirrored(owner, held)

    holds()


def as_mirrored(owner, held):
    """The row this object should have, typed as its table types it."""
    source = BY_TYPE[held["object"]]
    (row,) = source.projection(Snapshot(held, NOW, FETCHED, False))[source.table]
    typed = f"select to_jsonb(jsonb_populate_record(null::payops.{source.table}, %s)) - %s::text[]"
    return owner.execute(typed, [Jsonb(row), list(TOLD_BY)]).fetchone()[0]


def test_the_generated_histories_cover_every_event_and_many_ties(database, owner):
    """The generated data contains the cases that the properties are about."""
    types, seconds = set(), []

    @settings(max_examples=200, deadline=None, database=None, derandomize=True)
    @given(data=st.data())
    def look(data):
        story = data.draw(st.one_of(payments(), subscriptions()))
        types.update(each["type"] for each in story.events)
        keys = [(each["data"]["object"]["id"], each["created"]) for each in story.events]
        seconds.append(len(keys) - len(set(keys)))

    look()
    assert {
        "payment_intent.payment_failed",
        "charge.failed",
        "refund.failed",
        "charge.dispute.closed",
        "customer.subscription.deleted",
        "invoice.payment_failed",
        "invoice.voided",
        "customer.deleted",
    } <= types
    assert sum(ties > 0 for ties in seconds) > len(seconds) / 4
