"""The dialog that replays one or many events, after showing what that would do."""

from functools import partial

import streamlit as st

from core.events import replay, wording
from core.events.lookup import EventFilter
from core.figures.wording import counted
from core.staff import audit
from core.staff.roles import Actor, Right, right
from core.ui import session
from core.ui.kit import actions
from core.ui.text import code, literal

STORED, STRIPE = "the stored payload", "the object's current state at Stripe"
MOST_FROM_STRIPE = 100
SHOWN_CHANGES = 6


def may_replay() -> bool:
    """Whether the user may replay events."""
    return right(session.actor().role, "events") >= Right.ACT


@st.dialog("Replay", width="medium")
def open(sought: EventFilter, events: str) -> None:
    """Open the dialog, from a button. `events` describes the events; the page shows the result by `show_result`."""
    actions.end_dialog_if_over()
    running = session.services()
    found = replay.preview(running.db, sought, livemode=running.livemode)
    st.markdown(f"**{literal(events)}**")
    by = st.segmented_control("Replay with", [STORED, STRIPE], default=STORED, required=True, key="replay-by")
    most = MOST_FROM_STRIPE if by == STRIPE else replay.PREVIEW_MOST
    with st.container(border=True):
        if by == STRIPE:
            asked = min(found.events, most)
            st.markdown(f"We read {counted(asked, 'object')} from Stripe and store the current state.")
        else:
            st.markdown("\n".join(f"- {literal(line)}" for line in wording.effects_in_words(found)))
            for row in [row for row in found.rows if row.fields][:SHOWN_CHANGES]:
                st.caption(f"{code(row.id)}: {literal(', '.join(sorted(row.fields)))}")
        if found.more or found.events > most:
            st.markdown(f"More events match: only the newest {most:,} are replayed. Replay again for the rest.")
    st.text_input("Reason", key="replay-why", max_chars=300, placeholder="For the audit log")
    st.button(
        "Replay" if found.events == 1 else f"Replay {min(found.events, most):,} events",
        key="replay-now",
        type="primary",
        disabled=not found.events,
        on_click=actions.attempt,
        args=(partial(_replay, sought, most),),
    )
    actions.end_dialog_when_done()


def _replay(sought: EventFilter, most: int, actor: Actor) -> str:
    reason = (st.session_state.get("replay-why") or "").strip()
    running = session.services()
    audit.require_reason(running.db, reason)
    settled = list(
        replay.replay(
            running.db,
            lambda: running.stripe,
            actor,
            sought,
            clock=running.clock,
            livemode=running.livemode,
            reason=reason,
            refetch=st.session_state.get("replay-by") == STRIPE,
            most=most,
        )
    )
    result = replay.summary(settled)
    return actions.Failure(result) if any(each.outcome == "failed" for each in settled) else result
