"""Incidents: what went wrong, once per cause, newest first; ops and admins close them."""

from functools import partial
from typing import Any

import streamlit as st

from core.figures.wording import counted
from core.monitoring import incidents
from core.staff import audit_words
from core.staff.roles import Actor, Right, right
from core.ui import session
from core.ui.kit import actions, rows
from core.ui.kit.rows import Column
from core.ui.text import code, literal

db, clock = session.db(), session.services().clock
SEVERITIES = {"critical": "Critical", "error": "Error", "warning": "Warning"}
COLUMNS = (
    Column("severity", "Severity", read=lambda one: SEVERITIES.get(one["severity"], one["severity"])),
    Column("title", "What happened", width="large"),
    Column("occurrences", "Times", "count"),
    Column("last_seen", "Last seen", "moment"),
    Column("first_seen", "First seen", "moment"),
    Column("request_id", "Error id", help="The id that was shown to the user."),
    Column("resolution", "Resolution"),
)


def resolve(incident_id: int, actor: Actor) -> str:
    incidents.resolve(db, actor, incident_id, st.session_state["resolution"], clock())
    return "Closed. If it happens again, a new incident opens."


@st.dialog("Close incident")
def ask_to_resolve(incident: dict[str, Any]) -> None:
    actions.end_dialog_if_over()
    st.markdown(f"**{literal(incident['title'])}** Seen {counted(incident['occurrences'], 'time')}.")
    st.text_input("What was done about it", key="resolution", max_chars=300)
    st.button("Close incident", type="primary", on_click=actions.attempt, args=(partial(resolve, incident["id"]),))
    actions.end_dialog_when_done()


st.title("Errors")
actions.show_result()
shown = st.segmented_control("Show", ["open", "all"], default="open", required=True, key="show", bind="query-params")
found = incidents.newest(db, open_only=shown == "open")
if not found:
    st.success("No open incidents. A failed event, page or payment is listed here, once per cause.")
    st.stop()

unresolved = [incident for incident in found if incident["resolved_at"] is None]
still_open, times = len(unresolved), sum(incident["occurrences"] for incident in unresolved)
st.markdown(f"#### {counted(still_open, 'open incident')}, seen {counted(times, 'time')}")
chosen = rows.show(found, COLUMNS, key="incidents", choose="incident")
rows.files(lambda _: found, COLUMNS, name="incidents")

for incident in (one for one in found if str(one["id"]) == chosen):
    with st.container(border=True):
        st.subheader(literal(incident["title"]))
        st.caption(
            f"Kind {code(incident['kind'])}"
            + (f", error id {code(incident['request_id'])}" if incident["request_id"] else "")
        )
        sample = [
            {"name": name.replace("_", " "), "value": str(value)} for name, value in (incident["sample"] or {}).items()
        ]
        if sample:
            rows.show(sample, (Column("name", "Last occurrence"), Column("value", "Value")), key="sample")
        if incident["resolved_at"]:
            st.write(
                f"Closed by {literal(audit_words.actor_name(incident['resolved_by']))}: "
                f"{literal(incident['resolution'])}"
            )
        elif right(session.actor().role, "events") >= Right.ACT:
            st.button("Close incident", on_click=ask_to_resolve, args=(incident,))
