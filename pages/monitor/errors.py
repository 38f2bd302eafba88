"""What went wrong, once per cause, newest first."""

import pandas as pd
import streamlit as st

from core.monitoring import incidents
from core.ui import session

st.title("Errors")
shown = st.segmented_control(
    "Show", ["open", "all"], default="open", required=True, key="show", bind="query-params"
)
found = incidents.newest(session.db(), open_only=shown == "open")

if not found:
    st.success("Nothing is open. A failed event, page or payment will be listed here, once per cause.")
    st.stop()

times = sum(incident["occurrences"] for incident in found)
st.write(f"**{len(found):,} causes, seen {times:,} times.** The newest is first.")
rows = pd.DataFrame(found)
zone = session.settings().business_timezone
for column in ("first_seen", "last_seen", "resolved_at"):
    rows[column] = pd.to_datetime(rows[column], utc=True, format="ISO8601").dt.tz_convert(zone)
st.dataframe(
    rows[
        [
            "severity",
            "title",
            "occurrences",
            "last_seen",
            "first_seen",
            "kind",
            "request_id",
            "sample",
            "resolved_at",
        ]
    ],
    hide_index=True,
    column_config={
        "severity": "Severity",
        "title": st.column_config.TextColumn("What happened", width="large"),
        "occurrences": st.column_config.NumberColumn("Times", format="localized"),
        "last_seen": st.column_config.DatetimeColumn("Last seen", help=f"Times are {zone}."),
        "first_seen": st.column_config.DatetimeColumn("First seen"),
        "kind": "Kind",
        "request_id": st.column_config.TextColumn("Quote", help="The id a person was given."),
        "sample": st.column_config.JsonColumn("Sample"),
        "resolved_at": st.column_config.DatetimeColumn("Resolved"),
    },
)
st.caption(f"Times are {zone}.")
