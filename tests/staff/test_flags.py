"""The flows' switches: known within seconds everywhere, and kept while they cannot be read."""

import pytest

from core.errors import Refused, Unavailable
from core.periods import wall_clock
from core.staff import flags
from core.staff.flags import Flags, Flow
from core.staff.roles import Actor, Role

ADMIN = Actor("staff:ada", Role.ADMIN)


class CanBeAway:
    """The database, which a test can take away."""

    def __init__(self, database):
        self.database = database
        self.away = False

    def call(self, function, /, **arguments):
        if self.away:
            raise Unavailable("database_unavailable", "The database did not answer.")
        return self.database.call(function, **arguments)


@pytest.fixture
def store(database, owner):
    return CanBeAway(database)


def close(store, flow, sentence="We are counting the till."):
    return flags.switch(store, ADMIN, flow, open=False, sentence=sentence, reason="an audit", now=wall_clock())


def refusal(known, flow):
    with pytest.raises(Unavailable) as refused:
        known.require(flow)
    return refused.value


def test_a_paused_flow_is_refused_with_its_sentence_and_others_work(store):
    close(store, Flow.REFUNDS)
    known = Flags(store, suspended=False)
    assert (refusal(known, Flow.REFUNDS).code, refusal(known, Flow.REFUNDS).detail) == (
        "flow_disabled",
        "We are counting the till.",
    )
    for flow in set(Flow) - {Flow.REFUNDS}:
        known.require(flow)


def test_the_audit_log_says_who_switched_what_and_why(store, owner):
    close(store, Flow.CHECKOUT)
    flag = flags.read(store)[Flow.CHECKOUT]
    assert (flag.open, flag.changed_by, flag.reason) == (False, "staff:ada", "an audit")
    written = owner.execute(
        "select actor, action, reason from payops.audit_log where subject = 'flow:checkout'"
    ).fetchall()
    assert written == [("staff:ada", "staff:flag:closed", "an audit")]


@pytest.mark.parametrize(
    ("sentence", "reason", "code"),
    [
        (" ", "an audit", "sentence_missing"),
        ("Back soon.", " ", "reason_missing"),
        ("x" * 301, "an audit", "sentence_too_long"),
    ],
)
def test_pausing_needs_a_sentence_for_customers_and_a_reason(store, sentence, reason, code):
    with pytest.raises(Refused, match=code):
        flags.switch(store, ADMIN, Flow.CHECKOUT, open=False, sentence=sentence, reason=reason, now=wall_clock())
    assert flags.read(store)[Flow.CHECKOUT].open


def test_another_process_follows_after_its_cache_expires(store):
    seconds = [100.0]
    elsewhere = Flags(store, suspended=False, ticks=lambda: seconds[0])
    elsewhere.require(Flow.RETRIES)
    close(store, Flow.RETRIES)
    seconds[0] += flags.EFFECT_SECONDS
    assert refusal(elsewhere, Flow.RETRIES).code == "flow_disabled"


def test_while_the_switches_cannot_be_read_the_last_known_ones_stay(store):
    seconds = [100.0]
    known = Flags(store, suspended=False, ticks=lambda: seconds[0])
    close(store, Flow.REFUNDS)
    known.all()
    store.away, seconds[0] = True, 1000.0
    assert refusal(known, Flow.REFUNDS).code == "flow_disabled"
    known.require(Flow.CHECKOUT)


def test_switches_that_were_never_read_let_nothing_through(store):
    store.away = True
    assert refusal(Flags(store, suspended=False), Flow.REFUNDS).code == "database_unavailable"


def test_suspended_payments_refuse_everything_that_moves_money_whatever_the_switches_say(store):
    known = Flags(store, suspended=True)
    for flow in set(Flow) - {Flow.DISCOUNTS}:
        assert refusal(known, flow).detail == flags.SUSPENDED
    close(store, Flow.CHECKOUT, "Come back on Monday.")
    assert refusal(Flags(store, suspended=True), Flow.CHECKOUT).detail == "Come back on Monday."
    known.require(Flow.DISCOUNTS)
