"""Flows that are paused by plan, by their guards, or all at once."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from core.errors import Refused, Unauthorised, Unavailable
from core.monitoring.alerts import rule_changes
from core.monitoring.alerts.rules import RULES
from core.staff import flag_plans, flags
from core.staff.flags import Flags, Flow
from core.staff.roles import Actor, Role

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
SOON, LATER = NOW + timedelta(hours=1), NOW + timedelta(hours=2)
ADMIN, FINANCE = Actor("staff:ada", Role.ADMIN), Actor("staff:fay", Role.FINANCE)
WORDS = {"sentence": "Back in an hour.", "reason": "maintenance at the bank"}


def paused(database):
    return {flow for flow, flag in flags.read(database).items() if not flag.open}


def fire(owner, rule, at, resolved=None):
    owner.execute(
        "insert into payops.alerts (rule, key, severity, sentence, firing_since, last_fired_at, resolved_at)"
        " values (%s, 'usd', 'error', 'Success rate is 61 %%.', %s, %s, %s)",
        (rule, at, at, resolved),
    )


def test_a_pause_begins_and_ends_at_its_times_in_the_planners_name(database, owner):
    end = SOON + timedelta(hours=1)
    flag_plans.plan(database, ADMIN, Flow.REFUNDS, pause_at=SOON, resume_at=end, **WORDS, now=NOW)
    assert [plan["open"] for plan in flag_plans.read(database)["plans"]] == [False, True]
    for at, expected in (
        (SOON - timedelta(seconds=1), set()),
        (SOON, {Flow.REFUNDS}),
        (end - timedelta(seconds=1), {Flow.REFUNDS}),
        (end, set()),
    ):
        database.call("switch_planned", now=at)
        assert paused(database) == expected
    changes = flag_plans.history(database, Flow.REFUNDS)
    assert [(change["action"], change["actor"]) for change in changes[:2]] == [
        ("staff:flag:opened", "staff:ada"),
        ("staff:flag:closed", "staff:ada"),
    ]
    assert changes[1]["reason"] == "Planned: maintenance at the bank"
    assert flag_plans.read(database)["plans"] == []


def test_a_worker_catches_up_on_missed_switches_in_order(database, owner):
    end = SOON + timedelta(hours=1)
    flag_plans.plan(database, ADMIN, Flow.CHECKOUT, pause_at=SOON, resume_at=end, **WORDS, now=NOW)
    assert database.call("switch_planned", now=NOW + timedelta(days=1)) == 2
    assert paused(database) == set()
    assert database.call("switch_planned", now=NOW + timedelta(days=1)) == 0


def test_a_withdrawn_plan_is_not_done(database, owner):
    flag_plans.plan(database, ADMIN, Flow.CHECKOUT, pause_at=SOON, resume_at=LATER, **WORDS, now=NOW)
    (plan, _) = flag_plans.read(database)["plans"]
    flag_plans.withdraw(database, ADMIN, plan["id"], NOW)
    with pytest.raises(Refused, match="not_planned"):
        flag_plans.withdraw(database, ADMIN, plan["id"], NOW)
    assert flag_plans.read(database)["plans"] == []  # its end went with it
    database.call("switch_planned", now=SOON)
    assert paused(database) == set()


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"pause_at": NOW}, "already_past"),
        ({"resume_at": SOON}, "bad_period"),
        ({"pause_at": None, "resume_at": None}, "no_time"),
        ({"pause_at": None}, "not_paused"),
        ({"sentence": " "}, "sentence_missing"),
        ({"reason": " "}, "reason_missing"),
        ({"sentence": "x" * 301}, "sentence_too_long"),
    ],
)
def test_an_invalid_plan_is_refused(database, owner, changed, code):
    asked = {"pause_at": SOON, "resume_at": LATER, "now": NOW} | WORDS | changed
    with pytest.raises(Refused, match=code):
        flag_plans.plan(database, ADMIN, Flow.CHECKOUT, **asked)


MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.mark.parametrize(
    ("second", "taken"),
    [
        ({"pause_at": SOON + 10 * MINUTE, "resume_at": LATER - 10 * MINUTE}, False),  # within the first
        ({"pause_at": SOON + 10 * MINUTE, "resume_at": LATER + HOUR}, False),  # its end would be ended by the first's
        ({"pause_at": SOON - 10 * MINUTE, "resume_at": SOON + 10 * MINUTE}, False),
        ({"pause_at": SOON - 10 * MINUTE, "resume_at": LATER + HOUR}, False),  # around the first
        ({"pause_at": SOON, "resume_at": LATER}, False),
        ({"pause_at": LATER, "resume_at": LATER + HOUR}, False),  # at one moment both
        ({"pause_at": SOON - 10 * MINUTE}, False),  # without an end, which the first would give it
        ({"resume_at": SOON + 10 * MINUTE}, False),
        ({"pause_at": LATER + MINUTE, "resume_at": LATER + HOUR}, True),
        ({"pause_at": SOON - 20 * MINUTE, "resume_at": SOON - MINUTE}, True),
        ({"pause_at": LATER + MINUTE}, True),
    ],
)
def test_plans_that_contradict_one_another_are_refused_with_what_is_planned(database, owner, second, taken):
    flag_plans.plan(database, ADMIN, Flow.CHECKOUT, pause_at=SOON, resume_at=LATER, **WORDS, now=NOW)
    flag_plans.plan(database, ADMIN, Flow.REFUNDS, **{"pause_at": SOON} | second, **WORDS, now=NOW)  # another flow
    if taken:
        flag_plans.plan(database, ADMIN, Flow.CHECKOUT, **second, **WORDS, now=NOW)
    else:
        with pytest.raises(Refused, match="contradicts") as refused:
            flag_plans.plan(database, ADMIN, Flow.CHECKOUT, **second, **WORDS, now=NOW)
        assert "pauses 27 Nov 2026, 08:00, resumes 27 Nov 2026, 09:00" in refused.value.detail


def test_the_end_of_a_pause_that_runs_already_can_be_planned(database, owner):
    flags.switch(database, ADMIN, Flow.REFUNDS, open=False, sentence="Soon.", reason="audit", now=NOW)
    flag_plans.plan(database, ADMIN, Flow.REFUNDS, resume_at=LATER, reason="it is over", now=SOON)
    database.call("switch_planned", now=LATER)
    assert paused(database) == set()


def by_hand(database, owner, at):
    flags.switch(database, ADMIN, Flow.CHECKOUT, open=False, sentence="Stop.", reason="fraud", now=at)


def by_the_stop_switch(database, owner, at):
    flag_plans.stop_new_money(database, ADMIN, sentence="Stop.", reason="fraud", now=at)


def by_its_guard(database, owner, at):
    fire(owner, "success_rate_low", at)
    database.call("pause_guarded", now=at)


@pytest.mark.parametrize("pause", [by_hand, by_the_stop_switch, by_its_guard])
def test_a_planned_resume_does_not_end_a_pause_that_was_made_since(database, owner, pause):
    """The planned pause was over early, and then something went wrong: its planned end must not let money in."""
    flag_plans.plan(database, ADMIN, Flow.CHECKOUT, pause_at=SOON, resume_at=LATER, **WORDS, now=NOW)
    flag_plans.guard(database, ADMIN, Flow.CHECKOUT, "success_rate_low", **WORDS, now=NOW)
    database.call("switch_planned", now=SOON)
    flags.switch(database, ADMIN, Flow.CHECKOUT, open=True, sentence="", reason="done early", now=SOON + MINUTE)
    pause(database, owner, SOON + 10 * MINUTE)
    assert database.call("switch_planned", now=LATER) == 0
    assert Flow.CHECKOUT in paused(database)
    assert flag_plans.read(database)["plans"] == []
    newest = flag_plans.history(database, Flow.CHECKOUT)[0]
    assert newest["action"] == "staff:flag:plan-not-done" and "paused it since" in newest["reason"]
    said = owner.execute("select title from payops.incidents where kind = 'flow_plan_not_done'").fetchall()
    assert said == [("A planned resume of a payment flow was not done.",)]


def test_the_end_of_a_planned_pause_does_not_overrule_a_guard(database, owner):
    flag_plans.guard(database, ADMIN, Flow.CHECKOUT, "success_rate_low", **WORDS, now=NOW)
    flag_plans.plan(database, ADMIN, Flow.CHECKOUT, pause_at=SOON, resume_at=LATER, **WORDS, now=NOW)
    database.call("switch_planned", now=SOON)
    fire(owner, "success_rate_low", SOON + MINUTE)  # while the flow is paused anyway
    assert database.call("pause_guarded", now=SOON + MINUTE) == []
    assert database.call("switch_planned", now=LATER) == 1
    assert database.call("pause_guarded", now=LATER) == ["checkout"]


def test_a_plan_of_a_former_admin_is_not_done(database, owner):
    words = {"actor": "cli:x", "actor_role": "admin", "email": "ada@clinic.org", "password_hash": "x" * 60, "now": NOW}
    database.call("add_user", name="ada", role="admin", must_change_password=False, **words)
    flag_plans.plan(database, ADMIN, Flow.REFUNDS, pause_at=SOON, **WORDS, now=NOW)
    owner.execute("update payops.staff set active = false")
    assert database.call("switch_planned", now=SOON) == 0
    assert paused(database) == set()
    assert "is no longer an admin" in flag_plans.history(database, Flow.REFUNDS)[0]["reason"]


def test_of_two_simultaneous_admins_the_second_is_refused(database, owner):
    switched = {"sentence": "Soon.", "now": NOW}
    flags.switch(database, ADMIN, Flow.REFUNDS, open=False, reason="the bank is away", **switched)
    with pytest.raises(Refused, match="already_paused") as refused:
        flags.switch(database, Actor("staff:bob", Role.ADMIN), Flow.REFUNDS, open=False, reason="audit", **switched)
    assert refused.value.detail == ("Refunds: paused already by ada. Nothing was changed. Its reason: the bank is away")
    assert flags.read(database)[Flow.REFUNDS].reason == "the bank is away"
    flags.switch(database, ADMIN, Flow.REFUNDS, open=True, reason="it is back", **switched)
    with pytest.raises(Refused, match="already_running"):
        flags.switch(database, ADMIN, Flow.REFUNDS, open=True, reason="it is back", **switched)
    assert len(flag_plans.history(database, Flow.REFUNDS)) == 2


def test_two_admins_in_the_same_moment_switch_once(database, owner):
    def pause(name):
        try:
            flags.switch(
                database, Actor(name, Role.ADMIN), Flow.CHECKOUT, open=False, sentence="x", reason="y", now=NOW
            )
        except Refused as refused:
            return refused.code
        return "paused"

    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(pause, [f"staff:admin{number}" for number in range(8)]))
    assert sorted(said) == ["already_paused"] * 7 + ["paused"]


def test_a_guard_without_a_rule_or_of_one_that_is_off_is_refused_and_without_data_it_does_nothing(database, owner):
    with pytest.raises(Refused, match="unknown_rule"):
        flag_plans.guard(database, ADMIN, Flow.CHECKOUT, "success_rate", **WORDS, now=NOW)
    flag_plans.guard(database, ADMIN, Flow.CHECKOUT, "success_rate_low", **WORDS, now=NOW)
    assert database.call("pause_guarded", now=SOON) == []
    off = replace(RULES["success_rate_low"], enabled=False)
    rule_changes.change(database, ADMIN, off, "noise", NOW)
    assert [guard["rule_is_on"] for guard in flag_plans.read(database)["guards"]] == [False]
    with pytest.raises(Refused, match="rule_is_off"):
        flag_plans.guard(database, ADMIN, Flow.REFUNDS, "success_rate_low", **WORDS, now=NOW)


def test_a_guard_pauses_its_flow_when_its_rule_fires_and_overrules_nobody(database, owner):
    flag_plans.guard(database, ADMIN, Flow.ONE_TIME, "success_rate_low", **WORDS, now=NOW)
    fire(owner, "success_rate_low", NOW - timedelta(hours=1))  # it fired before the guard was set
    assert database.call("pause_guarded", now=NOW) == []
    owner.execute("update payops.alerts set resolved_at = %s", (NOW,))
    fire(owner, "success_rate_low", SOON)
    assert database.call("pause_guarded", now=SOON) == ["one_time"]
    flag = flags.read(database)[Flow.ONE_TIME]
    assert (flag.open, flag.changed_by) == (False, "system:guard")
    assert flag.reason == "Paused by its guard: Success rate is 61 %."
    with pytest.raises(Unavailable, match="Back in an hour"):
        Flags(database, suspended=False).require(Flow.ONE_TIME)
    later = SOON + timedelta(minutes=5)
    flags.switch(database, ADMIN, Flow.ONE_TIME, open=True, sentence="", reason="looked at it", now=later)
    assert database.call("pause_guarded", now=later + timedelta(minutes=1)) == []  # the same alert
    assert owner.execute("select kind, sample ->> 'flow' from payops.incidents").fetchall() == [
        ("flow_paused_by_guard", "one_time")
    ]


def test_a_removed_guard_pauses_nothing(database, owner):
    flag_plans.guard(database, ADMIN, Flow.ONE_TIME, "success_rate_low", **WORDS, now=NOW)
    flag_plans.remove_guard(database, ADMIN, Flow.ONE_TIME, "success_rate_low", reason="too nervous", now=NOW)
    fire(owner, "success_rate_low", SOON)
    assert database.call("pause_guarded", now=SOON) == []
    with pytest.raises(Refused, match="no_guard"):
        flag_plans.remove_guard(database, ADMIN, Flow.ONE_TIME, "success_rate_low", reason="x", now=NOW)


def test_the_stop_switch_pauses_all_that_takes_money_and_leaves_refunds(database, owner):
    flags.switch(database, ADMIN, Flow.CHECKOUT, open=False, sentence="Shop closed.", reason="stock", now=NOW)
    stopped = flag_plans.stop_new_money(database, ADMIN, **WORDS, now=SOON)
    assert stopped == [Flow.ONE_TIME, Flow.SUBSCRIPTIONS, Flow.RETRIES]
    assert paused(database) == {Flow.CHECKOUT, Flow.ONE_TIME, Flow.SUBSCRIPTIONS, Flow.RETRIES}
    assert flags.read(database)[Flow.CHECKOUT].sentence == "Shop closed."


def test_only_an_admin_may_plan(database, owner):
    for act in (
        lambda: flag_plans.plan(database, FINANCE, Flow.CHECKOUT, pause_at=SOON, **WORDS, now=NOW),
        lambda: flag_plans.withdraw(database, FINANCE, 1, NOW),
        lambda: flag_plans.guard(database, FINANCE, Flow.CHECKOUT, "success_rate_low", **WORDS, now=NOW),
        lambda: flag_plans.remove_guard(database, FINANCE, Flow.CHECKOUT, "x", reason="x", now=NOW),
        lambda: flag_plans.stop_new_money(database, FINANCE, **WORDS, now=NOW),
    ):
        with pytest.raises(Unauthorised):
            act()
