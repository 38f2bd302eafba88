"""How the consultations of the last days are distributed over the providers."""

import streamlit as st

from core.providers import assignment, assignment_figures
from core.ui import session
from core.ui.consultations import assignment_charts
from core.ui.kit import charts, shared_cache
from core.ui.text import literal


def show() -> None:
    db, clock = session.db(), session.services().clock
    st.subheader("Workload")
    days = st.segmented_control("Days", [1, 7, 30], default=7, required=True, key="days", bind="query-params")
    spread = (
        shared_cache.answers()
        .get(("distribution", days), lambda: assignment.distribution(db, clock(), days=days), ttl_seconds=30)
        .answer
    )
    if spread["assigned"]:
        st.markdown(literal(assignment_figures.spread_in_words(spread)))
        charts.show(assignment_charts.distribution(spread))
    else:
        st.info(
            "No consultation was assigned in these days. Once some are, this shows how they are distributed over the "
            "providers."
        )
