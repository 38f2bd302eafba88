"""300 random lives of subscriptions, counted by payops and by the slow model: every figure is the same."""

import random
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from core.events import inbox
from core.events.projections.subscriptions import subscription as projection
from core.events.registry import Snapshot, merged
from core.events.repair.backfill import FETCHED
from core.figures.definitions.subscriptions import SUBSCRIPTIONS
from tests.conftest import empty
from tests.factories import body_of
from tests.figures.subscription_lives import Teller
from tests.figures.subscription_model import DAY_SECONDS, signed_sum

LIVES = 300
ZONE = ZoneInfo("America/New_York")
NOW = datetime(2026, 11, 18, 17, 30, tzinfo=UTC)
PERIODS = ((date(2026, 4, 1), date(2026, 6, 30)), (date(2026, 9, 1), date(2026, 9, 30)), (date(2026, 1, 1), NOW.date()))
BATCH = 1_000


@pytest.fixture(scope="module")
def lives():
    return [Teller(number).live() for number in range(LIVES)]


@pytest.mark.parametrize("backfilled", [False, True], ids=["in any order, twice", "and from a backfill"])
def test_every_figure_equals_the_models(database, owner, lives, backfilled):
    """The backfill comes before the events of half of the lives, and after those of the others."""
    empty(owner)
    shuffle = random.Random(backfilled)
    events = [told for life in lives for told in life.told if told["created"] <= NOW.timestamp()]
    answers = [each for life in lives for each in life.answers if each.at <= NOW.timestamp()]
    events += shuffle.sample(events, len(events) // 5)
    shuffle.shuffle(events)
    half = len(events) // 2
    _backfill(database, lives[::2] if backfilled else [])
    _receive(database, events[:half])
    _answer(database, answers)
    _receive(database, events[half:])
    _backfill(database, lives[1::2] if backfilled else [])
    database.call("recount_stale")
    counted = _counted(owner, lives)
    for life in lives:
        for since, until in PERIODS:
            assert counted[life.account.currency, since] == _model(life, since, until), (life.account.currency, since)
    _the_movements_are_the_models_customer_by_customer(owner, lives)


def _the_movements_are_the_models_customer_by_customer(owner, lives):
    """Start + movements = end in each currency, and behind each bar are exactly the model's customers."""
    asked = [NOW, [life.account.currency for life in lives], *map(list, zip(*PERIODS, strict=True))]
    of_periods = (
        " from unnest(%s::text[]) as c, unnest(%s::date[], %s::date[]) as p (since, until)"
        " cross join lateral payops.period_moments(p.since, p.until, %s) as m"
    )
    arguments = [*asked[1:], asked[0]]
    waterfalls = owner.execute(
        f"select c, p.since, payops.recurring_revenue(m.starts, m.ends, c){of_periods}", arguments
    ).fetchall()
    customers = owner.execute(
        f"select c, p.since, k.movement, k.customer_id, k.before_minor, k.after_minor{of_periods}"
        " cross join lateral payops.customer_movements(m.starts, m.ends, c) as k where k.movement <> 'none'",
        arguments,
    ).fetchall()
    behind = {}
    for currency, since, movement, customer, before, after in customers:
        behind.setdefault((currency, since), {}).setdefault(movement, {})[customer] = (before, after)
    drawn = {(currency, since): found for currency, since, found in waterfalls}
    for life in lives:
        for since, until in PERIODS:
            ends = min(_midnight(date.fromordinal(until.toordinal() + 1)), int(NOW.timestamp()) + 1)
            model = life.account.movements(_midnight(since), ends)
            place = life.account.currency, since
            assert behind.get(place, {}) == model, place
            moved = {name: each["amount_minor"] for name, each in drawn[place]["movements"].items()}
            assert moved == {
                name: sum(after - before for before, after in those.values())
                for name, those in model.items()
                if name != "same"
            }
            counts = {name: each["customers"] for name, each in drawn[place]["movements"].items()}
            assert counts == {name: len(those) for name, those in model.items() if name != "same"}
            start, end = drawn[place]["start"], drawn[place]["end"]
            assert start["amount_minor"] + sum(moved.values()) == end["amount_minor"]
            assert end["customers"] == sum(1 for those in model.values() for _, after in those.values() if after)
            assert start["customers"] == sum(1 for those in model.values() for before, _ in those.values() if before)


def test_the_model_itself_moves_from_start_to_end_and_is_hard_enough(lives):
    """What the comparison is about does occur in what is generated."""
    found = [_model(life, *period) for life in lives for period in PERIODS]
    for life in lives:
        first, second = (_model(life, *PERIODS[place]) for place in (0, 1))
        assert second["mrr"] - signed_sum(second) == _at_start(life, PERIODS[1][0])
        assert first["mrr"] - signed_sum(first) == _at_start(life, PERIODS[0][0])
    for name in (
        "mrr_new",
        "mrr_expansion",
        "mrr_contraction",
        "mrr_churned",
        "mrr_reactivated",
        "trialing_subscribers",
    ):
        assert sum(each[name] > 0 for each in found) > 15, name
    statuses = {
        subject["status"] for life in lives for each in life.account.subscriptions for _, subject in each.changes
    }
    assert statuses >= {"active", "past_due", "unpaid", "paused", "trialing", "incomplete_expired", "canceled"}


def test_the_model_covers_every_subscription_figure(lives):
    assert set(_model(lives[0], *PERIODS[0])) == {each.name for each in SUBSCRIPTIONS}


def _counted(owner, lives):
    """All in one query: by currency and the period's first day."""
    query = (
        "select c, p.since, payops.subscription_metrics(p.since, p.until, c, %s)"
        " from unnest(%s::text[]) as c, unnest(%s::date[], %s::date[]) as p (since, until)"
    )
    currencies = [life.account.currency for life in lives]
    rows = owner.execute(query, [NOW, currencies, *map(list, zip(*PERIODS, strict=True))])
    return {
        (currency, since): {name: _plain(name, value) for name, value in found.items()}
        for currency, since, found in rows
    }


def _plain(name, value):
    if "numerator" in value:
        return value["numerator"], value["denominator"]
    return (value["value"], value["amount"]) if "amount" in value else value["value"]


def _model(life, since, until):
    now = int(NOW.timestamp()) + 1
    ends = min(_midnight(date.fromordinal(until.toordinal() + 1)), now)
    month = _midnight(date.fromordinal(until.toordinal() - 29))
    return life.account.figures(_midnight(since), month, ends, now)


def _at_start(life, since):
    return life.account.figures(0, _midnight(since) - 30 * DAY_SECONDS, _midnight(since), _midnight(since))["mrr"]


def _midnight(day):
    return int(datetime(day.year, day.month, day.day, tzinfo=ZONE).timestamp())


def _receive(database, events):
    batch = [inbox.prepare(each, body_of(each), livemode=False) for each in events]
    for start in range(0, len(batch), BATCH):
        assert set(inbox.receive(database, batch[start : start + BATCH], now=NOW)) <= {"applied", "duplicate"}


def _answer(database, answers):
    snapshots = [Snapshot(each.subject, datetime.fromtimestamp(each.at, UTC), FETCHED, False) for each in answers]
    database.call("load_records", records=merged(projection(each) for each in snapshots))


def _backfill(database, lives):
    """Stripe is asked for every subscription as it is now."""
    now = int(NOW.timestamp())
    present = [each.just_before(now + 1) for life in lives for each in life.account.subscriptions]
    snapshots = [Snapshot(each, NOW, FETCHED, False) for each in present if each]
    database.call("load_records", records=merged(projection(each) for each in snapshots))
