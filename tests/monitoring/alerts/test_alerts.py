"""An alert is sent once when it fires, again as a reminder, and once when it is resolved; to each target separately."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from core.db import database_away
from core.db.via_psycopg import PsycopgDatabase
from core.errors import Refused, Unauthorised, Unavailable
from core.monitoring import incidents
from core.monitoring.alerts import board, database_watch, delivery, dry_run, rule_changes
from core.monitoring.alerts.database_watch import TOLD_AFTER_SECONDS, DatabaseWatch
from core.monitoring.alerts.evaluation import Alerting, evaluate
from core.monitoring.alerts.rules import RULES
from core.monitoring.incidents import Incident, IncidentLog
from core.staff.roles import Actor, Role
from tests.monitoring.alerts.receiver import Receiver

NOON = datetime(2026, 11, 24, 17, tzinfo=UTC)
ZONE = ZoneInfo("America/New_York")
ANA, EVE, ADA = Actor("staff:ana", Role.OPS), Actor("staff:eve", Role.SUPPORT), Actor("staff:ada", Role.ADMIN)
STRIPE = Incident("stripe_failed", "APIError", "Stripe failed.", NOON, sample={"object": "cus_1 of ann@example.com"})


class Shift:
    """A clock, two targets, and the alerts over an empty database."""

    def __init__(self, database, tmp_path, receivers):
        self.db, self.now, self.receivers = database, NOON, receivers
        self.log = IncidentLog(database, tmp_path)
        self.targets = [each.target(number) for number, each in enumerate(receivers, 1)]
        fingerprints = [target.fingerprint for target in self.targets]
        self.alerting = Alerting(database, lambda: self.now, ZONE, "https://console.example", fingerprints)

    def pass_time(self, **span):
        """Evaluate and send once that time has passed."""
        self.now += timedelta(**span)
        evaluate(self.alerting)
        return self.send()

    def send(self):
        return delivery.deliver(self.db, self.targets, lambda: self.now)

    def alert(self):
        (found,) = board.newest(self.db, self.now)
        return found


@pytest.fixture
def receivers():
    both = [Receiver(), Receiver()]
    yield both
    for each in both:
        each.close()


@pytest.fixture
def shift(database, owner, tmp_path, receivers):
    return Shift(database, tmp_path, receivers)


def test_an_incident_is_notified_once_and_its_end_once(shift, receivers):
    shift.log.report(STRIPE)
    for _ in range(3):
        shift.pass_time(minutes=1)
        shift.log.report(STRIPE)
    for receiver in receivers:
        assert receiver.titles == ["Incident"]
        (said,) = receiver.messages
        assert said["message"].splitlines()[0] == "Stripe failed. Seen 1 time."
        assert said["message"].splitlines()[1].startswith("https://console.example/errors?incident=")
        assert "cus_1" not in str(said) and "example.com" not in str(said).replace("console.example", "")
    (found,) = incidents.newest(shift.db)
    incidents.resolve(shift.db, ANA, found["id"], "Stripe is back.", shift.now)
    shift.pass_time(minutes=1)
    shift.pass_time(minutes=1)
    assert receivers[0].titles == ["Incident", "Resolved: Incident"]
    assert shift.alert()["resolved_at"] is not None
    shift.log.report(Incident("stripe_failed", "APIError", "Stripe failed.", shift.now))
    shift.pass_time(minutes=1)
    assert receivers[1].titles == ["Incident", "Resolved: Incident", "Incident"]  # it came back: another alert


def test_a_target_that_fails_is_tried_again_alone_until_it_takes_the_message(shift, receivers):
    receivers[1].refuses = True
    shift.log.report(STRIPE)
    assert shift.pass_time(minutes=1) == 1
    for seconds in (10, 30, 60):
        shift.now += timedelta(seconds=seconds)
        shift.send()
    assert (receivers[0].asked, receivers[1].asked) == (1, 4)
    undelivered = [each for each in incidents.newest(shift.db) if each["kind"] == "alert_undelivered"]
    assert [each["severity"] for each in undelivered] == ["warning"]  # no alert about alerts
    receivers[1].refuses = False
    shift.now += timedelta(minutes=2)
    shift.send()
    shift.send()
    assert (receivers[0].titles, receivers[1].titles) == (["Incident"], ["Incident"])
    first, second = board.target_figures(shift.db, shift.targets, shift.now)
    assert (first.sent, first.attempts, first.due) == (1, 1, 0)
    assert (second.sent, second.attempts, second.due) == (1, 5, 0)


def test_a_message_of_a_dead_sender_is_sent_by_the_next_one(shift, receivers):
    shift.log.report(STRIPE)
    shift.now += timedelta(minutes=1)
    evaluate(shift.alerting)
    claimed = shift.db.call("claim_alert_deliveries", now=shift.now, held_seconds=60, most=20)
    assert len(claimed) == 2  # and nothing more is heard of it
    assert shift.send() == 0
    shift.now += timedelta(seconds=60)
    assert shift.send() == 2


def test_a_target_that_fails_for_a_day_is_given_up(shift, receivers):
    receivers[1].refuses = True
    shift.log.report(STRIPE)
    shift.pass_time(minutes=1)
    shift.now += timedelta(hours=25)
    shift.send()
    shift.now += timedelta(hours=25)
    shift.send()
    assert receivers[1].asked == 2
    assert board.target_figures(shift.db, shift.targets, shift.now)[1].given_up == 1


def test_reminders_come_until_somebody_acknowledges(shift, receivers):
    shift.log.report(STRIPE)
    shift.pass_time(minutes=1)
    shift.pass_time(hours=3)
    shift.pass_time(hours=1)
    assert receivers[0].titles == ["Incident", "Still: Incident"]
    with pytest.raises(Unauthorised):
        board.acknowledge(shift.db, EVE, shift.alert()["id"], shift.now)
    board.acknowledge(shift.db, ANA, shift.alert()["id"], shift.now)
    shift.pass_time(hours=9)
    assert receivers[0].titles == ["Incident", "Still: Incident"]
    assert shift.alert()["acknowledged_by"] == "staff:ana"


def test_a_silenced_alert_is_quiet_until_its_time_and_then_resumes(shift, receivers, owner):
    shift.log.report(STRIPE)
    shift.pass_time(minutes=1)
    with pytest.raises(Refused, match="reason_missing"):
        board.silence(shift.db, ANA, shift.alert()["id"], shift.now + timedelta(hours=24), "", shift.now)
    board.silence(shift.db, ANA, shift.alert()["id"], shift.now + timedelta(hours=24), "Known.", shift.now)
    shift.pass_time(hours=20)
    assert receivers[0].titles == ["Incident"]
    shift.pass_time(hours=5)
    assert receivers[0].titles == ["Incident", "Still: Incident"]
    said = owner.execute("select action, reason from payops.audit_log").fetchall()
    assert said == [("monitoring:alert:silenced", "Known.")]


def test_a_silenced_incident_fires_no_alert(shift, receivers):
    shift.log.report(STRIPE)
    (found,) = incidents.newest(shift.db)
    incidents.silence(shift.db, ANA, found["id"], NOON + timedelta(hours=2), "Known.", NOON)
    shift.pass_time(hours=1)
    assert receivers[0].titles == []
    shift.pass_time(hours=2)
    assert receivers[0].titles == ["Incident"]


def test_alerts_that_fire_together_are_one_message(shift, receivers):
    for n in range(12):
        shift.log.report(Incident("page_failed", f"cause {'abcdefghijkl'[n]}", f"Page {n} failed.", NOON))
    shift.pass_time(minutes=1)
    (said,) = receivers[0].messages
    assert said["title"] == "Incident (12)"
    assert said["message"].splitlines()[-2] == "And 2 more."


def test_a_rule_is_changed_by_admins_with_a_reason_and_can_be_switched_off(shift, receivers, owner):
    off = replace(RULES["incident"], enabled=False)
    for actor, reason, error in ((ANA, "Noise.", Unauthorised), (ADA, "", Refused)):
        with pytest.raises(error):
            rule_changes.change(shift.db, actor, off, reason, NOON)
    for wrong in ({"threshold": 0}, {"window_minutes": 0}, {"minimum": 0}):
        with pytest.raises(Refused, match="bad_rule"):
            rule_changes.change(shift.db, ADA, replace(RULES["incident"], **wrong), "x", NOON)
    shift.log.report(STRIPE)
    shift.pass_time(minutes=1)
    rule_changes.change(shift.db, ADA, off, "Noise.", NOON)
    assert not rule_changes.load(shift.db)["incident"].enabled
    shift.pass_time(minutes=1)
    assert shift.alert()["resolved_at"] is not None
    (entry,) = owner.execute("select action, reason, before ->> 'enabled', after ->> 'enabled' from payops.audit_log")
    assert entry == ("monitoring:alert-rule:set", "Noise.", "true", "false")


def test_an_alert_fires_without_targets_too(database, owner, tmp_path):
    shift = Shift(database, tmp_path, [])
    shift.log.report(STRIPE)
    shift.pass_time(minutes=1)
    (message,) = shift.alert()["messages"]
    assert (message["kind"], message["deliveries"]) == ("firing", [])
    with pytest.raises(Refused, match="no_targets"):
        board.send_test(database, ADA, [], "https://console.example", NOON)


def test_a_test_message_arrives_marked_as_a_test(shift, receivers):
    with pytest.raises(Unauthorised):
        board.send_test(shift.db, ANA, shift.targets, "https://console.example", NOON)
    board.send_test(shift.db, ADA, shift.targets, "https://console.example", NOON)
    assert shift.send() == 2
    assert receivers[1].titles == ["Test of payops alerts"]


def test_a_database_outage_is_notified_at_once_and_not_again_as_an_incident(shift, receivers, tmp_path):
    nowhere = PsycopgDatabase(f"host={tmp_path} user=nobody dbname=nothing")
    seconds = iter((0.0, 0.0, TOLD_AFTER_SECONDS - 1, *[TOLD_AFTER_SECONDS] * 9))
    watch = DatabaseWatch(nowhere, shift.targets, tmp_path, "https://console.example", lambda: next(seconds))
    receivers[1].refuses = True
    assert [watch.look() for _ in range(3)] == [False] * 3
    nowhere.close()
    assert (receivers[0].titles, receivers[1].asked) == (["The database does not answer"], 1)

    receivers[1].refuses = False
    shift.alerting = Alerting(
        shift.db, lambda: shift.now, ZONE, "https://console.example", shift.alerting.targets, watch.told
    )
    shift.log.report(incidents.database_outage(database_away(), NOON))
    shift.pass_time(minutes=1)
    assert receivers[0].titles == ["The database does not answer"]
    assert receivers[1].titles == ["Incident"]
    incidents.settle(shift.db, {"database_unavailable": 60}, NOON + timedelta(minutes=2))
    shift.pass_time(minutes=5)
    assert receivers[0].titles == ["The database does not answer", "Resolved: Incident"]


def test_a_refusing_database_is_notified_differently_from_a_silent_one(shift, receivers, tmp_path):
    class Refusing:
        def call(self, function, /, **arguments):
            raise Unavailable("database_right_missing", "The database refuses a right. `payops migrate` grants it.")

        def close(self):
            raise AssertionError

    seconds = iter((0.0, 0.0, *[TOLD_AFTER_SECONDS] * 9))
    watch = DatabaseWatch(Refusing(), [receivers[0].target()], tmp_path, "https://c.example", lambda: next(seconds))
    for _ in range(2):
        watch.look()
    assert receivers[0].titles == ["The database refuses payops"]
    assert "`payops migrate` grants it." in receivers[0].messages[0]["message"]
    shift.alerting = Alerting(
        shift.db, lambda: shift.now, ZONE, "https://c.example", [receivers[0].target().fingerprint], watch.told
    )
    shift.log.report(
        incidents.database_outage(Unavailable("database_right_missing", "A right is missing. Do so."), NOON)
    )
    shift.pass_time(minutes=1)
    assert receivers[0].titles == ["The database refuses payops"]


def test_a_full_disk_does_not_stop_the_one_notification_of_an_outage(receivers, tmp_path):
    (tmp_path / database_watch.FILE).mkdir()  # no file of this name can be written
    nowhere = PsycopgDatabase(f"host={tmp_path} user=nobody dbname=nothing")
    seconds = iter((0.0, 0.0, *[TOLD_AFTER_SECONDS] * 9))
    watch = DatabaseWatch(nowhere, [receivers[0].target()], tmp_path, "https://c.example", lambda: next(seconds))
    for _ in range(3):
        watch.look()
    nowhere.close()
    assert receivers[0].titles == ["The database does not answer"]


def test_a_dry_run_sends_nothing_and_counts_what_would_have_been_sent(shift, receivers, owner):
    shift.log.report(STRIPE)
    incidents.settle(shift.db, {"stripe_failed": 600}, NOON + timedelta(minutes=15))
    shift.now = NOON + timedelta(days=1)
    run = dry_run.dry_run(shift.db, RULES["incident"], lambda: shift.now, days=2, step_minutes=5)
    assert [(each.first.at, each.until) for each in run.episodes] == [(NOON, NOON + timedelta(minutes=15))]
    assert run.messages == 2
    assert owner.execute("select count(*) from payops.alert_messages").fetchone() == (0,)
    assert receivers[0].asked == 0
