"""What a button does: once per click, as the user signed in at that moment, with a result in a sentence."""

import re
import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

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
Task = TypeVar("Task")
Result = TypeVar("Result")

ASKED = "dialog_asked"  # the dialog that a button of a drawer or dialog asked for, see `drawer.ask`
DOUBLE_CLICK_SECONDS = 1.0
_LAST = "action_last"
_DONE, _FAILED, _PROBLEM, _PROOF = "action_done", "action_failed", "action_problem", "action_proof"


class Failure(str):
    """Returned by `work` when it finished without the wanted result, such as a card that was declined again."""


def attempt(work: Callable[[Actor], str], *, confirmed: bool = False) -> None:
    """For `on_click`: do `work`, which returns what was done in one sentence; a refusal is stored to be shown.

    A user who was signed out meanwhile does nothing and sees the sign-in form. `confirmed` is for actions that move
    money: the user must have entered their password or code within 15 minutes, or enter it in `ask_who_it_is`.
    """
    if (staff := session.working()) is None or _is_second_click(work):
        return
    try:
        if confirmed and not staff.confirmed:
            staff = _confirmed(staff)
        result = work(staff.actor)
        st.session_state[_LAST] = (_named(work), time.monotonic())
        if not session.just_ended():
            st.session_state[_FAILED if isinstance(result, Failure) else _DONE] = result
    except DatabaseFault:
        raise
    except PayopsError as error:
        note_refusal(staff, error, name_of(work))
        st.session_state[_PROBLEM] = error.detail


def _is_second_click(work: Callable[[Actor], str]) -> bool:
    """Whether exactly this was done a moment ago, so that a double click is one action."""
    last, done_at = st.session_state.get(_LAST, (None, 0.0))
    return bool(last == _named(work) and time.monotonic() - done_at < DOUBLE_CLICK_SECONDS)


def _named(work: Callable[..., object]) -> str:
    """The work with everything it is given; where an object lies in memory says nothing about what it is."""
    given: list[object] = []
    while isinstance(work, partial):
        given += [work.args, work.keywords]
        work = work.func
    return re.sub(r" at 0x[0-9a-f]+", "", f"{work.__module__}.{work.__qualname__} {given!r}")


def note_refusal(staff: StaffSession, error: PayopsError, action: str) -> None:
    """Record in the audit log which action was refused, to whom and on which page; wrong codes are recorded already."""
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
        log.warning(
            "a refusal could not be recorded in the audit log", actor=staff.actor.name, action=action, code=error.code
        )


def name_of(work: Callable[..., object]) -> str:
    """The name of an action for the audit log, such as `add user` for a function `_add_user`."""
    while isinstance(work, partial):
        work = work.func
    return getattr(work, "__name__", "an action").strip("_").replace("_", " ")


def _confirmed(staff: StaffSession) -> StaffSession:
    """The session, confirmed by the password or code that was entered; refused if that is missing or wrong."""
    if proof := st.session_state.get(_PROOF):
        confirmation.confirm(session.sessions(), staff, proof)
    found = session.working()
    if found is None:
        raise Unauthorised("not_signed_in", "You were signed out, so nothing was done. Sign in and try again.")
    roles.require_confirmed(found.actor)
    return found


def ask_who_it_is() -> None:
    """In the dialog of a money action: a field for code or password if the last one is over 15 minutes old."""
    staff = session.working()
    if staff is None or staff.confirmed:
        return
    label = "Code from your authenticator app" if staff.has_second_factor else "Your password"
    st.text_input(label, type="password", key=_PROOF, help="Asked again 15 minutes after you last entered it.")


def show_result() -> None:
    """Show the result of the last action here; it stays in view however far down the page the user is."""
    found = {each: st.session_state.pop(each, None) for each in (_DONE, _FAILED, _PROBLEM)}
    if not any(found.values()):
        return
    with st.container(key="action-result"):
        for each, text in found.items():
            if text:
                (st.success if each == _DONE else st.error)(literal(text))


def end_dialog_when_done() -> None:
    """Last in a dialog: it closes when its action is done, or says why it was refused."""
    end_dialog_if_over()
    if problem := st.session_state.pop(_PROBLEM, None):
        st.error(literal(problem))


def one_after_the_other(
    todo: list[Task], done: list[Result], work: Callable[[Task], Result], name: Callable[[Task], object]
) -> None:
    """`work` on each of `todo`, with a progress bar that names it; its result joins `done`.

    Each leaves `todo` when it is finished, so that a click in between interrupts only the bar.
    """
    everything = len(todo) + len(done)
    bar = st.progress(len(done) / everything)
    while todo:
        bar.progress(len(done) / everything, text=f"{len(done) + 1:,} of {everything:,}: {literal(name(todo[0]))}")
        done.append(work(todo[0]))
        todo.pop(0)


def end_dialog_if_over() -> None:
    """First in a dialog: once its action is done, its button is not drawn again for a late second click.

    A user who was signed out meanwhile sees the sign-in form instead of the dialog.
    """
    if _DONE in st.session_state or _FAILED in st.session_state or session.working() is None:
        _forget_dialog()
        st.rerun()
    end_dialog_if_asked()


def end_dialog_if_asked() -> None:
    """A dialog or drawer ends where one of its buttons asked for another, because only one can be open."""
    if ASKED in st.session_state:
        st.rerun()  # the whole page, which opens the other


def _forget_dialog() -> None:
    """Ignore further clicks in this dialog, which the browser may still show for a moment.

    Streamlit remembers the dialog until the page is drawn, and forever on a page that ends with `st.stop`. Until then a
    second click would do the work again, close the next dialog, and leave the browser with an empty page.
    """
    running, dialog = get_script_run_ctx(), ThreadState.get().fragment_id
    if running and dialog and running.fragment_storage.contains(dialog):
        running.fragment_storage.delete(dialog)
