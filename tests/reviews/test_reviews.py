"""The daily checks and the weekly review: findings, sign-off, and sending."""

from base64 import b64decode
from datetime import UTC, date, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import pytest
from pydantic import SecretStr

from core.errors import Refused, Unauthorised
from core.events import inbox
from core.monitoring.alerts import delivery
from core.monitoring.alerts.targets import targets_of
from core.reviews import report, sending, signing
from core.reviews.check import Cadence, State, newest_period, period_of
from core.staff.roles import Actor, Role
from tests.factories import body_of, charge, event, intent
from tests.monitoring.alerts.mail_server import mail_server
from tests.monitoring.alerts.receiver import Receiver

ZONE = ZoneInfo("America/New_York")
DAY = date(2026, 9, 9)  # a Wednesday
NOW = datetime(2026, 9, 16, 12, tzinfo=UTC)
OPS, SUPPORT = Actor("staff:oli", Role.OPS), Actor("staff:sue", Role.SUPPORT)


@pytest.fixture
def payments(database, owner):
    """Ten payments of the day, so many of them failed."""

    def make(failed: int, day: int = 9):
        at = int(datetime(2026, 9, day, 12, tzinfo=ZONE).timestamp())
        batch = []
        for number in range(10):
            ids = {"id": f"pi_{day}_{number}", "created": at}
            if number < failed:
                error = {"charge": f"ch_{day}_{number}"}
                declined = {"status": "failed", "captured": False, "outcome": {"reason": "insufficient_funds"}}
                pair = [
                    ("payment_intent.payment_failed", intent(**ids, last_payment_error=error)),
                    ("charge.failed", charge(**of(ids, day, number), **declined, failure_code="card_declined")),
                ]
            else:
                pair = [
                    ("payment_intent.succeeded", intent(**ids, status="succeeded")),
                    ("charge.succeeded", charge(**of(ids, day, number))),
                ]
            batch += [event(f"evt_{kind}_{each['id']}", kind, each, at=at) for kind, each in pair]
        prepared = [inbox.prepare(each, body_of(each), livemode=False) for each in batch]
        inbox.receive(database, prepared, now=datetime.fromtimestamp(at, UTC))

    return make


def of(ids, day, number):
    return {"id": f"ch_{day}_{number}", "payment_intent": ids["id"], "created": ids["created"]}


def loaded(database, cadence=Cadence.DAILY, day=DAY, now=NOW):
    return report.load(database, cadence, day, zone=ZONE, now=now)


def by_name(found):
    return {check.name: check for check in found.review.checks}


def test_a_week_runs_from_monday_to_sunday_and_the_newest_one_is_over():
    week = period_of(Cadence.WEEKLY, DAY, ZONE)
    assert (week.since, week.until) == (date(2026, 9, 7), date(2026, 9, 13))
    assert newest_period(Cadence.WEEKLY, date(2026, 9, 14), ZONE) == week
    assert newest_period(Cadence.WEEKLY, date(2026, 9, 13), ZONE).until == date(2026, 9, 6)
    assert newest_period(Cadence.DAILY, date(2026, 3, 1), ZONE).since == date(2026, 2, 28)


def test_a_day_that_is_not_over_cannot_be_judged(database, owner):
    with pytest.raises(Refused, match="not over yet"):
        loaded(database, now=datetime(2026, 9, 10, 3, 59, tzinfo=UTC))  # 23:59 in New York
    loaded(database, now=datetime(2026, 9, 10, 4, 0, tzinfo=UTC))


def test_a_good_day_needs_no_review_and_a_bad_one_says_why(database, payments):
    payments(0)
    good = by_name(loaded(database))
    assert good["failure_log"].state is State.GOOD
    assert good["failure_log"].finding == "None of 10 payments failed. 100.0% succeeded; the target is 95%."
    assert good["webhook_delivery"].finding.startswith("20 events came, and all were applied.")
    payments(4, day=10)
    found = loaded(database, day=date(2026, 9, 10))
    bad = by_name(found)["failure_log"]
    assert bad.state is State.LOOK
    assert bad.finding.startswith("4 of 10 payments failed, most often ")
    assert [value for _, value in bad.facts] == ["4"] and list(bad.bars.values) == [4]
    assert found.headline.startswith("1 check needs a look: failure log")


def test_a_day_without_activity_says_so(database, owner):
    found = loaded(database)
    assert {check.name: check.state for check in found.review.checks} == {
        "failure_log": State.UNKNOWN,
        "webhook_delivery": State.LOOK,
        "assignment_distribution": State.UNKNOWN,
    }
    weekly = loaded(database, Cadence.WEEKLY)
    assert {check.state for check in weekly.review.checks} == {State.UNKNOWN}


def test_a_week_is_compared_with_the_week_before(database, payments):
    payments(0, day=2)
    payments(5, day=9)
    rate = by_name(loaded(database, Cadence.WEEKLY))["success_rate"]
    assert rate.state is State.LOOK
    assert dict(rate.facts) == {"Payments": "10", "Succeeded": "50.0%", "The week before": "100.0%"}
    assert len(rate.bars.values) == 7 and rate.bars.values[2] == 50.0


def test_a_check_is_signed_off_once_with_its_findings(database, payments, owner):
    payments(1)
    found = loaded(database)
    check = found.review.checks[0]
    signing.sign(database, OPS, found.review, check, NOW)
    with pytest.raises(Refused, match="signed_already"):
        signing.sign(database, OPS, found.review, check, NOW)
    signed = loaded(database)
    assert signed.signed == 1
    assert signed.notes["signatures"][check.name]["signed_by"] == "staff:oli"
    assert signed.notes["signatures"][check.name]["finding"] == check.finding
    assert signing.signed(database, Cadence.DAILY, period_of(Cadence.WEEKLY, DAY, ZONE)) == {DAY: 1}
    with pytest.raises(Refused, match="reason_missing"):
        signing.withdraw(database, OPS, found.review, check, " ", NOW)
    signing.withdraw(database, OPS, found.review, check, "the wrong day", NOW)
    assert loaded(database).signed == 0
    actions = owner.execute(
        "select action, actor, reason from payops.audit_log where subject like 'review:%' order by id"
    )
    assert actions.fetchall() == [
        ("reviews:check:signed", "staff:oli", None),
        ("reviews:check:withdrawn", "staff:oli", "the wrong day"),
    ]


def test_support_sees_the_checks_and_signs_none(database, owner):
    found = loaded(database)
    check = found.review.checks[0]
    for act in (
        lambda: signing.sign(database, SUPPORT, found.review, check, NOW),
        lambda: signing.withdraw(database, SUPPORT, found.review, check, "x", NOW),
        lambda: signing.comment(database, SUPPORT, found.review, check, "x", NOW),
    ):
        with pytest.raises(Unauthorised):
            act()


def test_comments_stay_beside_their_check_and_hold_no_card_number(database, owner):
    found = loaded(database)
    first, second = found.review.checks[:2]
    signing.comment(database, OPS, found.review, first, "Issuer was down until noon.", NOW)
    for text, code in (("", "comment_missing"), ("4242 4242 4242 4242", "card_number")):
        with pytest.raises(Refused, match=code):
            signing.comment(database, OPS, found.review, second, text, NOW)
    assert [(each["item"], each["comment"]) for each in loaded(database).notes["comments"]] == [
        (first.name, "Issuer was down until noon.")
    ]


def test_the_page_needs_nothing_from_elsewhere_and_keeps_text_as_text(database, payments, owner):
    payments(3)
    found = loaded(database)
    signing.sign(database, OPS, found.review, found.review.checks[0], NOW)
    signing.comment(database, OPS, found.review, found.review.checks[0], "<script>alert(1)</script> & more", NOW)
    page = report.html(loaded(database))
    assert "Daily checks, 9 Sep 2026" in page and "<svg" in page and "Signed off by oli" in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; more" in page and "<script" not in page
    assert "http:" not in page and "https:" not in page and "src=" not in page and "@import" not in page


@pytest.fixture
def mail():
    with mail_server() as server:
        yield server


@pytest.fixture
def receiver():
    found = Receiver()
    yield found
    found.close()


class Sender:
    """The worker's two steps about reviews: what is due is written, and what is on its way is delivered."""

    def __init__(self, database, data_dir, urls):
        self.database, self.data_dir, self.urls = database, data_dir, urls

    def send_due(self, now):
        asked = {"zone": ZONE, "data_dir": self.data_dir, "urls": self.urls, "console": "https://pay.example.com"}
        return sending.send_due(self.database, **asked, now=now)

    def deliver(self, now):
        page_of = partial(sending.page_of, self.database, zone=ZONE, data_dir=self.data_dir, now=now)
        return delivery.deliver(self.database, targets_of(self.urls), lambda: now, page_of)


def test_each_review_is_sent_once_in_the_morning_after_with_its_page(
    database, payments, owner, receiver, mail, tmp_path
):
    payments(4)
    sender = Sender(database, tmp_path, [SecretStr(receiver.url), mail.url])
    before_seven, after = (datetime(2026, 9, 10, 10, 59, tzinfo=UTC), datetime(2026, 9, 10, 11, 0, tzinfo=UTC))
    assert sender.send_due(before_seven) == 0
    assert sender.send_due(after) == 2  # Wednesday's checks, and the week before
    assert sender.send_due(after) == 0
    assert sender.deliver(after) == 4
    assert sender.deliver(after + timedelta(days=1)) == 0
    page = (tmp_path / "reviews" / "daily-2026-09-09.html").read_bytes()
    daily = next(each for each in receiver.messages if "Daily" in each["title"])
    assert "4 of 10 payments failed" in daily["message"]
    assert "https://pay.example.com/daily-checks?day=2026-09-09" in daily["message"]
    (attached,) = daily["attachments"]
    assert attached["filename"] == "daily-2026-09-09.html" and b64decode(attached["base64"]) == page
    mailed = next(each for each in mail.mails if "Daily" in each["subject"])
    assert mailed["subject"] == "payops: Daily checks, 9 Sep 2026"
    (attachment,) = mailed.iter_attachments()
    assert attachment.get_filename() == "daily-2026-09-09.html"
    assert attachment.get_payload(decode=True) == page


def test_a_failing_target_gets_the_review_later_and_others_get_it_once(database, owner, receiver, tmp_path):
    failing = Receiver()
    failing.refuses = True
    sender = Sender(database, tmp_path, [SecretStr(receiver.url), SecretStr(failing.url)])
    sender.send_due(NOW)
    assert (sender.deliver(NOW), len(receiver.messages)) == (2, 2)
    failing.refuses = False
    assert sender.deliver(NOW + timedelta(minutes=1)) == 2
    assert (len(receiver.messages), len(failing.messages)) == (2, 2)
    failing.close()


def test_a_machine_that_did_not_write_the_page_makes_it_again(database, owner, receiver, tmp_path):
    Sender(database, tmp_path / "one", [SecretStr(receiver.url)]).send_due(NOW)
    assert Sender(database, tmp_path / "other", [SecretStr(receiver.url)]).deliver(NOW) == 2
    assert all(each["attachments"] for each in receiver.messages)


def test_a_page_that_cannot_be_written_is_left_out_and_the_message_is_sent(database, owner, receiver, tmp_path):
    sender = Sender(database, tmp_path, [SecretStr(receiver.url)])
    sender.send_due(NOW)
    sender.data_dir = tmp_path / "a file"
    sender.data_dir.write_text("")
    assert sender.deliver(NOW) == 2
    assert [each["attachments"] for each in receiver.messages] == [[], []]


def test_a_review_whose_sender_was_killed_is_sent_again(database, owner, receiver, tmp_path, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    sender = Sender(database, tmp_path, [SecretStr(receiver.url)])
    with monkeypatch.context() as dying, pytest.raises(KeyboardInterrupt):
        dying.setattr(sending, "_message", killed)
        sender.send_due(NOW)
    assert sender.send_due(NOW) == 2
    assert sender.deliver(NOW) == 2


def test_the_command_prints_or_writes_the_report(server, tmp_path, monkeypatch):
    from typer.testing import CliRunner

    from core.cli import app

    for name, value in {"DATABASE_URL": server.app_conninfo, "DATA_DIR": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    said = CliRunner().invoke(app, ["report", "daily", "--date", "2026-09-09"])
    assert said.exit_code == 0 and "Daily checks, 9 Sep 2026" in said.stdout
    written = CliRunner().invoke(app, ["report", "weekly", "--html", str(tmp_path / "week.html")])
    assert written.exit_code == 0 and "Weekly review" in (tmp_path / "week.html").read_text()
    early = CliRunner().invoke(app, ["report", "daily", "--date", "2999-01-01"])
    assert early.exit_code == 1 and "not over yet" in early.stderr
    nowhere = CliRunner().invoke(app, ["report", "daily", "--html", str(tmp_path / "none" / "x.html")])
    assert nowhere.exit_code == 1 and "could not be written" in nowhere.stderr
