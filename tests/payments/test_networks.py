"""The card networks' monthly counts, and the distance to their limits."""

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from core.errors import Refused, Unauthorised
from core.monitoring import metrics
from core.payments.disputes import networks
from core.periods import Period
from tests.payments.conftest import ADMIN, FINANCE, SUPPORT

ZONE = ZoneInfo("America/New_York")
DAY = date(2026, 11, 20)
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
STAMP = {"livemode": False, "as_of": NOW.isoformat(), "state_rank": 0, "event_id": "fetch"}


def charge(number, created, brand="visa", currency="usd", **fields):
    return (
        STAMP
        | {
            "id": f"ch_{number}",
            "created": created,
            "payment_intent_id": f"pi_{number}",
            "amount_minor": 100,
            "currency": currency,
            "amount_captured_minor": 100,
            "amount_refunded_minor": 0,
            "status": "succeeded",
            "captured": True,
            "disputed": False,
            "card_brand": brand,
        }
        | fields
    )


def intent(of):
    return STAMP | {
        "id": of["payment_intent_id"],
        "created": of["created"],
        "amount_minor": 100,
        "currency": of["currency"],
        "amount_received_minor": 100,
        "status": "succeeded",
    }


def dispute(number, created, brand="visa", currency="usd", status="needs_response"):
    return STAMP | {
        "id": f"dp_{number}",
        "created": created,
        "charge_id": f"ch_{number}",
        "amount_minor": 100,
        "currency": currency,
        "status": status,
        "card_brand": brand,
        "has_evidence": False,
        "submission_count": 0,
    }


def warning(number, created):
    return STAMP | {"id": f"issfr_{number}", "created": created, "charge_id": f"ch_{number}", "actionable": False}


@pytest.fixture
def a_month(database, owner):
    """November: 200 payments by Visa, one of which is both disputed and reported; October: 100 by Mastercard."""
    charges = [charge(n, "2026-11-05T12:00Z") for n in range(200)]
    charges += [charge(n, "2026-10-05T12:00Z", "mastercard") for n in range(200, 300)]
    charges += [charge(300, "2026-11-05T12:00Z", currency="eur"), charge(301, "2026-11-21T12:00Z")]
    charges += [charge(302, "2026-11-06T12:00Z", status="failed", captured=False, amount_captured_minor=0)]
    database.call(
        "load_records",
        records={
            "payment_intents": [intent(each) for each in charges],
            "charges": charges,
            "disputes": [
                dispute(1, "2026-11-10T12:00Z"),
                dispute(2, "2026-11-11T12:00Z", status="lost"),
                dispute(3, "2026-10-31T12:00Z"),
                dispute(4, "2026-11-21T12:00Z"),
                dispute(300, "2026-11-10T12:00Z", currency="eur"),
                dispute(200, "2026-11-12T12:00Z", "mastercard"),
                dispute(201, "2026-11-12T12:00Z", "mastercard", status="warning_closed"),
            ],
            "early_fraud_warnings": [
                warning(1, "2026-11-09T12:00Z"),
                warning(5, "2026-11-09T12:00Z"),
                warning(200, "2026-11-09T12:00Z"),
            ],
        },
    )


def test_a_payment_that_is_disputed_and_reported_counts_twice_at_visa(a_month, database):
    visa, mastercard = networks.month_counts(database, DAY, "usd")
    assert (visa.disputes, visa.fraud_warnings, visa.payments) == (2, 2, 200)
    assert visa.ratio == pytest.approx(0.02)
    assert visa.events_in_all_currencies == 5
    assert (mastercard.events, mastercard.payments) == (1, 100)


def test_the_ratio_of_the_figures_is_over_all_currencies(a_month, database):
    period = Period(date(2026, 11, 1), DAY, ZONE)
    found = metrics.overview(database, period, currency="usd", now=NOW)["metrics"]["vamp_ratio"]
    assert (found["numerator"], found["denominator"], found["value"]) == (5, 201, pytest.approx(5 / 201))
    another = metrics.overview(database, period, currency="gbp", now=NOW)["metrics"]["vamp_ratio"]
    assert another["value"] == pytest.approx(5 / 201)


def test_it_says_how_many_events_are_left_to_each_limit(a_month, database):
    visa, mastercard = networks.month_counts(database, DAY, "usd")
    assert [(limit.name, limit.left) for limit in visa.limits] == [("non-compliant", 1), ("excessive", 1496)]
    assert [(limit.name, limit.left) for limit in mastercard.limits] == [("excessive", 99), ("high excessive", 299)]
    said = networks.in_words(visa)
    assert (
        said == "4 of 200 payments, 2.00%; 1 more reach the non-compliant limit; 1,496 more reach the excessive limit"
    )


@pytest.mark.parametrize(
    ("events", "payments", "ratio", "least", "left"),
    [
        (0, 0, "0.005", 5, 5),
        (4, 200, "0.005", 5, 1),
        (5, 200, "0.005", 5, 0),
        (5, 2000, "0.005", 5, 5),
        (1499, 100_000, "0.015", 1500, 1),
        (1499, 100_001, "0.015", 1500, 2),
        (1501, 100_001, "0.015", 1500, 0),
    ],
)
def test_a_limit_is_reached_by_ratio_and_count_together(events, payments, ratio, least, left):
    assert networks.events_left(events, payments, Decimal(ratio), least) == left


def test_a_later_limit_counts_from_its_day_on(database, owner):
    networks.set_limit(
        database, ADMIN, "visa", "excessive", ratio=0.009, events=300, since=DAY, source="a bulletin", now=NOW
    )
    before, after = (networks.month_counts(database, day, "usd")[0].limits[-1] for day in (date(2026, 11, 19), DAY))
    assert (before.ratio, before.events) == (Decimal("0.015"), 1500)
    assert (after.ratio, after.events, after.since, after.source) == (Decimal("0.009"), 300, DAY, "a bulletin")
    audited = owner.execute("select actor from payops.audit_log where action = 'payments:network-limit:set'")
    assert audited.fetchall() == [("staff:ada",)]
    owner.execute("delete from payops.network_limits where set_by = 'staff:ada'")


@pytest.mark.parametrize("wrong", [{"ratio": 0}, {"ratio": 1.5}, {"events": 0}, {"source": " "}])
def test_an_invalid_limit_is_refused(database, owner, wrong):
    given = {"ratio": 0.01, "events": 5, "source": "x"} | wrong
    with pytest.raises(Refused):
        networks.set_limit(database, FINANCE, "visa", "early", since=DAY, now=NOW, **given)


def test_a_role_that_may_only_look_sets_no_limit(database):
    with pytest.raises(Unauthorised):
        networks.set_limit(database, SUPPORT, "visa", "early", ratio=0.01, events=5, since=DAY, source="x", now=NOW)
