"""Figures of refunds, added up by hand."""

from datetime import date
from zoneinfo import ZoneInfo

import pytest

from core.payments import refund_figures
from core.periods import Period

ZONE = ZoneInfo("America/New_York")
PERIOD = Period(date(2026, 6, 10), date(2026, 6, 11), ZONE)


@pytest.fixture
def moved(database, owner):
    """Two refunds of the tenth, one of which failed on the eleventh, and one of the days before."""
    movements = [
        ("txn_1", "2026-06-10T12:00:00Z", -4900, "refund"),
        ("txn_2", "2026-06-11T03:59:00Z", -1000, "refund"),  # still the tenth in New York
        ("txn_3", "2026-06-11T12:00:00Z", 1000, "refund_failure"),
        ("txn_4", "2026-06-09T12:00:00Z", -2000, "refund"),
        ("txn_5", "2026-06-10T12:00:00Z", 9000, "charge"),
    ]
    mirrored = {"livemode": False, "state_rank": 0, "event_id": "fetch", "currency": "usd"}
    rows = [
        mirrored
        | {
            "id": txn,
            "created": at,
            "as_of": at,
            "amount_minor": amount,
            "fee_minor": 0,
            "net_minor": amount,
            "type": category,
            "reporting_category": category,
        }
        for txn, at, amount, category in movements
    ]
    statuses = [("re_1", "2026-06-10T12:00:00Z", 4900, "succeeded"), ("re_2", "2026-06-11T03:59:00Z", 1000, "failed")]
    refunds = [
        mirrored | {"id": refund, "created": at, "as_of": at, "amount_minor": amount, "status": status}
        for refund, at, amount, status in statuses
    ]
    database.call("load_records", records={"balance_transactions": rows, "refunds": refunds})


def test_refunds_count_on_their_balance_day_less_failed_refunds(database, moved):
    figures = refund_figures.load(database, PERIOD, currency="usd")
    assert [(each.day.day, each.refunds, each.amount_minor) for each in figures.daily] == [
        (10, 2, 5900),
        (11, 0, -1000),
    ]
    assert (figures.reading.value, str(figures.reading.change)) == ("$49.00", "up 145% from $20.00")
    assert {status: str(amount) for status, (_, amount) in figures.by_status.items()} == {
        "succeeded": "$49.00",
        "failed": "$10.00",
    }
    assert refund_figures.sentence(figures, []) == (
        "$49.00 refunded in these 2 days, up 145% from $20.00. 1 refund totalling $10.00 failed, so the customer "
        "did not get the money."
    )


def test_another_currency_has_no_refunds(database, moved):
    figures = refund_figures.load(database, PERIOD, currency="eur")
    assert refund_figures.sentence(figures, []) == "Nothing was refunded in these 2 days."
