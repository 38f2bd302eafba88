"""The company's own texts for evidence, such as its refund policy."""

from datetime import datetime
from functools import partial

import streamlit as st

from core.payments.disputes import disputes, evidence
from core.staff.audit_words import actor_name
from core.staff.roles import Actor
from core.ui import session
from core.ui.kit import actions
from core.ui.text import in_zone, literal

KINDS = ("product_description", "refund_policy_disclosure", "cancellation_policy_disclosure")


def show() -> None:
    """Show each text, who changed it last, and a field to edit it."""
    kept = disputes.texts(session.db())
    with st.expander(f"Texts for evidence ({len(kept)} of {len(KINDS)} written)"):
        st.caption("New evidence starts with these texts. Leave out health details.")
        for kind in KINDS:
            field, now = evidence.FIELDS[kind], kept.get(kind)
            st.text_area(
                field.title,
                now["text"] if now else "",
                key=f"text {kind}",
                help=field.help,
                height=90,
                max_chars=evidence.MAX_CHARACTERS,
            )
            with st.container(horizontal=True, vertical_alignment="center"):
                st.button("Save", key=f"save {kind}", on_click=actions.attempt, args=(partial(_save, kind),))
                if now:
                    st.caption(literal(f"{actor_name(now['changed_by'])}, {_at(now['changed_at'])}"), width="content")


def _save(kind: str, actor: Actor) -> str:
    running = session.services()
    disputes.set_text(running.db, actor, kind, st.session_state.get(f"text {kind}") or "", running.clock())
    return f"{evidence.FIELDS[kind].title} saved."


def _at(moment: str) -> str:
    return in_zone(datetime.fromisoformat(moment), session.settings().business_zone)
