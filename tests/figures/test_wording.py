"""How figures are written, for people and by the command."""

import pytest

from core.figures.intervals import wilson
from core.figures.wording import decimals_of, duration, lines, percent, points


@pytest.mark.parametrize(
    ("numerator", "denominator", "written"),
    [
        (9_996, 10_000, "99.9%"),
        (99_999, 100_000, "99.9%"),
        (10_000, 10_000, "100.0%"),
        (0, 10, "0.0%"),
        (1, 100_000, "under 0.01%"),
        (72, 10_000, "0.72%"),
        (199, 10_000, "1.99%"),
        (1_999, 100_000, "2.00%"),
        (971, 1_000, "97.1%"),
        (9_994, 10_000, "99.9%"),
    ],
)
def test_a_percentage_never_says_all_or_none_where_it_is_not(numerator, denominator, written):
    assert percent(numerator / denominator) == written


def test_a_change_is_the_difference_of_the_two_rates_as_they_are_shown():
    assert str(points(0.9996, 1.0)) == "down 0.1 points from 100.0%"
    assert str(points(1.0, 0.9996)) == "up 0.1 points from 99.9%"
    assert str(points(0.9996, 0.9996)) == "as before at 99.9%"


@pytest.mark.parametrize(
    ("ms", "written"),
    [(0, "0 ms"), (999.4, "999 ms"), (999.6, "1.0 s"), (119_960, "2 min 0 s"), (128_000, "2 min 8 s")],
)
def test_a_duration_never_shows_more_of_a_unit_than_there_is(ms, written):
    assert duration(ms).replace("\u00a0", " ") == written


def rate(numerator, denominator):
    low, high = wilson(numerator, denominator) or (None, None)
    value = numerator / denominator if denominator else None
    return {"value": value, "numerator": numerator, "denominator": denominator, "low": low, "high": high}


def test_the_command_prints_titles_major_units_and_intervals_of_few():
    overview = {
        "since": "2026-09-01",
        "until": "2026-09-30",
        "timezone": "America/New_York",
        "currency": "usd",
        "metrics": {
            "payment_success_rate": rate(9, 10),
            "attempt_success_rate": rate(1, 1),
            "authorization_rate": rate(9_996, 10_000),
            "drop_off_rate": rate(0, 0),
            "failures_by_code": [{"key": "do_not_honor", "count": 1200, "amount": 4900}],
            "processing_time_payment": {"p50_ms": 2000.0, "p95_ms": 4000.0, "n": 1},
            "processing_time_own": {"p50_ms": None, "p95_ms": None, "n": 0},
            "gross": {"value": 1234567},
            "net": {"value": None},
            "mrr": {"value": 100},
            "recovery_rate": rate(4900, 9800) | {"low": None, "high": None},
            "scheduled_to_cancel": {"value": 2, "amount": 5900},
            "webhook_delay": None,
        },
    }
    assert [
        line.replace("\u00a0", " ") for line in lines(overview, [{"key": "moon_dust", "count": 1, "amount": 290}])
    ] == [
        "2026-09-01 to 2026-09-30 (America/New_York), USD",
        "Success rate: 90.0% (9 of 10 payments; between 59.6% and 98.2% with 95% certainty)",
        "Attempt success rate: 100.0% (1 of 1 attempt; between 20.7% and 100.0% with 95% certainty)",
        "Authorization rate: 99.9% (9,996 of 10,000 attempts)",
        "Abandoned checkouts: no payments set up",
        "Failures by decline code: do_not_honor 1,200 ($49.00)",
        "Time to pay: 2.0 s (slowest 5% over 4.0 s; 1 payment)",
        "Our processing time: no calls",
        "Gross: $12,345.67",
        "Net: no payments",
        "Monthly recurring revenue: $1.00",
        "Recovery rate: 50.0% ($49.00 of $98.00)",
        "Scheduled to cancel: 2 ($59.00 a month)",
        "Other movements of the balance, in no figure above: moon_dust 1 ($2.90)",
    ]


@pytest.mark.parametrize(
    ("rates", "decimals"), [((0.0164, 0.022), 1), ((0.0164, None, 0.0033), 2), ((0.0, None), 1), ((), 1)]
)
def test_rates_beside_one_another_have_the_same_decimals(rates, decimals):
    assert decimals_of(rates) == decimals
