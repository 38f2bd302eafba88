"""The actions on an incident: taking, resolving and silencing it."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import streamlit as st

from core.figures.wording import counted
from core.monitoring import incidents
from core.monitoring.incidents import Detail
from core.staff.roles import Actor, Right, right
from core.ui import session
from core.ui.kit import actions
from core.ui.text import literal

SILENCES = {"1 hour": 1, "4 hours": 4, "1 day": 24, "1 week": 7 * 24}


def may_act() -> bool:
    """Whether the user may take, resolve and silence incidents: the same right as for replaying events."""
    return right(session.actor().role, "events") >= Right.ACT


def taking(incident_id: int, *, release: bool) -> Callable[[Actor], str]:
    """An action for `actions.attempt` that makes the user the incident's owner or, with `release`, nobody."""
    return partial(_take, incident_id, release)


def ending_silence(incident_id: int) -> Callable[[Actor], str]:
    """An action for `actions.attempt` that ends the incident's silence, so that alerts about it are sent again."""
    return partial(_end_silence, incident_id)


@st.dialog("Resolve incident")
def ask_to_resolve(incident: Detail) -> None:
    actions.end_dialog_if_over()
    st.markdown(f"**{literal(incident['title'])}** Seen {counted(incident['occurrences'], 'time')}.")
    st.text_input("What was done about it", key="resolution", max_chars=300)
    st.caption("If it happens again, it opens again by itself.")
    st.button("Resolve incident", type="primary", on_click=actions.attempt, args=(partial(_resolve, incident["id"]),))
    actions.end_dialog_when_done()


@st.dialog("Silence incident")
def ask_to_silence(incident: Detail) -> None:
    actions.end_dialog_if_over()
    st.markdown(f"**{literal(incident['title'])}** It stays open and is counted, but sends no alerts.")
    st.segmented_control("For", list(SILENCES), default="4 hours", required=True, key="silence-for")
    st.text_input("Reason", key="silence-why", max_chars=300, placeholder="For the audit log")
    st.button("Silence incident", type="primary", on_click=actions.attempt, args=(partial(_silence, incident["id"]),))
    actions.end_dialog_when_done()


def _take(incident_id: int, release: bool, actor: Actor) -> str:
    incidents.take(session.db(), actor, incident_id, session.services().clock(), release=release)
    return "Released: nobody owns this incident now." if release else "You own this incident."


def _resolve(incident_id: int, actor: Actor) -> str:
    resolution = st.session_state.get("resolution") or ""
    incidents.resolve(session.db(), actor, incident_id, resolution, session.services().clock())
    return "Resolved. If it happens again, it opens again."


def _silence(incident_id: int, actor: Actor) -> str:
    chosen = st.session_state.get("silence-for") or "4 hours"
    now = session.services().clock()
    reason = st.session_state.get("silence-why") or ""
    incidents.silence(session.db(), actor, incident_id, now + timedelta(hours=SILENCES[chosen]), reason, now)
    return f"Silenced for {chosen}."


def _end_silence(incident_id: int, actor: Actor) -> str:
    incidents.silence(session.db(), actor, incident_id, None, "The silence was ended.", session.services().clock())
    return "This incident sends alerts again."
