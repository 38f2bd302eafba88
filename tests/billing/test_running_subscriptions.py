"""The stored running subscriptions equal their history at every moment."""

from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.billing.subscription_lists import Present
from tests.billing.story import NOW, on, subscription

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = 20
A_DAY = timedelta(days=1)
phases = st.lists(
    st.tuples(
        st.integers(1, 4),  # days
        st.sampled_from(["active", "trialing", "past_due", "unpaid", "paused"]),
        st.sampled_from([None, "void"]),
        st.booleans(),
        st.integers(0, 3),  # what it brings
        st.sampled_from([None, "cus_1", "cus_2"]),
        st.sampled_from(["usd", "usd", "eur"]),
        st.integers(1, 2),  # items
    ),
    max_size=4,
)
writes = st.tuples(st.integers(1, 4), st.integers(0, DAYS), phases, st.booleans())
moves = st.integers(0, DAYS + 10)


def rewritten(owner, number, begins, told, goes_on):
    """The subscription's history is this one, and it is placed anew."""
    name, at = f"sub_{number}", BEGAN + begins * A_DAY
    owner.execute("delete from payops.subscription_history where subscription_id = %s", (name,))
    for place, (days, status, pause, leaves, brings, customer, currency, items) in enumerate(told):
        ends = "infinity" if goes_on and place == len(told) - 1 else at + days * A_DAY
        for each in range(items):
            owner.execute(
                "insert into payops.subscription_history"
                " (subscription_id, item_place, customer_id, currency, starts_at, ends_at, status, pause_behavior,"
                " scheduled_to_cancel, item, discounts, price_minor, monthly_minor)"
                " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, '{}', '[]', %s, %s)",
                (name, each, customer, currency, at, ends, status, pause, leaves, 5, brings),
            )
        at += days * A_DAY
    owner.execute("select payops.store_running(array[%s], payops.running_moment())", (name,))


def lists(owner, currency, now):
    """Each list's rows and sums, and the sums of all lists."""
    rows = [
        owner.execute(
            "select payops_api.subscriptions_listed(%s, null, %s, %s, 3, 1)", (str(each), currency, now)
        ).fetchone()[0]
        for each in Present
    ]
    return rows, owner.execute("select payops.subscription_lists(%s, %s)", (currency, now)).fetchone()[0]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.one_of(writes, moves), max_size=12))
def test_stored_lists_equal_the_history(owner, steps):
    with owner.transaction(force_rollback=True):
        for number in range(1, 5):
            owner.execute(
                "insert into payops.subscriptions (id, livemode, created, as_of, state_rank, event_id, status)"
                " values (%s, false, %s, %s, 0, 'evt_1', 'active')",
                (f"sub_{number}", BEGAN, BEGAN),
            )
        for step in steps:
            if isinstance(step, tuple):
                rewritten(owner, *step)
                continue
            now = BEGAN + step * A_DAY
            while owner.execute("select payops.move_running(%s, 2)", (now,)).fetchone()[0]:
                pass
            kept = [lists(owner, currency, now) for currency in ("usd", "eur")]
            with owner.transaction(force_rollback=True):
                for table in ("running_clock", "running_subscriptions", "running_lists"):
                    owner.execute(f"delete from payops.{table}")
                assert kept == [lists(owner, currency, now) for currency in ("usd", "eur")]


def test_pages_read_stored_lists_that_are_current(story, owner):
    """A trial that ends without an event: the list of trials is right before the worker has followed, and after."""
    ends = NOW + timedelta(hours=1)
    story.create(subscription(1, start=on(11, 20)))
    trial = {"trial_start": on(11, 20), "trial_end": int(ends.timestamp())}
    story.create(subscription(2, start=on(11, 20), status="trialing", **trial))
    story.receive()
    story.database.call("recount_stale")

    def trialing(now):
        return lists(owner, "usd", now)[0][list(Present).index(Present.TRIALING)]["count"]

    def kept():
        return owner.execute("select status from payops.running_subscriptions order by status").fetchall()

    story.database.call("move_running_subscriptions", now=NOW)
    assert [trialing(NOW), trialing(ends - A_DAY / 24 / 60), trialing(ends + A_DAY)] == [1, 1, 0]
    assert kept() == [("active",), ("trialing",)]
    story.database.call("move_running_subscriptions", now=ends + A_DAY)
    assert [trialing(NOW), trialing(ends + A_DAY)] == [1, 0]
    assert kept() == [("active",), ("active",)]
