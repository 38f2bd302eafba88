"""Who is signed in on this page, and the services the page works with."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from threading import Lock
from typing import TypeGuard

import streamlit as st

from core import services as running
from core.db import Database
from core.db.time_limits import PAGE
from core.errors import Unauthorised
from core.services import Services
from core.settings import Settings, load_settings
from core.staff import known_devices
from core.staff.roles import PAGES, Actor, Right, right
from core.staff.sessions import Sessions, SignedIn, StaffSession, sessions_of

COOKIE = "payops_session"
_SESSION_ID, _TICKET, _ENDED = "staff_session_id", "staff_session_ticket", "staff_session_ended"
_ENDED_MESSAGE, _ADDRESS = "staff_session_ended_message", "page_address"
_DEVICES = "known_device_tokens"
_starting = Lock()
_Found = dict[tuple[str | None, str | None], StaffSession | None]
_drawn_for: ContextVar[_Found | None] = ContextVar("drawn_for", default=None)


@cache
def settings() -> Settings:
    """The process's settings, read at the first call."""
    return load_settings()


def services() -> Services:
    """The process's services, started at the first call and shared by all its visitors."""
    with _starting:
        return _services()


def db() -> Database:
    return services().db


@cache
def sessions() -> Sessions:
    """The store of staff sessions."""
    return sessions_of(settings(), db())


def current() -> StaffSession | None:
    """The session of this page, looked up in each run and click, so that an ended session is None at once.

    A tab that signed in stores its session id, because its websocket keeps the cookies with which it was opened.
    """
    known_by, drawn_for = _known_by(), _drawn_for.get()
    if drawn_for is None:
        return _found(*known_by)
    if known_by not in drawn_for:
        drawn_for[known_by] = _found(*known_by)
    return drawn_for[known_by]


@contextmanager
def looked_up_once(found: StaffSession | None) -> Iterator[None]:
    """While a page is drawn, look up its session only once, or not at all if it was just `found`.

    Clicks and fragments that refresh look it up again.
    """
    token = _drawn_for.set({_known_by(): found} if found else {})
    try:
        yield
    finally:
        _drawn_for.reset(token)


def working() -> StaffSession | None:
    """The session of this page, if all steps of its sign-in are done; else None."""
    return _if_complete(current())


def _known_by() -> tuple[str | None, str | None]:
    """What identifies this tab: the id of the session it opened, and its cookie."""
    return st.session_state.get(_SESSION_ID), st.context.cookies.get(COOKIE)


def _found(session_id: str | None, token: str | None) -> StaffSession | None:
    if session_id:
        return sessions().of_id(session_id)
    return sessions().of_cookie(token) if isinstance(token, str) and token else None


def _if_complete(found: StaffSession | None) -> StaffSession | None:
    return found if found and sessions().next_step(found) is None else None


def actor() -> Actor:
    """The user who acts on this page, with their current role.

    If they were signed out meanwhile, the sign-in form opens; if their new role may not open this page, it says so.
    """
    found = working()
    if not _belongs(found, address()):
        st.rerun()
    return found.actor


def actor_at_click() -> Callable[[], Actor]:
    """A function that returns the acting user, for work outside the page's run, such as making a file.

    Such work cannot access the tab and may run long after the page was drawn. The function raises `Unauthorised` if the
    user is signed out by then, or may no longer see the page.
    """
    known_by, here = _known_by(), address()

    def acting() -> Actor:
        found = _if_complete(_found(*known_by))
        if not _belongs(found, here):
            raise Unauthorised("signed_out", "You are signed out, or your role may no longer see this page.")
        return found.actor

    return acting


def _belongs(found: StaffSession | None, here: str) -> TypeGuard[StaffSession]:
    return found is not None and (here not in PAGES or right(found.role, here) is not Right.NONE)


def begin(signed_in: SignedIn) -> None:
    """Use this new session in this tab; the browser exchanges the ticket for its cookie."""
    st.session_state.setdefault(_DEVICES, {})[signed_in.name] = signed_in.device_token
    st.session_state[_SESSION_ID] = signed_in.session_id
    st.session_state[_TICKET] = signed_in.ticket
    st.session_state.pop(_ENDED, None)


def sign_out(message: str = "") -> None:
    """End the session of this tab and clear everything the tab held; `message` is shown once above the sign-in form.

    Only the device token stays, because the websocket's cookies were sent before it was made.
    """
    if found := current():
        sessions().sign_out(found)
    devices = st.session_state.get(_DEVICES, {})
    st.session_state.clear()
    st.session_state[_DEVICES] = devices
    st.session_state[_ENDED] = True
    st.session_state[_ENDED_MESSAGE] = message


def device_token(user: str) -> str | None:
    """The proof that `user` signed in on this device before, from this tab or from the browser's cookie."""
    name = user.strip().lower()
    found = st.session_state.get(_DEVICES, {}).get(name) or st.context.cookies.get(known_devices.cookie_name(name))
    return found if isinstance(found, str) else None


def ticket() -> str | None:
    """The ticket that this tab has yet to exchange for its cookie, if any."""
    return st.session_state.get(_TICKET)


def just_ended() -> bool:
    """Whether this tab signed out and the browser may still have the cookie."""
    return bool(st.session_state.get(_ENDED))


def ended_message() -> str:
    """The message about how this tab's last session ended, for the sign-in form; returned only once."""
    return str(st.session_state.pop(_ENDED_MESSAGE, ""))


def set_address(address: str) -> None:
    """Store the address of the page that this tab is on."""
    st.session_state[_ADDRESS] = address


def address() -> str:
    """The address of the page that this tab is on, also within a callback."""
    return str(st.session_state.get(_ADDRESS, ""))


@cache
def _services() -> Services:
    return running.start_console(settings(), PAGE)
