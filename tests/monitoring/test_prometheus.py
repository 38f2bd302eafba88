"""The figures for Prometheus: read by its own parser, each thing counted once, whoever asks however often at once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from core.db.counted import CountedDatabase
from core.errors import PayopsError, Unavailable
from core.events import inbox
from core.monitoring import prometheus
from tests.factories import body_of, charge, event

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def figures(database, now):
    read = prometheus.exposition(database, now).decode()
    samples = [sample for family in text_string_to_metric_families(read) for sample in family.samples]
    return {(sample.name, *sorted(sample.labels.values())): sample.value for sample in samples}


def arrive(database, number, at=NOW, event_type="charge.succeeded"):
    told = event(f"evt_metric_{number}", event_type, charge(id=f"ch_metric_{number}"))
    return inbox.receive(database, [inbox.prepare(told, body_of(told), livemode=False)], now=at)


@pytest.fixture(autouse=True)
def counted_from_here(owner):
    """Removes what other tests counted, so that the day contains nothing else."""
    assert owner.execute("select count(*) from payops.metric_totals").fetchone() == (0,)


def test_events_are_counted_by_their_labels(database):
    for number in range(3):
        arrive(database, number)
    arrive(database, 3, event_type="charge.dreamt_of")
    call = {"request_id": None, "now": NOW}
    database.call("record_stripe_call", operation="post refunds", duration_ms=120.0, error=None, **call)
    database.call("record_stripe_call", operation="post refunds", duration_ms=30.0, error="CardError", **call)
    database.call("record_api_call", operation="process_payment", status=402, own_ms=7.0, stripe_ms=150.0, now=NOW)
    found = figures(database, NOW + timedelta(minutes=2))
    assert found["payops_webhook_events_total", "applied", "charge.succeeded"] == 3
    assert found["payops_webhook_events_total", "charge.dreamt_of", "ignored"] == 1
    assert found["payops_webhook_handling_seconds_count",] == 4
    assert found["payops_stripe_calls_total", "CardError", "post refunds"] == 1
    assert found["payops_stripe_calls_total", "ok", "post refunds"] == 1
    assert found["payops_stripe_call_seconds_sum", "post refunds"] == pytest.approx(0.15)
    buckets = {
        bound: found["payops_stripe_call_seconds_bucket", bound, "post refunds"]
        for bound in ("0.025", "0.05", "0.1", "0.25", "+Inf")
    }
    assert buckets == {"0.025": 0, "0.05": 1, "0.1": 1, "0.25": 2, "+Inf": 2}
    assert found["payops_api_calls_total", "402", "process_payment"] == 1
    assert found["payops_api_own_seconds_count", "process_payment"] == 1


def test_each_event_is_counted_once_however_often_metrics_are_read(database):
    for number in range(5):
        arrive(database, number)
    later = NOW + timedelta(minutes=2)
    with ThreadPoolExecutor(6) as scrapers:
        asked = list(scrapers.map(lambda _: figures(database, later), range(12)))
    key = ("payops_webhook_events_total", "applied", "charge.succeeded")
    assert {found[key] for found in asked} == {5}
    arrive(database, 5, at=later)
    assert figures(database, later)[key] == 5  # a minute is left for what is being settled
    assert figures(database, later + timedelta(minutes=2))[key] == 6


def test_queue_lengths_and_ages_are_current(database, owner):
    before = figures(database, NOW)
    assert before["payops_queue_depth", "events_dead"] == 0
    assert ("payops_queue_oldest_seconds", "events_dead") not in before
    arrive(database, 1)
    owner.execute("update payops.event_handlings set outcome = 'dead', handled_at = %s", (NOW,))
    after = figures(database, NOW + timedelta(seconds=90))
    assert after["payops_queue_depth", "events_dead"] == 1
    assert after["payops_queue_oldest_seconds", "events_dead"] == 90


def test_database_errors_are_reported_once_it_answers_again(database, owner):
    class Away:
        away = True

        def call(self, function, /, **arguments):
            if self.away:
                raise Unavailable("database_unavailable", "It did not answer.")
            return database.call(function, **arguments)

        def close(self):
            raise AssertionError

    link = Away()
    counted = CountedDatabase(link)
    for _ in range(3):
        with pytest.raises(PayopsError):
            counted.call("flags")
    link.away = False
    with pytest.raises(PayopsError):
        counted.call("there_is_no_such_function")
    assert counted.call("flags") == []
    assert counted.call("flags") == []
    found = figures(database, NOW)
    assert found["payops_database_errors_total", "database_unavailable"] == 3
    assert found["payops_database_errors_total", "database_not_migrated"] == 1
