"""How far the licences reach: the map of the states, those that need somebody, and what hangs on licences that end."""

from collections.abc import Sequence
from typing import Any

import pandas as pd  # type: ignore[import-untyped]
import streamlit as st

from core.money import Money
from core.providers import licences
from core.providers.assignment_figures import uncovered
from core.ui.kit import rows, state_tiles, tables
from core.ui.kit.rows import Column

NEEDS = (
    Column("name", "State"),
    Column("need", "Has", read=lambda one: "1 provider" if one["providers"] else "nobody", width="small"),
    Column("waiting", "Waiting", "count", width="small"),
    Column("demand_30_days", "Asked", "count", width="small", help="In the last 30 days."),
)


def show(coverage: Sequence[dict[str, Any]]) -> None:
    """The map beside the states that hang on one provider or have none, those most asked for first."""
    left, right = st.columns([5, 4])
    with left, st.container(border=True, key="chart-coverage", height="stretch"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown("**How many may see patients in each state?**", width="content")
            tables.behind(lambda: _rows(coverage), name="coverage")
        state_tiles.show(coverage, "providers")
    with right, st.container(border=True, key="chart-needs", height="stretch"):
        st.markdown("**Where is somebody needed?**")
        if needed := needs(coverage):
            rows.show(needed, NEEDS, key="needs")
        else:
            st.caption("Every state with demand has at least two providers.")


def needs(coverage: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The states that are asked for and have nobody, then those with one provider."""
    single = [state for state in coverage if state["providers"] == 1]
    return [
        *uncovered(coverage),
        *sorted(single, key=lambda one: (-one["waiting"], -one["demand_30_days"], one["name"])),
    ]


def at_stake(ending: Sequence[dict[str, Any]], days: int) -> str:
    """What hangs on these licences together."""
    ended = sum(one["expired"] for one in ending)
    soon = len(ending) - ended
    said = f"{soon:,} {'licence ends' if soon == 1 else 'licences end'} within {days} days"
    said += f", {ended:,} {'has' if ended == 1 else 'have'} ended. " if ended else ". "
    paid, monthly = (
        " and ".join(map(str, licences.at_stake(ending, what))) or "nothing" for what in ("paid", "monthly")
    )
    open_ones = sum(one["open_consultations"] for one in ending)
    hang = "1 open consultation" if open_ones == 1 else f"{open_ones:,} open consultations"
    return f"{said}On them hang {hang}, {paid} paid for those, and {monthly} a month of subscriptions."


def amounts(several: Sequence[dict[str, Any]]) -> str:
    return " and ".join(str(Money(each["minor"], each["currency"])) for each in several) or "none"


def _rows(coverage: Sequence[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "State": one["name"],
                "Providers": one["providers"],
                "Free slots": one["free_slots"],
                "Waiting": one["waiting"],
                "Asked in 30 days": one["demand_30_days"],
            }
            for one in coverage
        ]
    )
