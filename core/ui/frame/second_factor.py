"""The pages between password and console: entering the code, setting up the second factor, the recovery codes."""

import streamlit as st

from core.errors import PayopsError
from core.staff import confirmation, second_factor
from core.staff.sessions import StaffSession
from core.ui import session
from core.ui.text import literal

_SECRET, _CODES, _WANTED, _PROBLEM = "factor_secret", "recovery_codes", "factor_wanted", "factor_problem"


def give_code(staff: StaffSession) -> None:
    """Show the page that asks for the second factor after the password."""
    _, middle, _ = st.columns([1, 2, 1])
    with middle, st.form("give-code", clear_on_submit=True):
        st.subheader("One more step")
        st.write("Enter the six digits from your authenticator app, or one of your recovery codes.")
        st.text_input("Code", key="code", autocomplete="one-time-code", max_chars=40)
        st.form_submit_button("Continue", type="primary", on_click=_give_code, args=(staff,))
    _show_problem(middle)


def set_up(staff: StaffSession) -> None:
    """Show the page that shares a secret with an authenticator app and checks a code from it."""
    secret = st.session_state.setdefault(_SECRET, second_factor.new_secret())
    _, middle, _ = st.columns([1, 2, 1])
    with middle, st.form("set-up-second-factor", clear_on_submit=True):
        st.subheader("Set up your second factor")
        st.write("Scan this QR code with an authenticator app on your phone, then enter the code it shows.")
        picture = second_factor.setup_picture(secret, staff.name)
        st.html(f'<img src="{picture}" alt="QR code for the authenticator app" width="200" height="200">')
        st.caption("No camera? Type this key into the app:")
        st.code(" ".join(secret[at : at + 4] for at in range(0, len(secret), 4)), language=None)
        st.text_input("Code", key="code", autocomplete="one-time-code", max_chars=10)
        st.form_submit_button("Set up", type="primary", on_click=_set_up, args=(staff, secret))
    if not must_be_done(staff):
        middle.button("Not now", on_click=_forget)
    _show_problem(middle)


def show_recovery_codes() -> None:
    """Show the new recovery codes, which cannot be shown again."""
    _, middle, _ = st.columns([1, 2, 1])
    with middle:
        st.subheader("Save these recovery codes")
        st.write("Each works once if you lose your phone. They cannot be shown again.")
        st.code("\n".join(st.session_state[_CODES]), language=None)
        st.button("I have saved them", type="primary", on_click=_forget)


def has_codes_to_show() -> bool:
    return _CODES in st.session_state


def is_wanted() -> bool:
    """Whether the user chose to set up a second factor although it is not required."""
    return bool(st.session_state.get(_WANTED))


def want() -> None:
    st.session_state[_WANTED] = True


def must_be_done(staff: StaffSession) -> bool:
    return session.sessions().next_step(staff) == "set up second factor"


def _give_code(staff: StaffSession) -> None:
    try:
        confirmation.confirm(session.sessions(), staff, st.session_state["code"])
    except PayopsError as error:
        st.session_state[_PROBLEM] = error.detail


def _set_up(staff: StaffSession, secret: str) -> None:
    try:
        codes = confirmation.enrol(session.sessions(), staff, secret, st.session_state["code"])
    except PayopsError as error:
        st.session_state[_PROBLEM] = error.detail
    else:
        _forget()
        st.session_state[_CODES] = codes


def _forget() -> None:
    for key in (_SECRET, _CODES, _WANTED):
        st.session_state.pop(key, None)


def _show_problem(place: st.delta_generator.DeltaGenerator) -> None:
    if problem := st.session_state.pop(_PROBLEM, None):
        place.error(literal(problem))
