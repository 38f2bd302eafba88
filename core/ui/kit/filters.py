"""The filters at the top of a page; they are in the query string, so that a link opens the same view."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from urllib.parse import parse_qs

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from core.periods import EARLIEST, Period, business_day
from core.ui import session

# The labels are used in the query string, so they must not change.
PRESET_DAYS = {"7d": 7, "30d": 30, "90d": 90, "365d": 365}
DEFAULT_PRESET = "30d"
CUSTOM = "custom"
ALL = "all"
_SHOWN = "page shown"


def period() -> Period:
    """The business days to look at: one of the presets, ending today, or any two
    days; `?period=7d`, `?period=custom&days=…&days=…`.
    """
    running = session.services()
    now, zone = running.clock(), running.settings.business_zone
    choice = st.segmented_control(
        "Period", [*PRESET_DAYS, CUSTOM], default=DEFAULT_PRESET, required=True, key="period", bind="query-params"
    )
    if choice in PRESET_DAYS:
        return Period.last_days(PRESET_DAYS[choice], now=now, zone=zone)
    return _chosen_days(now, Period.last_days(30, now=now, zone=zone))


def follow_link(address: str) -> None:
    """Take the period and the currency that a link to this page says; call it before the page draws its filters.

    Streamlit drops from a link what is bound to a filter of the page that the link is on.
    """
    running = get_script_run_ctx()
    came_from, st.session_state[_SHOWN] = st.session_state.get(_SHOWN), address
    if running is None or came_from in (None, address):
        return
    said = parse_qs(running.query_string)
    period, currency = (said.get(name, [""])[-1] for name in ("period", "currency"))
    if period in PRESET_DAYS:
        st.session_state["period"] = period
    if re.fullmatch("[a-z]{3}", currency):
        st.session_state["currency"] = currency


def currency(available: Sequence[str], default: str = "usd") -> str:
    """The currency of the page's amounts; `?currency=eur`. With only one currency there is no control."""
    choices = sorted({*available, default}, key=lambda code: (code != default, code))
    if len(choices) == 1:
        return default
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
    chosen = st.selectbox("Currency", [ALL, *sorted(available)], key="currency", bind="query-params")
    return None if chosen == ALL else chosen


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
    # Between the first and the second click the widget returns one day only.
    return Period(days[0], min(days[-1], max(today, days[0])), fallback.zone) if days else fallback
