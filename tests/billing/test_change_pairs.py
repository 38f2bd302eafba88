"""What customers who changed more than once come to in a period, by the sums of pairs, is what each comes to."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.db.deploy import migrations

BEGAN = datetime(2026, 1, 1, 5, tzinfo=UTC)  # midnight in New York
HOUR = timedelta(hours=1)
DAYS = 150  # more than two of the longest blocks, over a change to summer time
MONTHS = [datetime(2026, 1, 1, 5, tzinfo=UTC), datetime(2026, 2, 1, 5, tzinfo=UTC), datetime(2026, 3, 1, 5, tzinfo=UTC)]
hours = st.integers(0, DAYS * 24) | st.integers(0, DAYS).map(lambda day: day * 24) | st.integers(60 * 24, 62 * 24)
# When a subscription brings what in a month: a level from each hour on until the next.
lives = st.lists(st.tuples(hours, st.integers(0, 3)), max_size=7, unique_by=lambda each: each[0]).map(sorted)
writes = st.tuples(st.integers(1, 5), st.sampled_from(["cus_1", "cus_1", "cus_2", "cus_3"]), lives)
periods = st.tuples(hours, hours).map(sorted)
PAIRS = """
select currency, first_length, last_length, first_day, last_day, movement, customers, before_minor, after_minor
from payops.change_pairs
where customers <> 0 or before_minor <> 0 or after_minor <> 0
order by 1, 2, 3, 4, 5, 6
"""
LOSSES = """
select currency, first_length, last_length, first_day, last_day, reason, feedback, customers, amount_minor
from payops.loss_pairs
where customers <> 0 or amount_minor <> 0
order by 1, 2, 3, 4, 5, 6, 7
"""


def filled_by(name, begins):
    """How a migration fills its table."""
    (text,) = (path.read_text() for path in migrations() if path.name == name)
    return text[text.index(begins) :].partition("drop index")[0].encode()


AT_AN_UPGRADE = [filled_by("0226_change_pairs.sql", "insert into"), filled_by("0227_loss_pairs.sql", "update")]


def begun(owner):
    """Five subscriptions, each with what would be said if it ended."""
    for number in range(1, 6):
        owner.execute(
            "insert into payops.subscriptions"
            " (id, livemode, created, as_of, state_rank, event_id, status, cancellation_reason)"
            " values (%s, false, %s, %s, 0, 'evt_1', 'canceled', %s)",
            (f"sub_{number}", BEGAN, BEGAN, f"why_{number}"),
        )


def summed(owner):
    changes = "select * from payops.revenue_changes order by customer_id, currency, at"
    return [owner.execute(query).fetchall() for query in (PAIRS, LOSSES, changes)]


def rewritten(owner, number, customer, life, currency="usd"):
    """The subscription's history is this one, and the customers' changes follow it; with a last level of 0 it ends."""
    name = f"sub_{number}"
    (held,) = owner.execute("select payops.customers_in_history(array[%s])", (name,)).fetchone()
    owner.execute("delete from payops.subscription_history where subscription_id = %s", (name,))
    for place, ((starts, minor), ends) in enumerate(
        zip(life, [*(BEGAN + at * HOUR for at, _ in life[1:]), "infinity"], strict=False)
    ):
        if not minor and place == len(life) - 1:
            continue
        owner.execute(
            "insert into payops.subscription_history (subscription_id, item_place, customer_id, currency, starts_at,"
            " ends_at, status, scheduled_to_cancel, item, discounts, price_minor, monthly_minor)"
            " values (%s, 1, %s, %s, %s, %s, 'active', false, '{}', '[]', %s, %s)",
            (name, customer, currency, BEGAN + starts * HOUR, ends, minor, minor),
        )
    owner.execute("select payops.rebuild_revenue_changes(%s)", ([*{*held, customer}],))


def levels(held, customer):
    """What a customer brings from each hour on at which that changes."""
    theirs = [life for owner, life in held.values() if owner == customer]
    found, before = [], 0
    for at in sorted({at for life in theirs for at, _ in life}):
        brings = sum(([0] + [minor for each, minor in life if each <= at])[-1] for life in theirs)
        if brings != before:
            found.append((BEGAN + at * HOUR, before, brings))
        before = brings
    return found


def reason(held, customer, moment):
    """Why a customer who stopped to bring anything at this moment did so, by the first of what ended then."""
    for number, (owner, life) in sorted(held.items()):
        for place, (at, minor) in enumerate(life):
            if owner == customer and place and not minor and BEGAN + at * HOUR == moment and life[place - 1][1]:
                return "free" if place < len(life) - 1 else f"why_{number}"
    raise AssertionError("nothing ended then")


def model(held, starts, ends):
    """The movements with their customers and sums, how often somebody stopped and came back in the period, and the
    lost customers by why they left.
    """
    sums: dict[str, list[int]] = {}
    losses: dict[str, tuple[int, int]] = {}
    returned = 0
    for customer in ("cus_1", "cus_2", "cus_3"):
        changes = levels(held, customer)
        inside = [each for each in changes if starts <= each[0] < ends]
        returned += sum(1 for place, each in enumerate(inside) if place and not each[1])
        if not inside or not inside[0][1] and not inside[-1][2]:
            continue
        before, after = inside[0][1], inside[-1][2]
        if not before:
            name = "reactivated" if changes[0][0] < starts else "new"
        elif not after:
            name = "churned"
            why = reason(held, customer, inside[-1][0])
            lost, minor = losses.get(why, (0, 0))
            losses[why] = lost + 1, minor + before
        else:
            name = "same" if after == before else "expansion" if after > before else "contraction"
        of = sums.setdefault(name, [0, 0, 0])
        sums[name] = [of[0] + 1, of[1] + before, of[2] + after]
    return sums, returned, losses


def counted(owner, starts, ends):
    moved = owner.execute(
        "select movement, customers, before_minor, after_minor from payops.period_movements(%s, %s, 'usd')",
        (starts, ends),
    ).fetchall()
    (returned,) = owner.execute("select payops.returned_customers(%s, %s, 'usd')", (starts, ends)).fetchone()
    (losses,) = owner.execute("select payops.losses_by_reason(%s, %s, 'usd')", (starts, ends)).fetchone()
    why = {each["reason"]: (each["customers"], each["amount_minor"]) for each in losses}
    return {name: sums for name, *sums in moved}, returned, why


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=st.lists(writes, min_size=1, max_size=8), asked=st.lists(periods, min_size=1, max_size=5))
def test_movements_equal_the_models_after_any_rewrite(owner, told, asked):
    held = {}
    with owner.transaction(force_rollback=True):
        begun(owner)
        for number, customer, life in told:
            rewritten(owner, number, customer, life)
            held[number] = customer, life
        months = list(zip(MONTHS, MONTHS[1:], strict=False))
        for starts, ends in [*((BEGAN + a * HOUR, BEGAN + b * HOUR) for a, b in asked), *months]:
            assert counted(owner, starts, ends) == model(held, starts, ends), (starts, ends)
        kept = summed(owner)
        owner.execute("select payops.sum_revenue_changes()")
        assert summed(owner) == kept
        owner.execute("delete from payops.change_pairs")
        owner.execute("delete from payops.loss_pairs")
        owner.execute("update payops.revenue_changes set lost_reason = null, lost_feedback = null")
        for filled in AT_AN_UPGRADE:
            owner.execute(filled)
        assert summed(owner) == kept


def test_what_is_compared_holds_every_movement_and_a_customer_who_came_back(owner):
    held = {
        1: ("cus_1", [(0, 2), (30, 0), (60, 3)]),
        2: ("cus_2", [(40, 2), (50, 0)]),
        3: ("cus_3", [(10, 1), (70, 3)]),
    }
    with owner.transaction(force_rollback=True):
        begun(owner)
        for number, (customer, life) in held.items():
            rewritten(owner, number, customer, life)
        for starts, ends, moved, returned, losses in (
            (0, 100, {"new": [2, 0, 6]}, 1, {}),
            (20, 100, {"expansion": [2, 3, 6]}, 1, {}),
            (31, 60, {}, 0, {}),
            (20, 45, {"churned": [1, 2, 0], "new": [1, 0, 2]}, 0, {"free": (1, 2)}),
            (45, 60, {"churned": [1, 2, 0]}, 0, {"why_2": (1, 2)}),
            (40, 65, {"reactivated": [1, 0, 3]}, 0, {}),
        ):
            found = counted(owner, BEGAN + starts * HOUR, BEGAN + ends * HOUR)
            assert found == (moved, returned, losses) == model(held, BEGAN + starts * HOUR, BEGAN + ends * HOUR)


def test_the_blocks_of_a_period_cover_each_day_once(owner):
    for first, last in (("2026-01-01", "2026-01-01"), ("2026-01-01", "2026-12-31"), ("2025-12-30", "2026-01-02")):
        blocks = owner.execute("select length, day from payops.day_blocks(%s, %s)", (first, last)).fetchall()
        days = Counter(day + timedelta(n) for length, day in blocks for n in range(length))
        begins, ends = datetime.fromisoformat(first).date(), datetime.fromisoformat(last).date()
        assert days == Counter(begins + timedelta(n) for n in range((ends - begins).days))
        assert len(blocks) < 14 + 14 + 7


def test_an_unchanged_customer_causes_no_write(owner):
    with owner.transaction(force_rollback=True):
        rewritten(owner, 1, "cus_1", [(0, 2), (30, 0), (60, 3)])
        before = owner.execute("select ctid, xmin from payops.change_pairs").fetchall()
        rows = owner.execute("select ctid from payops.revenue_changes").fetchall()
        rewritten(owner, 2, "cus_1", [(0, 0)])
        assert owner.execute("select ctid, xmin from payops.change_pairs").fetchall() == before
        assert owner.execute("select ctid from payops.revenue_changes").fetchall() == rows
