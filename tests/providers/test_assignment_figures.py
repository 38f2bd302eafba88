"""The sentences that the pages of providers and assignment open with, and their figures."""

import pytest

from core.providers import assignment_figures
from core.ui.consultations import assignment_charts
from core.ui.providers import coverage_map

DAY = {"asked": 100, "at_once": 90, "fallback": 18, "p50_ms": 2.0, "p95_ms": 4.0}
NOBODY = {
    "waiting": 0,
    "overdue": 0,
    "limit_seconds": 1800,
    "oldest": None,
    "open": 12,
    "to_reassign": 0,
    "capacity": 40,
}
OLDEST = {"id": "cons_1", "state": "WY", "reason": "No provider is licensed in WY.", "age_seconds": 4800}
TEXAS = {"state": "TX", "name": "Texas", "providers": 2, "free_slots": 3, "waiting": 0, "demand_30_days": 9}
WYOMING = TEXAS | {"state": "WY", "name": "Wyoming", "providers": 0, "demand_30_days": 1}
SUMMARY = {
    "providers": 3,
    "active": 2,
    "capacity": 20,
    "free_slots": 5,
    "ended": 1,
    "ending": {"30": 1, "60": 2, "90": 4},
}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({}, "No patient is waiting; 12 consultations are assigned."),
        (
            {"open": 1, "to_reassign": 1},
            (
                "No patient is waiting; 1 consultation is assigned. 1 consultation is assigned to a provider who may "
                "no longer see the patient."
            ),
        ),
        (
            {"waiting": 1, "overdue": 1, "oldest": OLDEST},
            (
                "1 patient is waiting for a provider, 1 for over 30 minutes. The longest wait is 1 "
                "h 20 min: no provider is licensed in Wyoming."
            ),
        ),
        (
            {"waiting": 3, "overdue": 3, "oldest": OLDEST},
            (
                "3 patients are waiting for a provider, all for over 30 minutes. The longest wait is "
                "1 h 20 min: no provider is licensed in Wyoming."
            ),
        ),
        (
            {"waiting": 2, "oldest": OLDEST | {"age_seconds": 70}},
            "2 patients are waiting for a provider. The longest wait is 1 min: no provider is licensed in Wyoming.",
        ),
    ],
)
def test_the_first_sentence_says_how_many_wait_and_why(change, sentence):
    assert assignment_figures.assignment_sentence(NOBODY | change, {"WY": "Wyoming"}) == sentence


def test_the_figures_of_assignment_compare_a_day_with_the_day_before():
    before = DAY | {"at_once": 80, "fallback": 8}
    read = {
        one.definition.name: one
        for one in assignment_figures.assignment_readings(NOBODY, {"now": DAY, "before": before})
    }
    assert read["assigned_at_once"].value == "90.0%"
    assert str(read["assigned_at_once"].change) == "up 10.0 points from 80.0%"
    assert read["fallback_share"].change.good is False
    assert read["open_now"].rests_on == "of a capacity of 40"
    nobody = dict.fromkeys(("asked", "at_once", "fallback"), 0) | {"p50_ms": None, "p95_ms": None}
    empty = {
        one.definition.name: one.value
        for one in assignment_figures.assignment_readings(NOBODY, {"now": nobody, "before": nobody})
    }
    assert empty["assigned_at_once"] == empty["assignment_time"] == "no consultations"


def test_the_directory_says_how_many_states_are_covered_and_which_are_not():
    assert assignment_figures.directory_sentence(SUMMARY, [TEXAS, WYOMING]) == (
        "2 active providers cover 1 of 2 states and territories. "
        "Patients ask in Wyoming, where no provider is licensed."
    )
    nobody_asks = WYOMING | {"demand_30_days": 0}
    assert assignment_figures.directory_sentence(SUMMARY, [TEXAS, nobody_asks]).endswith("has a provider.")
    assert assignment_figures.directory_sentence(SUMMARY | {"providers": 0}, []).startswith("The directory is empty")
    four = [WYOMING | {"name": name, "waiting": n} for n, name in enumerate(("Guam", "Idaho", "Maine", "Utah"))]
    assert "in Utah, Maine, Idaho and 1 more, where" in assignment_figures.directory_sentence(SUMMARY, four)
    read = {
        one.definition.name: one
        for one in assignment_figures.directory_readings(SUMMARY, [TEXAS | {"providers": 1}, WYOMING])
    }
    assert (read["single_provider_states"].value, read["single_provider_states"].rests_on) == ("1", "Texas")
    assert read["ending_licences"].rests_on == "2 in 60 days, 4 in 90; 1 already ended"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(59, "0 min"), (3540, "59 min"), (4320, "1 h 12 min"), (172_800, "2 days 0 h"), (180_000, "2 days 2 h")],
)
def test_waiting_times_are_worded_naturally(seconds, words):
    assert assignment_figures.waited(seconds) == words


def test_the_distribution_of_work_is_described_in_words():
    spread = {"assigned": 40, "fallbacks": 10, "gini": 0.07}
    assert assignment_figures.spread_in_words(spread) == (
        "40 consultations, spread evenly (Gini 0.07; at 0 each provider has their fair share). "
        "25.0% went to another specialty."
    )
    assert "unevenly" in assignment_figures.spread_in_words(spread | {"gini": 0.5})


@pytest.mark.parametrize(("assigned", "step"), [(3, 1), (40, None)])
def test_an_axis_of_few_consultations_has_no_tick_between_two(assigned, step):
    one = {"id": "ann", "name": "Ann", "assigned": assigned, "fallbacks": 0, "fair_share": 2.5, "capacity": 5}
    chart = assignment_charts.distribution({"assigned": assigned, "fallbacks": 0, "gini": 0.0, "items": [one]})
    assert chart.figure.layout.xaxis.dtick == step


def test_what_ending_licences_affect_is_said_without_naming_nothing():
    one = {"open_consultations": 2, "paid": [], "monthly": []}
    assert coverage_map.at_stake({"items": [one], "total": 1, "ended": 0}, 90) == (
        "1 licence ends within 90 days. It affects 2 open consultations."
    )
    idle = one | {"open_consultations": 0}
    assert coverage_map.at_stake({"items": [idle, idle], "total": 2, "ended": 0}, 90) == (
        "2 licences end within 90 days. No open consultation or subscription depends on them."
    )
    paid = one | {"paid": [{"minor": 7900, "currency": "usd"}], "monthly": [{"minor": 4900, "currency": "usd"}]}
    said = coverage_map.at_stake({"items": [paid], "total": 1, "ended": 0}, 90)
    assert said.endswith("It affects 2 open consultations ($79.00 paid) and subscriptions of $49.00 a month.")
