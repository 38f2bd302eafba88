"""What a button does: once per click, as whoever is signed in at that moment, with a result in words."""

from collections.abc import Callable
from functools import partial

import streamlit as st
import structlog
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.scriptrunner_utils.script_run_context import ThreadState

from core.db import DatabaseFault
from core.errors import PayopsError, Unauthorised, Unavailable
from core.staff import audit, confirmation, roles
from core.staff.roles import Actor
from core.staff.sessions import StaffSession
from core.ui import session
from core.ui.text import literal

log = structlog.get_logger(__name__)

_DONE, _FAILED, _PROBLEM, _PROOF = "action_done", "action_failed", "action_problem", "action_proof"


class Failure(str):
    """What `work` answers where it came to its end without the wished result, such as a card declined again."""


def attempt(work: Callable[[Actor], str], *, confirmed: bool = False) -> None:
    """For `on_click`: do `work`, which answers what was done in a sentence; a refusal is kept to be shown.

    Who was signed out meanwhile does nothing, and sees the sign-in form. `confirmed` is for what moves money: it is
    done only by somebody who proved to be there within 15 minutes, or does so in the field of `ask_who_it_is`.
    """
    if (staff := session.working()) is None:
        return
    try:
        if confirmed and not staff.confirmed:
            staff = _confirmed(staff)
        result = work(staff.actor)
        if not session.just_ended():  # who comes to this tab next is told nothing
            st.session_state[_FAILED if isinstance(result, Failure) else _DONE] = result
    except DatabaseFault:
        raise
    except PayopsError as error:
        note_refusal(staff, error, name_of(work))
        st.session_state[_PROBLEM] = error.detail


def note_refusal(staff: StaffSession, error: PayopsError, action: str) -> None:
    """The audit log says what was refused to whom on which page; wrong codes are on record already."""
    if isinstance(error, Unavailable) or error.code in ("wrong_code", "confirm_again"):
        return
    try:
        audit.record(
            session.db(),
            staff.actor,
            "console:action:tried",
            f"page:{session.address()}",
            session.sessions().now(),
            outcome="refused",
            reason=error.detail,
            after={"action": action, "code": error.code},
        )
    except Unavailable:
        log.warning("a refusal could not be recorded", actor=staff.actor.name, action=action, code=error.code)


def name_of(work: Callable[..., object]) -> str:
    """What an action is called where it is written."""
    while isinstance(work, partial):
        work = work.func
    return getattr(work, "__name__", "an action")


def _confirmed(staff: StaffSession) -> StaffSession:
    """The same session after its user proved to be there with what they gave; refused where that is nothing or wrong."""
    if proof := st.session_state.get(_PROOF):
        confirmation.confirm(session.sessions(), staff, proof)
    found = session.working()
    if found is None:
        raise Unauthorised("not_signed_in", "Please sign in again.")
    roles.require_confirmed(found.actor)
    return found


def ask_who_it_is() -> None:
    """In the dialog of a money action: a field for code or password where the last one is 15 minutes old."""
    staff = session.working()
    if staff is None or staff.confirmed:
        return
    label = "Code of your authenticator app" if staff.has_second_factor else "Your password"
    st.text_input(label, type="password", key=_PROOF, help="Asked again 15 minutes after the last time.")


def show_result() -> None:
    """Where a page wants to say what became of the last action."""
    if done := st.session_state.pop(_DONE, None):
        st.success(literal(done))
    if failed := st.session_state.pop(_FAILED, None):
        st.error(literal(failed))
    if problem := st.session_state.pop(_PROBLEM, None):
        st.error(literal(problem))


def end_dialog_when_done() -> None:
    """Last in a dialog: it closes when its action was done, and says why where it was refused."""
    end_dialog_if_over()
    if problem := st.session_state.pop(_PROBLEM, None):
        st.error(literal(problem))


def end_dialog_if_over() -> None:
    """First in the dialog of a money action: once it is over, its button is not drawn anew for a late second click.

    Who was signed out meanwhile sees the sign-in form in place of the dialog.
    """
    if _DONE in st.session_state or _FAILED in st.session_state or session.working() is None:
        _forget_dialog()
        st.rerun()


def _forget_dialog() -> None:
    """From now on a click in this dialog, which the browser may still show for a moment, is none.

    Streamlit itself knows the dialog until the page is drawn, and on a page that ends with `st.stop` for good. Until then
    such a click does the work again, its result ends the next dialog, and what is drawn for it has no place any more:
    the browser shows nothing at all.
    """
    running, dialog = get_script_run_ctx(), ThreadState.get().fragment_id
    if running and dialog and running.fragment_storage.contains(dialog):
        running.fragment_storage.delete(dialog)
