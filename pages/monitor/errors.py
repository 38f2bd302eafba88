"""What is wrong: incidents once per cause, alerts with their rules, and the live system; ops and admins act."""

import streamlit as st

from core.ui.alerts import alert_list
from core.ui.incidents import incident_list, system_panel
from core.ui.kit import actions

TABS = {"Incidents": incident_list.show, "Alerts": alert_list.show, "System": system_panel.show}

st.title("Errors")
actions.show_result()
tab = st.segmented_control(
    "View", list(TABS), default="Incidents", required=True, key="tab", bind="query-params", label_visibility="collapsed"
)
TABS[tab or "Incidents"]()
