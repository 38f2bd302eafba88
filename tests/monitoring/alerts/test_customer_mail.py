"""A payment link reaches the customer by e-mail, and their address stays where it is."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from pydantic import SecretStr

from core.errors import Refused, Unauthorised, Unavailable
from core.money import Money
from core.monitoring.alerts import customer_mail
from core.staff.roles import Actor, Role
from tests.monitoring.alerts.mail_server import mail_server

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
SUPPORT = Actor("staff:sam", Role.SUPPORT)
URL = "https://checkout.stripe.com/c/pay/cs_1"


@pytest.fixture
def mail():
    with mail_server() as server:
        yield server


def failed(customer="cus_1"):
    return SimpleNamespace(payment_intent_id="pi_1", customer_id=customer, amount=Money(7900, "usd"))


def send(database, *urls, at_stripe=None, actor=SUPPORT, of=None):
    known = {"customers/cus_1": {"email": "jane@example.com"}} if at_stripe is None else at_stripe
    stripe = SimpleNamespace(retrieve=lambda path: known.get(path, {}))
    context = SimpleNamespace(db=database, stripe=stripe)
    return customer_mail.send_link(context, actor, SimpleNamespace(alert_urls=urls), of or failed(), URL, NOW)


def entries(owner):
    return owner.execute(
        "select action, subject, actor, outcome, to_jsonb(a)::text from payops.audit_log as a order by id"
    ).fetchall()


def test_the_customer_alone_gets_the_link_and_their_address_is_stored_nowhere(database, owner, mail):
    assert send(database, mail.url) == "j•••@example.com"
    (sent,) = mail.mails
    assert sent["To"] == "jane@example.com" and "$79.00" in sent["Subject"]
    text = sent.get_body(("plain",)).get_content()
    assert URL in text and "$79.00" in text
    (entry,) = entries(owner)
    assert entry[:4] == ("payments:recovery-link:emailed", "payment:pi_1", "staff:sam", "done")
    assert "jane" not in entry[4]
    rows = "select count(*) from payops.alert_messages", "select count(*) from payops.alert_deliveries"
    assert [owner.execute(each).fetchone()[0] for each in rows] == [0, 0]


def test_a_guest_gets_it_where_their_receipt_was_to_go(database, mail):
    at_stripe = {"payment_intents/pi_1": {"receipt_email": "guest@example.com"}}
    assert send(database, mail.url, at_stripe=at_stripe, of=failed(None)) == "g•••@example.com"
    assert mail.mails[0]["To"] == "guest@example.com"


@pytest.mark.parametrize("address", [None, "", "nobody", "a@example.com, b@example.com", "a@example.com\nBcc: b@e.com"])
def test_nothing_is_sent_or_recorded_without_one_sound_address(database, owner, mail, address):
    with pytest.raises(Refused, match="no_address"):
        send(database, mail.url, at_stripe={"customers/cus_1": {"email": address}})
    assert mail.mails == [] and entries(owner) == []


def test_without_a_mail_server_or_the_right_nothing_is_sent(database, owner, mail):
    with pytest.raises(Refused, match="no_mail_server"):
        send(database, SecretStr("json://127.0.0.1:9/alerts"))
    with pytest.raises(Unauthorised):
        send(database, mail.url, actor=Actor("staff:fin", Role.FINANCE))
    assert mail.mails == [] and entries(owner) == []


def test_a_mail_server_that_takes_nothing_is_said_and_audited(database, owner):
    with mail_server() as gone:
        url = gone.url
    with pytest.raises(Unavailable, match="mail_not_sent"):
        send(database, url)
    assert [entry[3] for entry in entries(owner)] == ["done", "refused"]
