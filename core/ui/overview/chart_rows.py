"""Clicking a point in one of the overview's charts opens the list of what the point counts."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any

import streamlit as st

from core.figures.days import in_steps
from core.monitoring.overview import CAUSES, Overview, cause_title
from core.ui import navigation
from core.ui.kit import filters

_PICKED, CAUSES_CHART = "overview point", "failures"
# The page and its filter that list what a chart's day counts.
ROWS: dict[str, tuple[str, dict[str, str]]] = {
    "success-rate": ("payments", {"counted": "decided"}),
    "volume": ("payments", {"counted": "succeeded"}),
    "disputes": ("disputes", {"show": "opened"}),
}


def picks() -> dict[str, Callable[[Mapping[str, Any]], None]]:
    """The click handler of each chart that has a list behind it, by the chart's name."""
    return {name: partial(_note, name) for name in (*ROWS, CAUSES_CHART)}


def _note(name: str, point: Mapping[str, Any]) -> None:
    st.session_state[_PICKED] = (name, str(point["y" if name == CAUSES_CHART else "x"]))


def follow(overview: Overview) -> None:
    """Open the list behind the clicked point. A callback cannot switch pages, so the page's body calls this."""
    name, clicked = st.session_state.pop(_PICKED, (None, ""))
    if name and (view := view_of(overview, name, clicked)):
        page, shown, period = view
        filters.hand_over(period)
        navigation.open_page(page, shown)


def view_of(overview: Overview, name: str, clicked: str) -> tuple[str, dict[str, str], navigation.View] | None:
    """The page, what it lists, and its period and currency, for a point: its cause, or the day or week that begins on
    its day; None for no point."""
    if name == CAUSES_CHART:
        cause = next((each for each in CAUSES if cause_title(each) == clicked), None)
        period = [overview.period.since.isoformat(), overview.period.until.isoformat()]
        return ("payments", {"counted": "failed", "cause": str(cause)}, _of(overview, period)) if cause else None
    step = next((each for each in in_steps(overview.daily) if each.day.isoformat() == clicked[:10]), None)
    if step is None:
        return None
    page, shown = ROWS[name]
    until = step.day + timedelta(days=step.days - 1)
    return page, shown, _of(overview, [step.day.isoformat(), until.isoformat()])


def _of(overview: Overview, days: list[str]) -> dict[str, str | list[str]]:
    return {"period": filters.CUSTOM, "days": days, "currency": overview.currency}
