"""The actions on an alert: acknowledging and silencing it; and a test whether alerts arrive."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial

import streamlit as st

from core.figures.wording import counted
from core.monitoring.alerts import board
from core.monitoring.alerts.targets import Target
from core.staff.roles import Actor, Right, right
from core.ui import session
from core.ui.kit import actions
from core.ui.text import literal

SILENCES = {"1 hour": 1, "4 hours": 4, "1 day": 24, "1 week": 7 * 24}


def may_act() -> bool:
    """Whether the user may acknowledge and silence alerts: the same right as for replaying events."""
    return right(session.actor().role, "events") >= Right.ACT


def acknowledge(alert_id: int, actor: Actor) -> str:
    board.acknowledge(session.db(), actor, alert_id, session.services().clock())
    return "Acknowledged: no more reminders. A message is sent when it is resolved."


def end_silence(alert_id: int, actor: Actor) -> str:
    board.silence(session.db(), actor, alert_id, None, "The silence was ended.", session.services().clock())
    return "Messages about this alert are sent again."


@st.dialog("Silence alert")
def ask_to_silence(alert_id: int, title: str) -> None:
    actions.end_dialog_if_over()
    st.markdown(f"**{literal(title)}.** It still fires and is shown; nothing is sent about it.")
    st.segmented_control("For", list(SILENCES), default="4 hours", required=True, key="alert-silence-for")
    st.text_input("Reason", key="alert-silence-why", max_chars=300, placeholder="For the audit log")
    st.button("Silence alert", type="primary", on_click=actions.attempt, args=(partial(_silence, alert_id),))
    actions.end_dialog_when_done()


def _silence(alert_id: int, actor: Actor) -> str:
    chosen = st.session_state.get("alert-silence-for") or "4 hours"
    now = session.services().clock()
    reason = st.session_state.get("alert-silence-why") or ""
    board.silence(session.db(), actor, alert_id, now + timedelta(hours=SILENCES[chosen]), reason, now)
    return f"Silenced for {chosen}."


def send_test(targets: Sequence[Target], actor: Actor) -> str:
    running = session.services()
    board.send_test(running.db, actor, targets, session.settings().public_base_url, running.clock())
    return f"A test is on its way to {counted(len(targets), 'target')}. Reload to see whether it arrived."
