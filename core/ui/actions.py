"""What a button does: once per click, as whoever is signed in at that moment, with a result in words."""

from collections.abc import Callable

import streamlit as st

from core.db import DatabaseFault
from core.errors import PayopsError
from core.staff.roles import Actor
from core.ui import session
from core.ui.text import literal

_DONE, _PROBLEM = "action_done", "action_problem"


def attempt(work: Callable[[Actor], str]) -> None:
    """For `on_click`: do `work`, which answers what was done in a sentence; a refusal is kept to be shown.

    Who was signed out meanwhile does nothing, and sees the sign-in form.
    """
    if (staff := session.current()) is None:
        return
    try:
        st.session_state[_DONE] = work(staff.actor)
    except DatabaseFault:
        raise
    except PayopsError as error:
        st.session_state[_PROBLEM] = error.detail


def show_result() -> None:
    """Where a page wants to say what became of the last action."""
    if done := st.session_state.pop(_DONE, None):
        st.success(literal(done))
    if problem := st.session_state.pop(_PROBLEM, None):
        st.error(literal(problem))


def end_dialog_when_done() -> None:
    """Last in a dialog: it closes when its action was done, and says why where it was refused."""
    if _DONE in st.session_state:
        st.rerun()
    if problem := st.session_state.pop(_PROBLEM, None):
        st.error(literal(problem))
