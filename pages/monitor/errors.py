"""What went wrong, once per cause, newest first; who may replay events says what was done about it."""

from functools import partial
from typing import Any

import streamlit as st

from core.monitoring import incidents
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
    Column("request_id", "Quote", help="The id a person was given."),
    Column("resolution", "What was done"),
)


def resolve(incident_id: int, actor: Actor) -> str:
    incidents.resolve(db, actor, incident_id, st.session_state["resolution"], clock())
    return "Closed. The same thing again opens a new one."


@st.dialog("Close this incident")
def ask_to_resolve(incident: dict[str, Any]) -> None:
    st.markdown(f"**{literal(incident['title'])}** Seen {incident['occurrences']:,} times.")
    st.text_input("What was done about it", key="resolution", max_chars=300)
    st.button("Close it", type="primary", on_click=actions.attempt, args=(partial(resolve, incident["id"]),))
    actions.end_dialog_when_done()


st.title("Errors")
actions.show_result()
shown = st.segmented_control("Show", ["open", "all"], default="open", required=True, key="show", bind="query-params")
found = incidents.newest(db, open_only=shown == "open")
if not found:
    st.success("Nothing is open. A failed event, page or payment will be listed here, once per cause.")
    st.stop()

times = sum(incident["occurrences"] for incident in found)
still_open = sum(incident["resolved_at"] is None for incident in found)
causes = "1 cause is" if still_open == 1 else f"{still_open:,} causes are"
st.markdown(f"#### {causes} open; what is listed was seen {times:,} times")
chosen = rows.show(found, COLUMNS, key="incidents", choose="incident")
rows.files(lambda _: found, COLUMNS, name="incidents")

for incident in (one for one in found if str(one["id"]) == chosen):
    with st.container(border=True):
        st.subheader(literal(incident["title"]))
        st.caption(
            f"Kind {code(incident['kind'])}"
            + (f", quote {code(incident['request_id'])}" if incident["request_id"] else "")
        )
        sample = [{"name": name, "value": str(value)} for name, value in (incident["sample"] or {}).items()]
        if sample:
            rows.show(sample, (Column("name", "Of the last time"), Column("value", "")), key="sample")
        if incident["resolved_at"]:
            st.write(f"Closed by {literal(incident['resolved_by'])}: {literal(incident['resolution'])}")
        elif right(session.actor().role, "events") >= Right.ACT:
            st.button("Close", on_click=ask_to_resolve, args=(incident,))
