"""Coverage: the map of states, the states that need a provider, and what ending licences affect."""

from collections.abc import Sequence
from datetime import date

import pandas as pd  # type: ignore[import-untyped]
import streamlit as st

from core.money import Money
from core.providers import licences
from core.providers.assignment_figures import uncovered
from core.providers.directory_rows import AmountRow, ExpiringLicences, StateCoverage
from core.ui.kit import rows, state_tiles, tables
from core.ui.kit.rows import Column

NEEDS = (
    Column("name", "State"),
    Column("need", "Providers", read=lambda one: "1" if one["providers"] else "none", width="small"),
    Column("waiting", "Waiting", "count", width="small"),
    Column("demand_30_days", "Demand", "count", width="small", help="Consultations received in the last 30 days."),
)


def show(coverage: Sequence[StateCoverage]) -> None:
    """Show the map, and beside it the states with one provider or none, highest demand first."""
    left, right = st.columns([5, 4])
    with left, st.container(border=True, key="chart-coverage", height="stretch"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown("**How many providers does each state have?**", width="content")
            tables.behind(lambda: _rows(coverage), name="coverage")
        state_tiles.show(coverage, "providers")
    with right, st.container(border=True, key="chart-needs", height="stretch"):
        st.markdown("**Where is a provider needed?**")
        if needed := needs(coverage):
            rows.show(needed, NEEDS, key="needs", file="coverage-needs")
        else:
            st.caption("Every state with demand has at least two providers.")


def needs(coverage: Sequence[StateCoverage]) -> list[StateCoverage]:
    """The states with demand and no provider, then those with one provider."""
    single = [state for state in coverage if state["providers"] == 1]
    return [
        *uncovered(coverage),
        *sorted(single, key=lambda one: (-one["waiting"], -one["demand_30_days"], one["name"])),
    ]


def at_stake(found: ExpiringLicences, days: int, last_day: date | None = None) -> str:
    """Show how many licences end, and the consultations, payments and subscriptions that those on this page affect."""
    ending, ended = found["items"], found["ended"]
    soon = found["total"] - ended
    when = f"on {last_day:%-d %b %Y}" if last_day else f"within {days} days"
    said = f"{soon:,} {'licence ends' if soon == 1 else 'licences end'} {when}"
    said += f", and {ended:,} {'has' if ended == 1 else 'have'} already ended. " if ended else ". "
    whole, alone = len(ending) == found["total"], len(ending) == 1
    if not (affected := licences.affected(ending)):
        which = ("it" if alone else "them") if whole else f"the {len(ending):,} listed here"
        return f"{said}No open consultation or subscription depends on {which}."
    who = ("It affects" if alone else "They affect") if whole else f"The {len(ending):,} listed here affect"
    return f"{said}{who} {affected}."


def amounts(several: Sequence[AmountRow]) -> str:
    return " and ".join(str(Money(each["minor"], each["currency"])) for each in several) or "none"


def _rows(coverage: Sequence[StateCoverage]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "State": one["name"],
                "Providers": one["providers"],
                "Free slots": one["free_slots"],
                "Waiting": one["waiting"],
                "Demand (30 days)": one["demand_30_days"],
            }
            for one in coverage
        ]
    )
