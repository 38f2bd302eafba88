"""The list of incidents with their trends, open ones first."""

from collections.abc import Sequence

import streamlit as st

from core.exports.table import MOST_AT_ONCE
from core.figures.wording import counted
from core.monitoring import incidents
from core.monitoring.incident_kinds import kind
from core.monitoring.incidents import Row, Show
from core.staff import audit_words
from core.ui import session
from core.ui.incidents import incident_details
from core.ui.kit import rows
from core.ui.kit.rows import Column
from core.ui.text import literal

SEVERITIES = {"critical": "Critical", "error": "Error", "warning": "Warning", "info": "Note"}
SHOWN: tuple[Show, ...] = ("open", "to act on", "resolved", "all")
COLUMNS = (
    Column("severity", "Severity", read=lambda one: SEVERITIES[one["severity"]], width=70),
    Column("title", "What happened", width=430),
    Column("occurrences", "Times", "count", width=60, total=True),
    Column("by_hour", "Last 24 hours", "trend", help="How often in each of the last 24 hours.", width=100),
    Column("last_seen", "Last seen", "moment"),
    Column("owner", "Owner", read=lambda one: owner_in_words(one), width=80),
    Column("state", "State", read=lambda one: state_in_words(one), width=80),
    Column("first_seen", "First seen", "moment"),
    Column("kind", "Area", read=lambda one: kind(one["kind"]).title),
)
IN_A_FILE = (*(each for each in COLUMNS if each.kind != "trend"), Column("resolution", "Resolution"))


def owner_in_words(one: Row) -> str:
    return audit_words.actor_name(one["owner"]) if one["owner"] else "nobody"


def _for_a_file(shown: Show) -> list[Row]:
    return incidents.newest(session.db(), show=shown, limit=MOST_AT_ONCE, now=session.services().clock())


def state_in_words(one: Row) -> str:
    if one["resolved_at"]:
        return "resolved"
    if one["silenced"]:
        return "silenced"
    return "re-opened" if one["reopenings"] else "open"


def show() -> None:
    """Show the list, and one incident if the URL names it."""
    chosen = st.query_params.get("incident")
    if chosen:
        st.button("All incidents", icon=":material/arrow_back:", type="tertiary", on_click=_leave)
        incident_details.show(chosen)
        return
    shown = st.segmented_control("Show", SHOWN, default="open", required=True, key="show", bind="query-params")
    now = session.services().clock()
    found = incidents.newest(session.db(), show=shown or "open", now=now)
    if not found:
        st.success("No incidents. A failed event, call, page or background step appears here, once per cause.")
        return
    st.markdown(f"## {literal(sentence(found))}")
    rows.show(found, COLUMNS, key="incidents", choose="incident")
    rows.files(lambda _: _for_a_file(shown or "open"), IN_A_FILE, name="incidents")
    st.caption("Select a row to see what it was about and to act. One cause is one row, however often it happens.")


def sentence(found: Sequence[Row]) -> str:
    """A sentence on how many incidents are open, how many of them are critical, and how many have no owner."""
    unresolved = [one for one in found if one["resolved_at"] is None]
    if not unresolved:
        return counted(len(found), "resolved incident")
    worst = sum(one["severity"] == "critical" for one in unresolved)
    alone = sum(one["owner"] is None for one in unresolved)
    parts = [counted(len(unresolved), "open incident")]
    if worst:
        parts.append(f"{worst:,} critical")
    parts.append(f"{alone:,} without an owner" if alone else "all have an owner")
    return ", ".join(parts)


def _leave() -> None:
    st.query_params.pop("incident", None)
