"""One's own account, below the pages in the sidebar: password, second factor, and signing out."""

import streamlit as st

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


def show(staff: StaffSession) -> None:
    """Who is signed in, with what they may do to their own account."""
    factor = "Replace second factor" if staff.has_second_factor else "Set up second factor"
    with st.sidebar:
        st.caption(f"Signed in as {literal(staff.name)} ({staff.role})")
        asked = st.menu_button(
            "Account",
            ["Change password", factor, "Sign out everywhere"],
            icon=":material/account_circle:",
            width="stretch",
            key="account",
        )
        st.button("Sign out", on_click=session.sign_out, icon=":material/logout:", width="stretch")
    if asked == "Change password":
        change_password()
    elif asked == factor:
        set_up_second_factor(staff.has_second_factor)
    elif asked:
        sign_out_everywhere()


@st.dialog("Change your password")
def change_password() -> None:
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
        st.caption("You are signed out everywhere, and sign in with it.")
        st.form_submit_button(
            "Change password", type="primary", on_click=actions.attempt, args=(_change,), kwargs={"confirmed": True}
        )
    actions.end_dialog_when_done()


@st.dialog("Your second factor")
def set_up_second_factor(has_one: bool) -> None:
    st.write(
        "The app and the recovery codes you have now are good no more once the new ones are set up."
        if has_one
        else "From then on a code of an app on your phone is asked for after the password."
    )
    actions.ask_who_it_is()
    st.button("Go on", type="primary", on_click=actions.attempt, args=(_want_factor,), kwargs={"confirmed": True})
    actions.end_dialog_when_done()


@st.dialog("Sign out everywhere")
def sign_out_everywhere() -> None:
    st.write("Every browser and tab you are signed in at asks for your password again, this one too.")
    st.button("Sign out everywhere", type="primary", key="out-everywhere", on_click=actions.attempt, args=(_end_all,))
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


def _end_all(actor: Actor) -> str:
    session.sessions().sign_out_everywhere(actor, actor.name.partition(":")[2])
    session.sign_out(OUT_EVERYWHERE)
    return OUT_EVERYWHERE
