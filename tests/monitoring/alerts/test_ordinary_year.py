"""All rules together raise a handful of false alarms at most in a normal year; a bad hour is found."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from core.monitoring.alerts import dry_run
from core.monitoring.alerts.rules import RULES
from tests.conftest import empty

NOON = datetime(2026, 11, 24, 17, tzinfo=UTC)  # a Tuesday, 12:00 in New York
A_HANDFUL = 5  # in a year, of all rules together
YEAR = Path(__file__).with_name("ordinary_year.sql").read_text()
# Each of these judged by figures, at least so often; the others are about one dispute, licence, payout or mismatch.
JUDGED = {
    "success_rate_low": 3000,
    "success_rate_dropped": 3000,
    "decline_code_rising": 3000,
    "issuer_country_rising": 500,
    "webhook_silence": 10_000,
    "webhook_backlog": 0,  # it counts what waits
    "webhook_handling_slow": 300,
    "assignment_slow": 150,
    "assignment_failing": 300,
    "waiting_too_long": 0,
    "network_headroom": 100,
    "mirror_inaccurate": 1000,
}


@pytest.fixture(scope="module")
def ordinary_year(server, database):
    with psycopg.connect(server.owner_conninfo, autocommit=True) as connection:
        empty(connection)
        # Deleted rows leave pages. Analysed, they make the planner expect no row in them for ever, and triggers slow.
        connection.execute("vacuum")
        connection.execute("select setseed(0.20261124)")
        for statement in YEAR.split(";\n"):
            if statement.strip():
                connection.execute(statement, {"until": NOON} if "%" in statement else None)
        yield connection
        empty(connection)


def least(name):
    """How many observations it takes; a silence is one, and its minimum is about what it is compared with."""
    return 1 if name == "webhook_silence" else RULES[name].minimum


def step_minutes(rule):
    """Small enough that no alarm falls between two steps: a rule with a long window changes slowly."""
    if not rule.has_window:
        return 240
    return 60 if rule.window_minutes >= 180 else 30


def test_a_year_of_ordinary_noise_sets_off_a_handful_of_false_alarms_at_most(database, ordinary_year):
    false_alarms = {}
    for name, rule in RULES.items():
        past = dry_run.over(database, rule, NOON - timedelta(days=365), NOON, step_minutes=step_minutes(rule))
        judged = sum(each.value is not None and each.observations >= least(name) for each in past.observed)
        assert judged >= JUDGED.get(name, 0), f"{name} had too little to judge by: {judged}"
        false_alarms[name] = len(past.episodes)
    assert sum(false_alarms.values()) <= A_HANDFUL, false_alarms


def test_a_bad_hour_in_that_year_is_found(database, ordinary_year):
    """Half of the payments of three hours fail, as in a processor's outage."""
    since, until = NOON - timedelta(days=40), NOON - timedelta(days=40) + timedelta(hours=3)
    ordinary_year.execute(
        "update payops.payment_facts set state = 'failed', decline_code = 'processing_error'"
        " where first_attempt_at >= %s and first_attempt_at < %s and hashtext(payment_intent_id) %% 2 = 0",
        (since, until),
    )
    for name in ("success_rate_low", "success_rate_dropped", "decline_code_rising", "issuer_country_rising"):
        past = dry_run.over(database, RULES[name], since - timedelta(days=1), until + timedelta(days=1))
        (only,) = past.episodes
        assert since < only.first.at <= until
        assert only.until > until
