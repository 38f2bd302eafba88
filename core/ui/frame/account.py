"""The user's own account, below the pages in the sidebar: password, second factor, and signing out."""

from functools import partial

import streamlit as st

from core.figures.wording import counted
from core.staff import users
from core.staff.passwords import MIN_BYTES
from core.staff.roles import Actor
from core.staff.sessions import StaffSession
from core.ui import session
from core.ui.frame import second_factor
from core.ui.kit import actions
from core.ui.text import literal

CHANGED = "Your password was changed, and you are signed out everywhere. Sign in with the new one."
OUT_EVERYWHERE = "You are signed out everywhere."
EVERYWHERE, ELSEWHERE = "Sign out everywhere", "Sign out everywhere else"


def show(staff: StaffSession) -> None:
    """Show who is signed in, and the actions on their own account."""
    factor = "Replace second factor" if staff.has_second_factor else "Set up second factor"
    with st.sidebar:
        st.caption(f"Signed in as {literal(staff.name)} ({staff.role})")
        asked = st.menu_button(
            "Account",
            ["Change password", factor, ELSEWHERE, EVERYWHERE],
            icon=":material/account_circle:",
            width="stretch",
            key="account",
        )
        st.button("Sign out", on_click=session.sign_out, icon=":material/logout:", width="stretch")
    if asked == "Change password":
        change_password()
    elif asked == factor:
        set_up_second_factor(staff.has_second_factor)
    elif asked == ELSEWHERE:
        sign_out_elsewhere(staff.session_id)
    elif asked == EVERYWHERE:
        sign_out_everywhere()


@st.dialog("Change your password")
def change_password() -> None:
    actions.end_dialog_if_over()
    with st.form("own-password", border=False):
        st.text_input(
            "New password",
            type="password",
            key="own_password",
            autocomplete="new-password",
            help=f"At least {MIN_BYTES} characters.",
        )
        st.text_input("Once more", type="password", key="own_password_again", autocomplete="new-password")
        actions.ask_who_it_is()
        st.caption("You will be signed out everywhere and sign in with the new password.")
        st.form_submit_button(
            "Change password", type="primary", on_click=actions.attempt, args=(_change,), kwargs={"confirmed": True}
        )
    actions.end_dialog_when_done()


@st.dialog("Your second factor")
def set_up_second_factor(has_one: bool) -> None:
    actions.end_dialog_if_over()
    st.write(
        "Once the new app is set up, your current app and recovery codes stop working."
        if has_one
        else "From then on, signing in asks for a code from an app on your phone after the password."
    )
    actions.ask_who_it_is()
    st.button("Continue", type="primary", on_click=actions.attempt, args=(_want_factor,), kwargs={"confirmed": True})
    actions.end_dialog_when_done()


@st.dialog(ELSEWHERE)
def sign_out_elsewhere(session_id: str) -> None:
    actions.end_dialog_if_over()
    st.write("Every other browser where you are signed in will ask for your password again. You stay signed in here.")
    work = partial(_end_others, session_id)
    st.button(ELSEWHERE, type="primary", key="out-elsewhere", on_click=actions.attempt, args=(work,))
    actions.end_dialog_when_done()


@st.dialog(EVERYWHERE)
def sign_out_everywhere() -> None:
    actions.end_dialog_if_over()
    st.write("Every browser where you are signed in, this one included, will ask for your password again.")
    st.button(EVERYWHERE, type="primary", key="out-everywhere", on_click=actions.attempt, args=(_end_all,))
    actions.end_dialog_when_done()


def _change(actor: Actor) -> str:
    users.choose_password(
        session.db(),
        actor,
        st.session_state["own_password"],
        st.session_state["own_password_again"],
        session.sessions().now(),
    )
    session.sign_out(CHANGED)
    return CHANGED


def _want_factor(actor: Actor) -> str:
    second_factor.want()
    return ""


def _end_others(session_id: str, actor: Actor) -> str:
    ended = session.sessions().sign_out_everywhere(actor, actor.name.partition(":")[2], keep=session_id)
    return f"You were signed out of {counted(ended, 'other browser')}."


def _end_all(actor: Actor) -> str:
    session.sessions().sign_out_everywhere(actor, actor.name.partition(":")[2])
    session.sign_out(OUT_EVERYWHERE)
    return OUT_EVERYWHERE
