"""The overview's figures: the four that the user chose, each with a sparkline; the others unfold on a click."""

from collections.abc import Mapping, Sequence

import streamlit as st

from core.figures.wording import Reading
from core.monitoring import overview_choice
from core.staff.roles import Actor, Role
from core.ui import navigation, session
from core.ui.kit import actions, cards
from core.ui.overview import sparkline

Days = Mapping[str, Sequence[float | None]]
STYLE = """
.payops-spark { display: block; width: 100%; height: 1.7rem; }
[class*="st-key-first-figures"] [class*="st-key-card-"] { padding: .5rem .8rem .2rem; gap: 0; }
[class*="st-key-first-figures"] [data-testid="stMetricValue"] { font-size: 1.5rem; }
"""


def show(readings: Sequence[Reading], days: Days, role: Role, view: navigation.View, *, unfinished: bool) -> None:
    """Show the chosen figures in one row, each with its sparkline."""

    def line(reading: Reading) -> None:
        series = days.get(reading.definition.name) or ()
        described = f"{reading.definition.title}, day by day"
        if drawn := sparkline.image(series, unfinished=unfinished, described=described):
            st.html(drawn)

    with st.container(key="first-figures"):
        cards.show(readings, role, view, across=max(len(readings), 1), below=line)


def choose(chosen: Sequence[str]) -> None:
    """The button that opens the user's choice of figures."""
    opened = st.popover("Choose figures", icon=":material/tune:", type="tertiary", key="choose", on_change="rerun")
    if opened.open:
        with opened, st.form("overview-figures", border=False):
            st.multiselect(
                f"Figures on your overview (at most {overview_choice.SHOWN})",
                list(overview_choice.TITLES),
                default=list(chosen),
                max_selections=overview_choice.SHOWN,
                format_func=lambda name: overview_choice.TITLES[name],
                key="overview_figures",
            )
            st.caption("Only you see this choice. With none chosen, your role's figures are shown.")
            st.form_submit_button("Save", on_click=actions.attempt, args=(_keep,))


def _keep(actor: Actor) -> str:
    names = st.session_state.get("overview_figures") or []
    overview_choice.choose(session.db(), actor, names, session.sessions().now())
    return "Your overview shows these figures from now on."
