"""Notes of staff about a payment or a customer: the list, and the form to add one."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

import streamlit as st

from core.privacy.notes import NoteRow, may_remove
from core.staff.audit_words import actor_name
from core.staff.roles import Actor
from core.ui import session
from core.ui.kit import actions
from core.ui.text import in_zone, literal

NOTE = "note"


def show(notes: Sequence[NoteRow], *, add: Callable[[str, Actor], None], remove: Callable[[int, Actor], None]) -> None:
    """Show the notes, without removed ones, and a form to add one. A refused note stays in the form."""
    st.subheader("Notes")
    for note in (each for each in notes if each["note"]):
        with st.container(border=True):
            st.markdown(literal(note["note"]))
            with st.container(horizontal=True, vertical_alignment="center"):
                st.caption(literal(f"{actor_name(note['written_by'])}, {_at(note['at'])}"), width="content")
                if may_remove(session.actor(), note):
                    st.button(
                        "Remove",
                        key=f"note {note['id']}",
                        type="tertiary",
                        on_click=actions.attempt,
                        args=(partial(_remove_note, remove, note["id"]),),
                    )
    with st.form("new-note"):
        st.text_area("A note for colleagues", key=NOTE, max_chars=2000, height=80)
        st.caption("Leave out health details and card numbers. This is not a medical record.")
        st.form_submit_button("Add note", on_click=_submit, args=(add,))


def _submit(add: Callable[[str, Actor], None]) -> None:
    actions.attempt(partial(_add_note, add, st.session_state.get(NOTE) or ""))


def _add_note(add: Callable[[str, Actor], None], note: str, actor: Actor) -> str:
    add(note, actor)
    st.session_state[NOTE] = ""
    return "Note added."


def _remove_note(remove: Callable[[int, Actor], None], note_id: int, actor: Actor) -> str:
    remove(note_id, actor)
    return "Note removed."


def _at(moment: str) -> str:
    return in_zone(datetime.fromisoformat(moment), session.settings().business_zone)
