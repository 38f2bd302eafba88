"""A link to a page says its period and currency, however quickly it is clicked."""

from datetime import UTC, date, datetime
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from streamlit.testing.v1 import AppTest

from core.ui import session

NOW = datetime(2026, 11, 20, 15, tzinfo=UTC)


def pages() -> None:
    """Two pages: the overview in all presets, and another that shows the days and the currency it was opened with."""
    import streamlit as st

    from core.ui.kit import filters

    address = st.session_state["address"]
    filters.follow_link(address)
    if handed := st.session_state.pop("hand over", None):
        filters.hand_over(handed)
    if address == "providers":
        st.segmented_control("Within days", [30, 60, 90], default=90, key="days")
        return
    period = filters.period()
    st.session_state["seen"] = (period.since, period.until, filters.currency(["usd", "chf", "jpy"]))


@pytest.fixture
def browser(monkeypatch):
    settings = SimpleNamespace(business_zone=ZoneInfo("America/New_York"))
    monkeypatch.setattr(session, "services", lambda: SimpleNamespace(clock=lambda: NOW, settings=settings))
    tab = AppTest.from_function(pages)

    def follow(address, **said):
        tab.session_state["address"] = address
        tab.query_params.clear()
        for name, values in said.items():
            tab.query_params[name] = values
        tab.run()
        assert not tab.exception
        return tab.session_state["seen"] if "seen" in tab.session_state else None

    follow.tab = tab
    return follow


def test_a_link_from_another_page_opens_its_own_days_and_currency(browser):
    browser("overview")
    seen = browser("revenue", period="custom", days=["2026-10-03", "2026-10-17"], currency="chf")
    assert seen == (date(2026, 10, 3), date(2026, 10, 17), "chf")


def test_back_opens_what_the_page_before_showed(browser):
    browser("overview")
    browser("revenue", period="7d", currency="chf")
    browser("overview", period="90d", currency="jpy")
    assert browser("revenue", period="7d", currency="chf") == (date(2026, 11, 14), date(2026, 11, 20), "chf")
    assert browser("overview", period="90d", currency="jpy") == (date(2026, 8, 23), date(2026, 11, 20), "jpy")


def test_a_links_filters_are_applied_once(browser):
    browser("overview")
    browser("revenue", period="7d", currency="chf")
    tab_stays = browser("revenue", period="90d", currency="jpy")  # the same page again: its own filters decide
    assert tab_stays == (date(2026, 11, 14), date(2026, 11, 20), "chf")


@pytest.mark.parametrize(
    "days",
    [
        ["2026-10-03"],
        ["yesterday", "today"],
        ["2026-10-17", "2026-10-03"],
        ["1999-01-01", "2026-10-03"],
        ["2026-10-03", "2031-01-01"],
    ],
)
def test_days_outside_the_fields_range_are_ignored(browser, days):
    browser("overview")
    assert browser("revenue", period="custom", days=days, currency="lira")[2] == "usd"


def test_the_days_of_a_period_are_not_those_of_another_pages_field(browser):
    browser("overview")
    browser("providers", period="custom", days=["2026-10-03", "2026-10-17"], currency="chf")
    assert browser("revenue", period="7d", currency="chf") == (date(2026, 11, 14), date(2026, 11, 20), "chf")


def test_filters_that_a_page_hands_over_are_those_of_the_next_page_alone(browser):
    browser("overview")
    browser.tab.session_state["hand over"] = {
        "period": "custom",
        "days": ["2026-10-03", "2026-10-17"],
        "currency": "chf",
    }
    browser("overview")
    assert browser("revenue", counted="failed") == (date(2026, 10, 3), date(2026, 10, 17), "chf")
    assert browser("overview", period="7d", currency="jpy") == (date(2026, 11, 14), date(2026, 11, 20), "jpy")


def clicked() -> None:
    """A page by day, whose chart was clicked on a day or week."""
    from datetime import date
    from types import SimpleNamespace

    import streamlit as st

    from core.ui.kit import filters

    steps = [SimpleNamespace(day=date(2026, 10, 5), days=3), SimpleNamespace(day=date(2026, 10, 8), days=7)]
    point = {"x": f"{st.session_state['at']} 00:00"}
    st.button("click", on_click=lambda: filters.show_step(steps, point, show="opened"))
    period = filters.period()
    st.session_state["seen"] = (period.since, period.until, st.session_state.get("show"))


@pytest.mark.parametrize(
    ("at", "shown"),
    [
        ("2026-10-05", (date(2026, 10, 5), date(2026, 10, 7), "opened")),
        ("2026-10-08", (date(2026, 10, 8), date(2026, 10, 14), "opened")),
        ("2026-10-06", (date(2026, 10, 22), date(2026, 11, 20), None)),
    ],
)
def test_a_click_on_a_chart_shows_its_day_or_week_alone(browser, at, shown):
    tab = AppTest.from_function(clicked)
    tab.session_state["at"] = at
    tab.run().button[0].click().run()
    assert not tab.exception
    assert tab.session_state["seen"] == shown
