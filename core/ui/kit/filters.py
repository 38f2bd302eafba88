"""The filters at the top of a page; they are in the query string, so that a link opens the same view."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Protocol
from urllib.parse import parse_qs

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.scriptrunner_utils.script_run_context import ScriptRunContext

from core.periods import EARLIEST, Period, business_day
from core.ui import session

# The labels are used in the query string, so they must not change.
PRESET_DAYS = {"7d": 7, "30d": 30, "90d": 90, "365d": 365}
DEFAULT_PRESET = "30d"
CUSTOM = "custom"
ALL = "all"
_SHOWN, _LINK, _HANDED = "page shown", "link followed", "filters handed over"


def period() -> Period:
    """The business days to look at: one of the presets, ending today, or any two
    days; `?period=7d`, `?period=custom&days=…&days=…`.
    """
    running = session.services()
    now, zone = running.clock(), running.settings.business_zone
    _take_period(business_day(now, zone))
    choice = st.segmented_control(
        "Period", [*PRESET_DAYS, CUSTOM], default=DEFAULT_PRESET, required=True, key="period", bind="query-params"
    )
    if choice in PRESET_DAYS:
        return Period.last_days(PRESET_DAYS[choice], now=now, zone=zone)
    return _chosen_days(now, Period.last_days(30, now=now, zone=zone))


class Step(Protocol):
    """A day of a chart, or a week that begins on it."""

    @property
    def day(self) -> date: ...
    @property
    def days(self) -> int: ...


def show_step(steps: Sequence[Step], point: Mapping[str, Any], **filters: str) -> None:
    """For a click on a chart by day or week: the page shows that day or week alone, with these other filters."""
    for each in steps:
        if each.day.isoformat() == str(point["x"])[:10]:
            show_days(each.day, each.day + timedelta(days=each.days - 1), **filters)


def show_days(since: date, until: date, **filters: str) -> None:
    """For a click: the page shows these days alone, with these other filters."""
    st.session_state.update(period=CUSTOM, days=(since, until), **filters)


def hand_over(view: Mapping[str, str | list[str]]) -> None:
    """Keep filters for the page that is opened next: in its address Streamlit refuses those that are bound here."""
    st.session_state[_HANDED] = {name: said if isinstance(said, list) else [said] for name, said in view.items()}


def follow_link(address: str) -> None:
    """Keep the period and the currency that a link to this page says, for the page's filters to take.

    Streamlit drops from a link what is bound to a filter of the page that the link is on.
    """
    running = get_script_run_ctx()
    came_from, st.session_state[_SHOWN] = st.session_state.get(_SHOWN), address
    if running is not None and came_from not in (None, address):
        st.session_state[_LINK] = parse_qs(running.query_string) | st.session_state.pop(_HANDED, {})
        if running.is_history_navigation and running.query_string:
            _restore(running)


def _restore(running: ScriptRunContext) -> None:
    """On the way back, the page has the filters of its address, which Streamlit has dropped from it as from a link."""
    with running.session_state.query_params() as parameters:
        parameters.populate_from_query_string(running.query_string)
        parameters.set_initial_query_params(running.query_string)
        for name, said in parse_qs(running.query_string).items():
            parameters.set_corrected_value(name, said, "string_array_value")  # this also tells the browser


def currency(available: Sequence[str], default: str = "usd") -> str:
    """The currency of the page's amounts; `?currency=eur`. With only one currency there is no control."""
    choices = sorted({*available, default}, key=lambda code: (code != default, code))
    if len(choices) == 1:
        return default
    _take("currency", choices)
    chosen = st.segmented_control(
        "Currency", choices, default=default, required=True, key="currency", bind="query-params"
    )
    return chosen or default


def view(currency: str) -> dict[str, str | list[str]]:
    """The chosen period and currency as query parameters, for a link to another page."""
    chosen = st.session_state.get("period", DEFAULT_PRESET)
    days = [each.isoformat() for each in st.session_state.get("days") or ()] if chosen == CUSTOM else []
    return {"period": chosen, "currency": currency} | ({"days": days} if days else {})


def any_currency(available: Sequence[str]) -> str | None:
    """One currency, or None for all of them; `?currency=eur`."""
    choices = [ALL, *sorted(available)]
    _take("currency", choices)
    chosen = st.selectbox("Currency", choices, key="currency", bind="query-params")
    return None if chosen == ALL else chosen


def _write(name: str, said: list[str]) -> None:
    """Put a filter into the address, where Streamlit leaves out what was set before its field was first drawn."""
    running = get_script_run_ctx()
    if running is not None and st.query_params.get_all(name) != said:
        with running.session_state.query_params() as parameters:
            parameters.set_corrected_value(name, said, "string_array_value")


def _said(name: str) -> list[str]:
    """This filter's value in the link that led to this page, once."""
    found: list[str] = st.session_state.get(_LINK, {}).pop(name, [])
    return found


def _take(name: str, choices: Sequence[str]) -> None:
    """Set a filter to what the link says, if that is one of its choices."""
    if (said := _said(name)) and said[-1] in choices:
        st.session_state[name] = said[-1]


def _take_period(today: date) -> None:
    """Set the period to what the link says; its own days only if the field can show them."""
    _take("period", [*PRESET_DAYS, CUSTOM])
    if st.session_state.get("period") != CUSTOM:
        return
    try:
        days = tuple(date.fromisoformat(each) for each in _said("days"))
    except ValueError:
        return
    if len(days) == 2 and EARLIEST <= days[0] <= days[1] <= today + timedelta(days=1):
        st.session_state["days"] = days


def _chosen_days(now: datetime, fallback: Period) -> Period:
    today = business_day(now, fallback.zone)
    days = st.date_input(
        "Days",
        (fallback.since, fallback.until),
        min_value=EARLIEST,
        max_value=today + timedelta(days=1),
        format="YYYY-MM-DD",
        key="days",
        bind="query-params",
    )
    if len(days) == 2 and (days[0], days[1]) != (fallback.since, fallback.until):
        _write("days", [each.isoformat() for each in days])
    # Between the first and the second click the widget returns one day only; an address may have them in any order.
    since, until = (min(days), max(days)) if days else (fallback.since, fallback.until)
    return Period(since, min(until, max(today, since)), fallback.zone)
