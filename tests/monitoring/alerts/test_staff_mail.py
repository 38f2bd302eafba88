"""An invitation and a rejected refund reach the one person they are about, by e-mail where a mail server is set."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from pydantic import SecretStr

from core.monitoring.alerts import delivery, staff_mail
from core.monitoring.alerts.targets import targets_of
from core.payments.actions import Action
from core.staff import users
from core.staff.roles import Actor, Role
from tests.monitoring.alerts.mail_server import mail_server

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
ADMIN = Actor("staff:ada", Role.ADMIN)
PASSWORD = "violet-anchor-59-quarry"
REJECTED = {
    "id": "rf_1",
    "kind": "refund",
    "subject": "pi_1",
    "payment_intent_id": "pi_1",
    "amount_minor": 1190,
    "currency": "usd",
    "method": "POST",
    "path": "refunds",
    "params": {},
    "state": "rejected",
    "reason": "asked for it",
    "requested_role": "support",
    "requested_at": NOW.isoformat(),
    "decided_by": ADMIN.name,
    "sent_at": None,
    "attempts": 0,
    "result_id": None,
    "problem_code": None,
    "problem": None,
}


@pytest.fixture
def mail():
    with mail_server() as server:
        yield server


@pytest.fixture
def sue(database, owner):
    users.add(database, ADMIN, "sue", Role.SUPPORT, "sue@clinic.org", PASSWORD, NOW)


def reached_by(*urls):
    return SimpleNamespace(alert_urls=urls, public_base_url="https://pay.example.com")


def rejected(by="staff:sue"):
    return Action.of(REJECTED | {"requested_by": by})


def tell(database, settings, action):
    return staff_mail.tell_of_rejection(database, ADMIN, settings, action, reason="It took place.", now=NOW)


def arrived(database, mail):
    delivery.deliver(database, targets_of([mail.url]), lambda: NOW)
    return [(each["to"], each["subject"], each.get_body(("plain",)).get_content()) for each in mail.mails]


def test_an_added_user_is_invited_by_e_mail_without_the_password(database, sue, mail):
    assert staff_mail.invite(database, ADMIN, reached_by(mail.url), "sue", "support", now=NOW)
    ((to, subject, body),) = arrived(database, mail)
    assert "sue@clinic.org" in to and "ops@clinic.org" not in to
    assert subject == "payops: ada added you"
    assert "Sign in at https://pay.example.com as sue. Your role is support." in body
    assert PASSWORD not in body


def test_the_requester_of_a_rejected_refund_gets_the_reason(database, sue, mail):
    assert tell(database, reached_by(mail.url), rejected())
    ((to, subject, body),) = arrived(database, mail)
    assert "sue@clinic.org" in to
    assert subject == "payops: your refund of $11.90 was rejected"
    assert "ada rejected it: It took place." in body
    assert "https://pay.example.com/refunds?refund=rf_1" in body


def test_no_mail_is_queued_without_a_recipient(database, sue, mail, owner):
    chat = SecretStr("json://127.0.0.1:9/x")
    assert not tell(database, reached_by(chat), rejected())
    assert not tell(database, reached_by(mail.url), rejected(by="cli:root"))
    assert not tell(database, reached_by(mail.url), rejected(by="staff:nobody"))
    users.add(database, ADMIN, "ada", Role.ADMIN, "ada@clinic.org", PASSWORD, NOW)
    users.disable(database, ADMIN, "sue", NOW)
    assert not tell(database, reached_by(mail.url), rejected())
    assert owner.execute("select count(*) from payops.alert_deliveries").fetchone() == (0,)
