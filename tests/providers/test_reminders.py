"""Reminders of ending licences: each once, to the admins and the provider, with what they affect."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from pydantic import SecretStr

from core.monitoring.alerts.targets import Target, addressed, named
from core.providers import licensing_rules, reminders
from core.ui.providers import licensing_panel
from tests.providers.conftest import ADMIN, NOW

ZONE = ZoneInfo("America/New_York")


def remind(clinic, now=NOW, targets=("chat",)):
    return reminders.queue_due(clinic.db, targets, lambda email: f"mail to {email}", ZONE, "https://console", now)


def newest(clinic):
    return clinic.rows("select body from payops.alert_messages order by id desc limit 1")[0][0]


def test_each_of_the_four_reminders_is_sent_once(clinic):
    clinic.provider("ann", states="TX:2027-03-31", email="ann@example.com")
    ends = datetime(2027, 4, 1, 5, tzinfo=NOW.tzinfo)
    sent = {}
    for days in range(130, -2, -1):
        if remind(clinic, ends - timedelta(days=days)):
            sent[days] = clinic.rows("select title from payops.alert_messages order by id desc limit 1")[0][0]
        assert remind(clinic, ends - timedelta(days=days)) == 0
    assert list(sent) == [90, 60, 30, 7]
    assert sent[7] == "payops: Ann's licence in Texas ends within 7 days"
    targets = clinic.rows("select distinct target from payops.alert_deliveries order by 1")
    assert targets == [("chat",), ("mail to ann@example.com",)]


def test_a_renewed_licence_gets_new_reminders_and_a_late_one_only_the_nearest(clinic):
    clinic.provider("ann", states="TX:2026-11-30")
    assert remind(clinic) == 1
    clinic.put({"id": "ann", "licences": [{"state": "TX", "number": "ann-TX", "expires_on": "2027-01-31"}]})
    assert remind(clinic) == 1 and remind(clinic) == 0
    assert clinic.rows("select days from payops.licence_reminders order by 1") == [(7,), (90,)]


@pytest.mark.usefixtures("rules")
def test_a_reminder_names_the_hour_the_patients_and_the_states_left_uncovered(clinic):
    clinic.put(
        {
            "id": "nan",
            "name": "Nan",
            "specialties": ["dermatology"],
            "licences": [{"state": "TX", "number": "H1", "compact": "NLC", "expires_on": "2026-12-01"}],
        }
    )
    clinic.provider("ann", states="TX")
    clinic.ask("AZ")
    remind(clinic)
    ((body,),) = clinic.rows("select body from payops.alert_messages")
    assert "at 2 Dec 2026, 01:00 EST" in body and "1 open consultation" in body
    left = body.split("No provider is left then in ")[1].split(", and checkouts")[0].split(", ")
    assert "Arizona" in left and "Texas" not in left
    policy = licensing_rules.load(clinic.db)["policy"]
    licensing_rules.set_policy(clinic.db, ADMIN, policy | {"refuse_unserved": False}, NOW, reason="a waiting list")
    remind(clinic, NOW + timedelta(days=3))
    assert "checkouts" not in newest(clinic) and "No provider is left then in" in newest(clinic)


def test_a_reminder_of_a_licence_that_nothing_depends_on_says_so_and_what_to_do(clinic):
    clinic.provider("ann", states="TX:2026-12-01")
    clinic.provider("ben", states="TX")
    remind(clinic)
    assert newest(clinic).split("\n\n") == [
        "The last day of Ann's licence in Texas (ann-TX) is 1 Dec 2026: it ends at 2 Dec 2026, 01:00 EST. "
        "After that no patient there is assigned to them.",
        "No open consultation or subscription depends on it.",
        "Once it is renewed, enter the new last day: https://console/providers?provider=ann",
    ]


def test_reminders_wait_while_there_is_no_target(clinic):
    clinic.provider("ann", states="TX:2026-12-01")
    assert remind(clinic, targets=()) == 0
    assert remind(clinic) == 1


def test_states_about_to_lose_their_last_provider_are_known_in_advance(clinic):
    clinic.provider("ann", states="TX:2026-12-20 CA:2026-12-10")
    clinic.provider("ben", states="CA")
    (risk,) = licensing_rules.states_at_risk(clinic.db, NOW, days=30)
    assert (risk["state"], risk["provider_name"]) == ("TX", "Ann")
    assert licensing_rules.states_at_risk(clinic.db, NOW, days=10) == []
    said = licensing_panel.risk_sentence([risk], "21 Dec 2026, 01:00 EST", refused=True)
    assert said == (
        "Texas will be without a provider from 21 Dec 2026, 01:00 EST. From then on checkouts there are refused."
    )
    many = licensing_panel.risk_sentence([risk, risk], "21 Dec 2026, 01:00 EST", refused=False)
    assert many == "2 states will be without a provider within 90 days, Texas first on 21 Dec 2026, 01:00 EST."


def test_the_providers_copy_goes_to_the_provider_alone(clinic):
    team = Target(
        1, SecretStr("mailtos://user:secret@mail.example.com?to=team@example.com&cc=boss@example.com&name=Ops")
    )
    alone = named(addressed(team.fingerprint, "ann@example.com"), [team])
    assert alone is not None
    assert alone.url.get_secret_value() == "mailtos://user:secret@mail.example.com?name=Ops&to=ann%40example.com"
    assert named(team.fingerprint, [team]) is team and named("gone to ann@example.com", [team]) is None


def test_many_licences_with_the_same_last_day_are_one_message_to_the_admins_and_one_to_each_provider(clinic):
    for n in range(reminders.MOST_ALONE + 2):
        clinic.provider(
            f"p{n}", states="TX:2026-12-15" if n else "TX:2026-12-15 ME:2026-12-15", email=f"p{n}@x.example"
        )
    assert remind(clinic) == reminders.MOST_ALONE + 3
    assert remind(clinic) == 0
    ((title, body),) = clinic.rows(
        "select m.title, m.body from payops.alert_messages m join payops.alert_deliveries d on d.message_id = m.id"
        " where d.target = 'chat'"
    )
    assert title == "payops: 8 licences end within 30 days, on 15 Dec 2026"
    assert "for patients in Maine, Texas" in body and "No provider is left then in Maine, Texas" in body
    assert body.endswith("https://console/providers?licences=2026-12-15")
    mails = clinic.rows("select target, count(*) from payops.alert_deliveries where target <> 'chat' group by 1")
    assert len(mails) == reminders.MOST_ALONE + 2 and dict(mails)["mail to p0@x.example"] == 2


def test_a_provider_reads_of_your_licence_and_gets_no_link_to_the_console(clinic):
    clinic.provider("ann", states="TX:2026-12-01", email="ann@example.com")
    remind(clinic)
    ((title, body),) = clinic.rows(
        "select m.title, m.body from payops.alert_messages m join payops.alert_deliveries d on d.message_id = m.id"
        " where d.target = 'mail to ann@example.com'"
    )
    assert title == "Your licence in Texas ends within 30 days"
    assert body.startswith("The last day of your licence in Texas (ann-TX) is 1 Dec 2026")
    assert "https://" not in body and body.endswith("Once it is renewed, tell the clinic the new last day.")
