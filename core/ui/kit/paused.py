"""A notice beside a flow's buttons while it is paused: by whom and why, within seconds of the switch."""

import streamlit as st

from core.staff import audit_words
from core.staff.flags import SUSPENDED, WORDS, Flow
from core.ui import session
from core.ui.kit import freshness
from core.ui.text import literal

REFRESH_SECONDS = 2


def why(flow: Flow) -> str:
    """Why the flow is paused, in a sentence for staff; empty while it runs."""
    context = session.services().payment_context
    flag = context.flags.all()[flow]
    name = WORDS[flow][0]
    if not flag.open:
        return f"{name}: paused by {audit_words.actor_name(flag.changed_by)}. {flag.reason}"
    if session.settings().payments_suspended and flow is not Flow.DISCOUNTS:
        return f"{name}: paused by PAYMENTS_SUSPENDED. Customers see: {SUSPENDED}"
    return ""


@st.fragment(run_every=REFRESH_SECONDS)
def notice(*flows: Flow) -> None:
    """A line for each of these flows that is paused now; when that changes, the page's buttons follow."""
    freshness.reader_role()
    found = [said for flow in flows if (said := why(flow))]
    for said in found:
        st.warning(literal(said), icon=":material/pause_circle:")
    key = f"paused {'-'.join(flows)}"
    if st.session_state.get(key, found) != found:
        st.session_state[key] = found
        st.rerun()
    st.session_state[key] = found
