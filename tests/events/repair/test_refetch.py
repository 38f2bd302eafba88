"""Tied rows are fetched from Stripe one by one, and an unreadable answer blocks no other."""

from datetime import UTC, datetime, timedelta

import pytest

from core.events import inbox
from core.events.repair.refetch import refetch_tied
from core.events.retries import retry_failed_events
from tests.factories import START, body_of, charge, event

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


class Answering:
    """A Stripe that holds these answers by path."""

    def __init__(self, **answers):
        self.answers = answers

    def retrieve(self, path):
        return self.answers[path.rpartition("/")[2]]


def receive(database, *events):
    batch = [inbox.prepare(each, body_of(each), livemode=False) for each in events]
    return inbox.receive(database, batch, now=NOW)


def tied(owner):
    return {row for (row,) in owner.execute("select id from payops.charges where tied")}


def test_an_unreadable_answer_for_a_tie_blocks_no_other(database, owner):
    for number, charge_id in enumerate(["ch_unreadable", "ch_readable"]):
        subject = charge(id=charge_id)
        receive(
            database,
            event(f"evt_{charge_id}_1", "charge.succeeded", subject, at=START + number),
            event(f"evt_{charge_id}_2", "charge.updated", subject, at=START + number),
        )
    stripe = Answering(ch_unreadable={"object": "balance"}, ch_readable=charge(id="ch_readable"))
    assert refetch_tied(database, stripe, clock=lambda: NOW, livemode=False) == 2
    assert tied(owner) == {"ch_unreadable"}
    assert refetch_tied(database, stripe, clock=lambda: NOW, livemode=False) == 0  # skipped until tomorrow
    assert owner.execute("select kind, title, sample from payops.incidents").fetchall() == [
        (
            "object_skipped",
            "Objects were skipped: refetch tied objects.",
            {"object": "ch_unreadable", "reason": "KeyError: 'amount'"},
        )
    ]
    assert refetch_tied(database, stripe, clock=lambda: NOW + timedelta(days=1, seconds=1), livemode=False) == 1


@pytest.mark.parametrize("answer", [{"object": "list", "data": []}, event("evt_other", "charge.succeeded", charge())])
def test_an_answer_with_another_event_is_rejected(database, owner, answer):
    unreadable = charge()
    del unreadable["amount"]
    receive(database, event("evt_1", "charge.succeeded", unreadable))
    soon = datetime(2026, 11, 24, 12, 1, tzinfo=UTC)
    assert retry_failed_events(database, Answering(evt_1=answer), clock=lambda: soon, livemode=False) == 1
    assert owner.execute("select outcome, attempts, reason from payops.event_handlings").fetchall() == [
        ("failed", 2, "Stripe answered with another object")
    ]
    assert owner.execute("select count(*) from payops.charges").fetchone() == (0,)
