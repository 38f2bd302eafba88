"""Resolved alerts and incidents are deleted after their retention, in batches; unresolved ones stay."""

from datetime import UTC, datetime, timedelta

import pytest

from core.monitoring import retention

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def alert(owner, number, resolved, firing_since):
    owner.execute(
        "insert into payops.alerts (rule, key, severity, sentence, firing_since, last_fired_at, resolved_at)"
        " values ('incident', %s, 'error', 'x', %s, %s, %s)",
        (str(number), firing_since, firing_since, resolved),
    )
    (alert_id,) = owner.execute("select max(id) from payops.alerts").fetchone()
    return alert_id


def message(owner, written, *alerts):
    owner.execute(
        "with m as (insert into payops.alert_messages (rule, kind, alert_ids, severity, title, body, written_at)"
        " values ('incident', 'firing', %s, 'error', 'x', 'x', %s) returning id)"
        " insert into payops.alert_deliveries (message_id, target, state) select id, 'one', 'sent' from m",
        (list(alerts), written),
    )


def incident(owner, number, seen, resolved):
    owner.execute(
        "with i as (insert into payops.incidents (kind, fingerprint, title, severity, first_seen, last_seen, sample,"
        " resolved_at) values ('page_failed', %s, 'x', 'error', %s, %s, '{\"name\": \"Ann\"}', %s) returning id)"
        " insert into payops.incident_samples (incident_id, sample_md5, sample, seen_at, occurrences)"
        " select id, 'md5', '{\"name\": \"Ann\"}', %s, 1 from i",
        (str(number), seen, seen, resolved, seen),
    )


def counted(owner, *tables):
    return [owner.execute(f"select count(*) from payops.{table}").fetchone()[0] for table in tables]


def test_resolved_records_past_retention_are_deleted_in_batches(database, owner, monkeypatch):
    monkeypatch.setattr(retention, "MOST_AT_ONCE", 2)
    long_ago, begun = NOW - 401 * DAY, NOW - 600 * DAY
    old = [alert(owner, number, long_ago, begun) for number in range(5)]
    young, firing = alert(owner, "young", NOW - 399 * DAY, begun), alert(owner, "firing", None, begun)
    for one in old:
        message(owner, begun, one)
    message(owner, begun, old[0], young)
    message(owner, begun, firing)
    message(owner, begun)  # a test, about no alert
    for number in range(3):
        incident(owner, number, begun, long_ago)
    batches = []
    retention.delete_old(database, NOW, lambda: batches.append(1))
    assert 9 <= len(batches) <= 3 + 3 + 2 + 2  # at most two of a kind at a time
    assert counted(owner, "alerts", "alert_messages", "alert_deliveries", "incidents") == [2, 2, 2, 0]
    assert retention.delete_old(database, NOW, lambda: None) == 0


@pytest.mark.parametrize(("resolved_days", "samples"), [(91, 0), (89, 1), (None, 1)])
def test_samples_of_a_resolved_incident_are_deleted_before_the_incident(database, owner, resolved_days, samples):
    incident(owner, "x", NOW - 300 * DAY, NOW - resolved_days * DAY if resolved_days else None)
    retention.delete_old(database, NOW, lambda: None)
    assert counted(owner, "incidents", "incident_samples") == [1, samples]
    sample = owner.execute("select sample from payops.incidents").fetchone()
    assert sample == ({"name": "Ann"} if samples else {},)
