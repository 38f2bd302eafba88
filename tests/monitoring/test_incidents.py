"""Incidents are counted by cause, survive a database that is away, and are taken, silenced and resolved by staff."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from core.db.via_psycopg import PsycopgDatabase
from core.errors import Refused, Unauthorised
from core.monitoring import incident_kinds, incidents, spool
from core.monitoring.incidents import Incident, IncidentLog
from core.staff.roles import SYSTEM, Actor, Role

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
ANA = Actor("staff:ana", Role.OPS)


def boom(minutes=0, **fields):
    return Incident("page_failed", "errors", "A page failed.", NOW + timedelta(minutes=minutes), **fields)


@pytest.fixture
def log(database, owner, tmp_path):
    return IncidentLog(database, tmp_path)


@pytest.fixture
def nowhere(tmp_path):
    db = PsycopgDatabase(f"host={tmp_path} user=nobody dbname=nothing")
    yield db
    db.close()


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("refund re_3abc1 of pi_99X: 20 left", "refund re_# of pi_#: # left"),
        ("charge.failed: no row 0c9a1f52-5a0e-4c7e-9d39-1b2a3c4d5e6f", "charge.failed: no row #"),
        ("bad_signature 203.0.113.9", "bad_signature 203.0.113.9"),
        ("rate_limited staff:ops2", "rate_limited staff:ops2"),
        ("digest deadbeef0123456789", "digest #"),
        ("TypeError errors.py:41", "TypeError errors.py:41"),
        ("cs_test_a1B2 and evt_1", "cs_# and evt_#"),
    ],
)
def test_a_cause_does_not_include_ids_and_numbers(owner, text, cause):
    assert owner.execute("select payops.cause_of(%s)", (text,)).fetchone()[0] == cause


def test_the_same_cause_of_two_objects_is_one_incident_with_a_sample_of_each(database, log):
    for minutes, refund in ((0, "re_1"), (70, "re_2"), (71, "re_2")):
        seen_at = NOW + timedelta(minutes=minutes)
        log.report(Incident("refund_failed", f"of {refund}", "A refund failed.", seen_at, sample={"refund": refund}))
    (found,) = incidents.newest(database, now=NOW + timedelta(hours=2))
    assert (found["occurrences"], found["by_hour"][-3:]) == (3, [1, 2, 0])
    detail = incidents.one(database, found["id"], NOW + timedelta(hours=2))
    assert [(each["sample"], each["occurrences"]) for each in detail["samples"]] == [
        ({"refund": "re_2"}, 2),
        ({"refund": "re_1"}, 1),
    ]
    assert sum(detail["by_day"]) == 3


def test_a_repeated_incident_is_counted(database, log):
    log.report(boom(request_id="req-1"))
    log.report(boom(5, sample={"page": "errors"}))
    (found,) = incidents.newest(database)
    assert (found["occurrences"], found["request_id"], found["sample"]) == (2, "req-1", {"page": "errors"})
    assert found["first_seen"] < found["last_seen"]


def test_incidents_during_an_outage_are_recorded_later(database, nowhere, log, tmp_path):
    away = IncidentLog(nowhere, tmp_path)
    away.report(boom())
    away.report(boom(1))
    assert away.flush() == 0
    log.report(boom(2))
    assert [found["occurrences"] for found in incidents.newest(database)] == [3]
    assert log.flush() == 0


def test_a_spool_that_cannot_be_written_loses_nothing_and_is_an_incident(database, nowhere, log, tmp_path):
    (tmp_path / spool.SPOOL_FILE).mkdir()  # no file of this name can be written, whoever runs the test
    away = IncidentLog(nowhere, tmp_path)
    away.report(boom())
    away.spool(boom(1))
    log.report(boom(2))
    found = {each["kind"]: each for each in incidents.newest(database)}
    assert found["page_failed"]["occurrences"] == 3
    assert found["spool_failed"]["title"] == "Incidents could not be written to DATA_DIR while the database was away."
    assert found["spool_failed"]["severity"] == "critical"


def test_a_full_spool_merges_what_has_one_cause_and_keeps_the_count(database, nowhere, log, tmp_path, monkeypatch):
    monkeypatch.setattr(spool, "SPOOL_MAX_BYTES", 2000)
    away = IncidentLog(nowhere, tmp_path)
    for minutes in range(40):
        away.spool(boom(minutes))
    assert (tmp_path / spool.SPOOL_FILE).stat().st_size < 4000
    log.flush()
    assert [found["occurrences"] for found in incidents.newest(database)] == [40]


def test_a_line_that_a_full_disk_cut_off_spoils_no_other(database, nowhere, log, tmp_path):
    away = IncidentLog(nowhere, tmp_path)
    away.spool(boom())
    with (tmp_path / spool.SPOOL_FILE).open("ab") as file:
        file.write(json.dumps(boom().as_record()).encode()[:40])
    away.spool(boom(1))
    log.flush()
    assert [found["occurrences"] for found in incidents.newest(database)] == [2]


def test_a_resolved_incident_opens_again_when_it_happens_again(database, log):
    log.report(boom())
    (found,) = incidents.newest(database)
    with pytest.raises(Unauthorised):
        incidents.resolve(database, Actor("staff:ana", Role.SUPPORT), found["id"], "Fixed.", NOW)
    with pytest.raises(Refused, match="no_reason"):
        incidents.resolve(database, ANA, found["id"], "  ", NOW)
    incidents.take(database, ANA, found["id"], NOW)
    incidents.resolve(database, SYSTEM, found["id"], "Fixed the page.", NOW + timedelta(minutes=1))
    with pytest.raises(Refused, match="not_open"):
        incidents.resolve(database, SYSTEM, found["id"], "Again.", NOW)
    assert incidents.newest(database) == []
    log.report(boom(9))
    (again,) = incidents.newest(database, open_only=False)
    assert (again["id"], again["resolved_at"], again["reopenings"], again["owner"]) == (found["id"], None, 1, None)
    assert again["resolution"] == "Fixed the page."  # what helped the last time


def test_a_late_report_from_before_the_resolution_reopens_nothing(database, log):
    log.report(boom(5))
    (found,) = incidents.newest(database)
    incidents.resolve(database, ANA, found["id"], "Fixed.", NOW + timedelta(minutes=10))
    log.report(boom(7))
    (still,) = incidents.newest(database, show="resolved")
    assert (still["occurrences"], still["reopenings"], still["resolved_by"]) == (2, 0, "staff:ana")


def test_an_incident_is_taken_released_and_silenced_with_a_reason_and_each_is_audited(database, owner, log):
    log.report(boom())
    (found,) = incidents.newest(database)
    incidents.take(database, ANA, found["id"], NOW)
    with pytest.raises(Refused, match="reason_missing"):
        incidents.silence(database, ANA, found["id"], NOW + timedelta(hours=1), " ", NOW)
    for until in (NOW, NOW + timedelta(days=31)):
        with pytest.raises(Refused, match="bad_time"):
            incidents.silence(database, ANA, found["id"], until, "Known.", NOW)
    incidents.silence(database, ANA, found["id"], NOW + timedelta(hours=1), "Known.", NOW)
    (silent,) = incidents.newest(database, now=NOW)
    assert (silent["owner"], silent["silenced"], silent["silence_reason"]) == ("staff:ana", True, "Known.")
    assert not incidents.newest(database, now=NOW + timedelta(hours=2))[0]["silenced"]
    incidents.take(database, ANA, found["id"], NOW, release=True)
    said = owner.execute("select action, reason from payops.audit_log order by id").fetchall()
    assert said == [
        ("monitoring:incident:taken", None),
        ("monitoring:incident:silenced", "Known."),
        ("monitoring:incident:released", None),
    ]
    history = incidents.one(database, found["id"], NOW)["history"]
    assert sorted(each["action"].rpartition(":")[2] for each in history) == ["released", "silenced", "taken"]


@pytest.mark.parametrize("act", [incidents.take, lambda *a: incidents.silence(*a[:3], None, "why", a[3])])
@pytest.mark.parametrize("role", [Role.SUPPORT, Role.FINANCE])
def test_a_role_that_may_only_see_incidents_cannot_act_on_them(database, owner, log, act, role):
    log.report(boom())
    (found,) = incidents.newest(database)
    with pytest.raises(Unauthorised):
        act(database, Actor("staff:eve", role), found["id"], NOW)


def test_an_incident_that_heals_by_itself_is_resolved_once_it_was_quiet(database, log):
    log.report(Incident("stripe_failed", "APIError", "Stripe failed.", NOW))
    log.report(boom())
    quiet = incident_kinds.quiet_seconds()
    assert incidents.settle(database, quiet, NOW + timedelta(minutes=14)) == 0
    assert incidents.settle(database, quiet, NOW + timedelta(minutes=15)) == 1
    assert [each["kind"] for each in incidents.newest(database)] == ["page_failed"]
    (healed,) = incidents.newest(database, show="resolved")
    assert (healed["resolved_by"], healed["resolution"]) == ("system:monitor", "Did not happen again for 15 minutes.")


def test_errors_of_stripe_are_one_incident_a_class_and_a_decline_is_none(database, owner):
    for error, operation in (
        ("CardError", "post payment_intents/*/confirm"),
        ("APIError", "post refunds"),
        ("APIError", "get charges/*"),
        ("InvalidRequestError", "get customers/*"),
        ("AuthenticationError", "get balance"),
        (None, "get balance"),
    ):
        database.call("record_stripe_call", operation=operation, duration_ms=5.0, now=NOW, error=error)
    found = {each["fingerprint"]: each["occurrences"] for each in incidents.newest(database)}
    assert found == {"APIError": 2, "AuthenticationError": 1}


def test_our_own_failures_to_serve_are_incidents_and_others_are_not(database, owner):
    for status, code in ((503, "not_configured"), (503, "flow_disabled"), (503, "stripe_unavailable"), (402, None)):
        database.call(
            "record_api_call", operation="verify", status=status, own_ms=1.0, stripe_ms=1.0, now=NOW, code=code
        )
    assert [each["fingerprint"] for each in incidents.newest(database)] == ["not_configured"]


def beat(database, process, times=1):
    for _ in range(times):
        database.call("heartbeat", process=process, kind="worker", pool={"pool_size": 2}, now=NOW)


def test_a_silent_process_is_an_incident_and_a_stopped_one_is_not(database, owner):
    for process in ("killed", "stopped", "watching"):
        beat(database, process)
    database.call("process_stopped", process="stopped")
    owner.execute("update payops.process_heartbeats set at = at - interval '50 seconds' where process = 'killed'")
    beat(database, "watching")
    assert incidents.newest(database) == []  # it has not watched for long enough to judge
    owner.execute("update payops.process_heartbeats set steady_since = now() - interval '50 seconds'")
    beat(database, "watching", times=2)
    (found,) = incidents.newest(database)
    assert (found["title"], found["occurrences"]) == ("A background worker ended without being stopped.", 1)
    assert found["sample"]["process"] == "killed"
    assert [each["process"] for each in database.call("live_system", now=NOW)["processes"]] == ["watching"]


def test_after_a_database_outage_silence_is_no_incident(database, owner):
    beat(database, "one")
    beat(database, "other")
    owner.execute("update payops.process_heartbeats set at = now() - interval '5 minutes', steady_since = '-infinity'")
    beat(database, "one", times=2)
    beat(database, "other")
    assert incidents.newest(database) == []


def test_every_kind_that_is_reported_has_its_next_step(owner):
    """What SQL and Python report by name, found in their texts."""
    import re
    from pathlib import Path

    root = Path(__file__).parents[2] / "core"
    texts = [path.read_text() for path in (*root.rglob("*.sql"), *root.rglob("*.py"))]
    reported = {
        name
        for text in texts
        for name in re.findall(r"record_incident\(\s*'(\w+)'|Incident\(\s*(?:kind=)?\"(\w+)\"", text)
        for name in name
        if name
    }
    assert len(reported) > 12
    assert reported <= set(incident_kinds.KINDS)


def test_objects_of_a_sample_are_named_once_with_their_places():
    found = incident_kinds.objects_in({"payment": "pi_12", "reason": "charge ch_3 of pi_12", "more": ["cons_9"]})
    assert [(each.what, each.id, each.page, each.at_stripe) for each in found] == [
        ("payment", "pi_12", "payments?payment=pi_12", "payments/pi_12"),
        ("charge", "ch_3", None, "payments/ch_3"),
        ("consultation", "cons_9", "assignments?consultation=cons_9", None),
    ]
