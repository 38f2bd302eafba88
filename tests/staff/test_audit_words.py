"""The audit log in words."""

from zoneinfo import ZoneInfo

import pytest

from core.staff import audit_words
from core.staff.audit_words import Difference

ZONE = ZoneInfo("America/New_York")


def entry(**facts):
    return {
        "actor": "staff:ana",
        "action": "staff:user:role-set",
        "subject": "user:ben",
        "before": None,
        "after": None,
    } | facts


@pytest.mark.parametrize(
    ("actor", "words"),
    [
        ("staff:ana", "ana"),
        ("cli:root", "root (command line)"),
        ("system:worker", "payops (worker)"),
        ("staff:unknown:0123abcd", "an unknown user"),
        ("else:x", "else:x"),
        ("odd", "odd"),
    ],
)
def test_the_actor_is_shown_with_name_and_role(actor, words):
    assert audit_words.who(entry(actor=actor)) == words


@pytest.mark.parametrize(
    ("action", "words"),
    [
        ("staff:user:role-set", "Change role"),
        ("staff:flag:closed", "Pause flow"),
        ("payments:refund:begun", "Refund begun"),
        ("finance:month:closed", "Close month"),
        ("payments:email:looked-up", "Look up email"),
        ("payments:recovery:not-tried", "Skip scheduled retry"),
        ("staff:session:opened", "Sign in"),
        ("odd", "odd"),
    ],
)
def test_an_action_uses_the_verb_of_its_button(action, words):
    assert audit_words.action(entry(action=action)) == words


def test_a_reopening_names_the_earlier_state():
    opened = {"action": "payments:recovery:open", "after": {"state": "open"}}
    assert audit_words.action(entry(**opened, before={"state": "scheduled"})) == "Cancel scheduled retry"
    assert audit_words.action(entry(**opened, before={"state": "stopped"})) == "Resume retries"


@pytest.mark.parametrize(
    ("action", "subject", "words"),
    [
        ("staff:session:opened", "user:ana", "ana signed in"),
        ("staff:user:role-set", "user:ben", "ana changed role of user ben"),
        ("payments:refund:begun", "re:re_1", "ana began refund re_1"),
        ("providers:consultation:assigned", "consultation:cons_1", "ana assigned consultation cons_1"),
        ("finance:bank-statement:imported", "bank-statement:7", "ana imported bank statement 7"),
        ("staff:flag:closed", "flag:refunds", "ana paused flow, flag refunds"),
        ("payments:recovery:not-tried", "payment:pi_1", "ana skipped scheduled retry, payment pi_1"),
    ],
)
def test_an_entry_reads_as_a_sentence(action, subject, words):
    assert audit_words.sentence(entry(action=action, subject=subject, outcome="done")) == words


@pytest.mark.parametrize(
    ("subject", "words"),
    [("user:ben", "user ben"), ("re:re_1", "re_1"), ("user:unknown:0f", "unknown user"), ("x", "x")],
)
def test_an_object_is_named_once_in_an_entry(subject, words):
    assert audit_words.thing(entry(subject=subject)) == words


def test_changes_are_shown_in_words():
    changed = entry(
        before={
            "role": "ops",
            "active": True,
            "same": 1,
            "at": "2026-11-24T12:00:00+00:00",
            "currency": "usd",
            "left_minor": 1250,
        },
        after={
            "role": "finance",
            "active": False,
            "same": 1,
            "at": None,
            "currency": "usd",
            "left_minor": 0,
            "more": {"a": [1]},
        },
    )
    assert audit_words.changed(changed, ZONE) == [
        Difference("active", "yes", "no"),
        Difference("at", "24 Nov 2026, 07:00:00 EST", "—"),
        Difference("left", "$12.50", "$0.00"),
        Difference("more.a", "—", "[1]"),
        Difference("role", "ops", "finance"),
    ]
    assert audit_words.changed_in_short(changed, ZONE) == "active, at, left, more.a, role"
    assert (
        audit_words.changed_in_short(entry(before={"role": "ops"}, after={"role": "admin"}), ZONE)
        == "role: ops → admin"
    )
    assert audit_words.changed_in_short(entry(after={"address": "x"}), ZONE) == "address: x"
