"""The sign-in form, drawn by streamlit-authenticator; `core.staff.sessions` checks the sign-in."""

import re
from typing import Any

import streamlit as st
from streamlit_authenticator import Authenticate  # type: ignore[import-untyped]

from core.errors import PayopsError, Unauthorised
from core.staff import users
from core.staff.sessions import StaffSession, Visit
from core.ui import session
from core.ui.frame import single_sign_on
from core.ui.text import literal

_BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iOS"),
    ("iPad", "iPadOS"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)


class NoCookie:
    """Stands in for the library's cookie, which could not be revoked: does nothing."""

    def get_cookie(self) -> None:
        return None

    def set_cookie(self) -> None:
        return None

    def delete_cookie(self) -> None:
        return None


class SignInController:
    """Passes the form's input to `core.staff.sessions` and keeps the result."""

    def __init__(self) -> None:
        self.signed_in = False
        self.problem: str | None = None

    def login(self, username: str = "", password: str = "", *_: object, **__: object) -> bool:
        try:
            session.begin(session.sessions().sign_in(username, password, _visit(username)))
        except PayopsError as error:
            self.problem = error.detail
            return False
        self.signed_in = True
        return True


class Form(Authenticate):  # type: ignore[misc]
    """The library's form without its constructor, which would add a cookie component to the page and wait for it."""

    def __init__(self, controller: SignInController):
        self.path = None
        self.api_key = None
        self.secret_key = ""
        self.attrs: dict[str, Any] = {"login_sleep_time": 0}
        self.cookie_controller = NoCookie()
        self.authentication_controller = controller


def sign_in() -> None:
    """Show the sign-in page; after signing in, visitors stay at the address they came to."""
    controller = SignInController()
    _, middle, _ = st.columns([1, 2, 1])
    with middle:
        st.title("Payment operations")
        if message := session.ended_message():
            st.success(literal(message))
        Form(controller).login(fields={"Form name": "Sign in"}, key="sign-in")
        if controller.problem:
            st.error(literal(controller.problem))
        by_identity = not controller.signed_in and single_sign_on.show(_visit(""))
    if controller.signed_in or by_identity:
        st.rerun()


def change_password(staff: StaffSession) -> None:
    """Show the page for users with a temporary password; no other page opens until they choose their own."""
    _, middle, _ = st.columns([1, 2, 1])
    with middle, st.form("change-password", clear_on_submit=True):
        st.subheader("Choose a password of your own")
        st.write("At least 12 characters. You then sign in again with the new password.")
        st.text_input("New password", type="password", key="new_password", autocomplete="new-password")
        st.text_input("Once more", type="password", key="new_password_again", autocomplete="new-password")
        st.form_submit_button("Change password", on_click=_change_password, args=(staff,))
    if problem := st.session_state.pop("password_problem", None):
        middle.error(literal(problem))


def device_of(user_agent: str) -> str:
    """Browser and system in words, such as `Firefox on Linux`."""
    browser = next((name for token, name in _BROWSERS if token in user_agent), "Another browser")
    system = next((name for token, name in _SYSTEMS if token in user_agent), "an unknown system")
    return f"{browser} on {system}"


def _visit(user: str) -> Visit:
    """The origin of this tab's sign-in. Streamlit gives no address for a visitor on the same machine."""
    address = st.context.ip_address or "this machine"
    device = device_of(st.context.headers.get("User-Agent") or "")
    return Visit(re.sub(r"[^\w.: ]", "", address)[:64], device, session.device_token(user))


def _change_password(staff: StaffSession) -> None:
    try:
        users.choose_password(
            session.db(),
            staff.actor,
            st.session_state["new_password"],
            st.session_state["new_password_again"],
            session.sessions().now(),
        )
    except Unauthorised:
        session.sign_out("That took too long. Sign in again and choose a password.")
    except PayopsError as error:
        st.session_state["password_problem"] = error.detail
    else:
        session.sign_out("Your password was changed. Sign in with the new one.")
