"""The period to reconcile: a month, or any two days."""

from collections.abc import Iterator
from datetime import date, timedelta

import streamlit as st

from core.periods import Period, business_day
from core.ui import session
from core.ui.kit import filters

OTHER = "other days"
MONTHS_OFFERED = 36


def month_or_days() -> Period:
    """Show the choice and return the period. `?month=October 2026` (default: this month), or `?month=other days`
    with the days of the other pages' filter.
    """
    running = session.services()
    zone = running.settings.business_zone
    months = {f"{first:%B %Y}": first for first in _months(business_day(running.clock(), zone))}
    chosen = st.selectbox("Month", [*months, OTHER], key="month", bind="query-params")
    if chosen not in months:
        return filters.period()
    first = months[chosen]
    return Period(first, _next(first) - timedelta(days=1), zone)


def _months(today: date) -> Iterator[date]:
    first = today.replace(day=1)
    for _ in range(MONTHS_OFFERED):
        yield first
        first = (first - timedelta(days=1)).replace(day=1)


def _next(first: date) -> date:
    return (first + timedelta(days=31)).replace(day=1)
