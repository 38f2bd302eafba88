"""Who is refused at the webhook is counted, too much of it is an
incident, and a secret shows when it is used no more.
"""

from datetime import UTC, datetime, timedelta

import pytest

from core.errors import Unavailable
from core.events import inbox, webhook_counters
from core.events.webhook_counters import MAX_SENDERS, OTHERS, CounterFlusher, Tally
from tests.factories import body_of, charge, event
from tests.loops import run_apart

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
OLD, NEW = "whsec_" + "a" * 32, "whsec_" + "b" * 32


def tell(database, counted, *, secrets=(NEW, OLD), now=NOW):
    async def once():
        await CounterFlusher(counted, database, secrets, lambda: now).close()

    run_apart(once())


def refused(times, *, address="203.0.113.9", reason="bad_signature"):
    counted = Tally()
    for _ in range(times):
        counted.rejected(address, reason)
    return counted


def incidents(owner):
    return owner.execute(
        "select fingerprint, occurrences from payops.incidents where kind = 'webhook_attack' order by fingerprint"
    ).fetchall()


def test_refusals_are_counted_by_sender_and_reason(database, owner):
    counted = refused(3)
    counted.rejected("203.0.113.9", "stale_timestamp")
    counted.rejected("198.51.100.7", "bad_signature")
    tell(database, counted)
    tell(database, refused(2))
    found = webhook_counters.rejections(database, NOW - timedelta(hours=1))
    assert {(each["address"], each["reason"]): each["times"] for each in found} == {
        ("203.0.113.9", "bad_signature"): 5,
        ("203.0.113.9", "stale_timestamp"): 1,
        ("198.51.100.7", "bad_signature"): 1,
    }
    assert incidents(owner) == []


def test_past_the_rate_it_is_one_incident_a_sender(database, owner):
    tell(database, refused(19))
    assert incidents(owner) == []
    tell(database, refused(1), now=NOW + timedelta(minutes=3))
    tell(database, refused(5), now=NOW + timedelta(minutes=3))
    assert incidents(owner) == [("bad_signature 203.0.113.9", 6)]


def test_the_same_number_over_a_longer_time_is_no_incident(database, owner):
    for minutes in range(0, 40, 2):
        tell(database, refused(2), now=NOW + timedelta(minutes=minutes))
    assert incidents(owner) == []


def test_many_senders_who_each_stay_below_the_rate_are_one_incident_together(database, owner):
    counted = Tally()
    for number in range(40):
        for _ in range(6):
            counted.rejected(f"203.0.113.{number}", "bad_signature")
    tell(database, counted)
    assert [fingerprint for fingerprint, _ in incidents(owner)] == ["bad_signature many senders"]


def test_a_flood_from_changing_senders_is_counted_in_bounded_memory():
    counted = Tally()
    for number in range(3 * MAX_SENDERS):
        counted.rejected(f"sender {number}", "bad_signature")
    assert len(counted.rejections) == MAX_SENDERS + 1
    assert counted.rejections[OTHERS, "bad_signature"] == 2 * MAX_SENDERS


def test_unreported_counts_are_reported_later(database, owner):
    class Away:
        def call(self, function, /, **arguments):
            raise Unavailable("database_unavailable")

    counted = refused(3)
    tell(Away(), counted)
    assert counted.rejections["203.0.113.9", "bad_signature"] == 3
    tell(database, counted)
    assert counted.rejections == {} and len(webhook_counters.rejections(database, NOW)) == 1


@pytest.mark.parametrize(
    ("host", "counted"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("testclient", "unknown"),
        (None, "unknown"),
    ],
)
def test_a_sender_is_an_address_or_the_network_of_one_subscriber(host, counted):
    assert webhook_counters.sender(host) == counted


def deliver(database, told, address, *, body=None):
    prepared = inbox.prepare(told, body or body_of(told), livemode=False, address=address)
    return inbox.receive(database, [prepared], now=NOW)[0]


def test_an_applied_body_that_comes_again_from_elsewhere_is_counted_there_and_past_the_rate_an_incident(
    database, owner
):
    told = event("evt_1", "charge.succeeded", charge())
    deliver(database, told, "198.51.100.7")
    assert deliver(database, told, "198.51.100.7") == "duplicate"
    assert webhook_counters.rejections(database, NOW - timedelta(minutes=1)) == []
    for _ in range(20):
        assert deliver(database, told, "203.0.113.9") == "duplicate"
    (found,) = webhook_counters.rejections(database, NOW - timedelta(minutes=1))
    assert (found["address"], found["reason"], found["times"]) == ("203.0.113.9", "redelivered_from_elsewhere", 20)
    assert incidents(owner) == [("redelivered_from_elsewhere 203.0.113.9", 1)]
    assert owner.execute("select count(*) from payops.charges").fetchone() == (1,)


def used(index, times=1):
    counted = Tally()
    counted.verified[index] += times
    return counted


def test_a_secret_that_no_longer_verifies_while_another_does_is_shown_as_unused(database, owner):
    tell(database, used(1, times=3), now=NOW - timedelta(days=3))
    tell(database, used(0, times=2), now=NOW - timedelta(days=2))
    tell(database, used(1), now=NOW - timedelta(days=2))
    tell(database, used(0), now=NOW)
    new, old = webhook_counters.secret_uses(database, (NEW, OLD), NOW + timedelta(minutes=1))
    assert (new.number, new.last_used_at, new.times_in_30_days, new.no_longer_used) == (1, NOW, 3, False)
    assert (old.last_used_at, old.times_in_30_days, old.no_longer_used) == (NOW - timedelta(days=2), 4, True)


def test_a_secret_is_not_called_unused_while_nothing_at_all_comes_in(database, owner):
    tell(database, used(1), now=NOW - timedelta(days=5))
    assert [each.no_longer_used for each in webhook_counters.secret_uses(database, (NEW, OLD), NOW)] == [False, False]


def test_a_new_secret_that_was_never_used_is_not_to_be_taken_out_while_it_waits_for_the_roll(database, owner):
    tell(database, used(1), now=NOW)
    new, old = webhook_counters.secret_uses(database, (NEW, OLD), NOW)
    assert (new.last_used_at, new.no_longer_used, old.no_longer_used) == (None, False, False)


def test_no_secret_is_stored(database, owner):
    tell(database, used(0))
    stored = owner.execute("select string_agg(to_jsonb(s)::text, '') from payops.webhook_secret_uses as s").fetchone()[
        0
    ]
    assert NEW not in stored and NEW.removeprefix("whsec_") not in stored
