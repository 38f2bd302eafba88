"""300 random histories, received in any order or found by a backfill: every figure is the slow model's."""

from collections import defaultdict
from datetime import UTC, date, datetime
from random import Random
from zoneinfo import ZoneInfo

import pytest

from core.db import timezone
from core.events import inbox
from core.events.projections.balances import balance_transaction
from core.events.registry import Snapshot, merged
from core.events.repair import backfill
from core.monitoring import metrics
from core.periods import Period
from tests.conftest import empty
from tests.factories import body_of
from tests.figures.book import CURRENCIES, ZONE
from tests.figures.histories import Author
from tests.figures.model import Model

HISTORIES = 300
BATCH = 200
NOW = datetime(2030, 1, 1, tzinfo=UTC)


def received_in_any_order(database, histories):
    """Each webhook comes once or twice, in an order of no meaning; what moved the balance is pulled before or after."""
    pulled = [each for history in histories for each in history.objects["balance_transaction"]]
    Random(1).shuffle(pulled)
    pull(database, pulled[: len(pulled) // 2])
    receive(database, histories, share=1)
    pull(database, pulled[len(pulled) // 2 :])


def found_by_a_backfill(database, histories):
    objects, told = defaultdict(list), [each for history in histories for each in history.events]
    for history in histories:
        for kind, several in history.objects.items():
            objects[{"early_fraud_warning": "radar.early_fraud_warning"}.get(kind, kind)] += several
    for _ in backfill.load_history(
        database,
        lambda kind: objects[kind],
        lambda types: [each for each in told if each["type"] in types],
        now=NOW,
    ):
        pass


def half_received_and_all_found(database, histories):
    receive(database, histories, share=0.5)
    found_by_a_backfill(database, histories)


def receive(database, histories, *, share):
    random = Random(1)
    told = [each for history in histories for each in history.events if random.random() < share]
    random.shuffle(told)
    webhooks = []
    for start in range(0, len(told), BATCH):
        if start in (BATCH, 8 * BATCH):
            database.call("analyze_tables")  # as autovacuum does every minute: else plans are those for empty tables
        batch = told[start : start + BATCH]
        twice = random.choice(batch)
        now = datetime.fromtimestamp(twice["created"] + 5, UTC)
        webhooks += [(now.timestamp(), each["created"]) for each in batch]
        prepared = [inbox.prepare(each, body_of(each), livemode=False) for each in [*batch, twice]]
        assert inbox.receive(database, prepared, now=now) == ["applied"] * len(batch) + ["duplicate"]
    for history in histories:
        history.webhooks = webhooks


def pull(database, transactions):
    snapshots = (Snapshot(each, NOW, "fetch", livemode=False) for each in transactions)
    database.call("load_records", records=merged(map(balance_transaction, snapshots)))


def record_calls(database, histories):
    for history in histories:
        for at, own_ms in history.api_calls:
            now = datetime.fromtimestamp(at, UTC)
            database.call("record_api_call", operation="x", status=200, own_ms=own_ms, stripe_ms=1.0, now=now)
        for at, operation, ms in history.stripe_calls:
            database.call(
                "record_stripe_call", operation=operation, duration_ms=ms, now=datetime.fromtimestamp(at, UTC)
            )


@pytest.mark.parametrize("arrive", [received_in_any_order, found_by_a_backfill, half_received_and_all_found])
def test_every_figure_equals_the_models(database, owner, arrive):
    histories = [Author(number).write() for number in range(HISTORIES)]
    arrive(database, histories)
    record_calls(database, histories)
    assert_all_equal(database, histories, ZONE)
    empty(owner)


def test_every_figure_is_the_models_after_the_time_zone_changed(database, owner):
    histories = [Author(number).write() for number in range(0, HISTORIES, 3)]
    found_by_a_backfill(database, histories)
    record_calls(database, histories)
    assert_all_equal(database, histories, ZONE)
    for zone in (ZoneInfo("Asia/Kolkata"), ZONE):
        stale = timezone.choose(database, zone.key, actor="cli:test", role="admin", now=NOW)
        steps: list[int] = []
        timezone.recount(database, steps.append)
        assert sum(steps) == stale > 0
        assert_all_equal(database, histories, zone)
    owner.execute("update payops.business set timezone_chosen_at = null")
    empty(owner)


def assert_all_equal(database, histories, zone):
    random = Random(2)
    for history in histories:
        author = Author(history.number)
        first = random.randint(3, 16)
        since = date(author.year, author.month, first)
        until = date(author.year, author.month, random.randint(first, 24))
        now = author.at(random.randint(5, 27), 12)
        currency = CURRENCIES[history.number % 3 if zone is ZONE else 0]
        expected = Model(history, since, until, zone, currency, now).figures()
        period, moment = Period(since, until, zone), datetime.fromtimestamp(now, UTC)
        found = metrics.overview(database, period, currency=currency, now=moment)["metrics"]
        counted = {name: without_interval(found[name]) for name in expected}
        assert counted == expected, f"history {history.number}"


def without_interval(figure):
    if not isinstance(figure, dict):
        return figure
    return {
        name: pytest.approx(value) if isinstance(value, float) else value
        for name, value in figure.items()
        if name not in ("low", "high")
    }
