"""Who looks at this page, and the services it works with."""

from collections.abc import Callable
from functools import cache
from threading import Lock
from typing import TypeGuard

import streamlit as st

from core import services as running
from core.db import Database
from core.errors import Unauthorised
from core.services import Services
from core.settings import Settings, load_settings
from core.staff.roles import PAGES, Actor, Right, right
from core.staff.sessions import Sessions, SignedIn, StaffSession, sessions_of

COOKIE = "payops_session"
_SESSION_ID, _TICKET, _ENDED = "staff_session_id", "staff_session_ticket", "staff_session_ended"
_WORDS, _ADDRESS = "staff_session_ended_words", "page_address"
_starting = Lock()


@cache
def settings() -> Settings:
    """The process's settings, read at the first call."""
    return load_settings()


def services() -> Services:
    """What this process works with, started at the first call and shared by everybody it serves."""
    with _starting:
        return _services()


def db() -> Database:
    return services().db


def sessions() -> Sessions:
    """The store of staff sessions."""
    return sessions_of(settings(), db())


def current() -> StaffSession | None:
    """The session behind this page, asked of the store each time: an ended one is None at once.

    A tab that signed in knows its session itself, since a socket keeps the cookies it was opened with.
    """
    return _found(*_known_by())


def working() -> StaffSession | None:
    """The session behind this page if it may work: signed in, with every step of the sign-in behind it."""
    return _if_complete(current())


def _known_by() -> tuple[str | None, str | None]:
    """What this tab is known by: the id of the session it opened, and its cookie."""
    return st.session_state.get(_SESSION_ID), st.context.cookies.get(COOKIE)


def _found(session_id: str | None, token: str | None) -> StaffSession | None:
    if session_id:
        return sessions().of_id(session_id)
    return sessions().of_cookie(token) if isinstance(token, str) and token else None


def _if_complete(found: StaffSession | None) -> StaffSession | None:
    return found if found and sessions().next_step(found) is None else None


def actor() -> Actor:
    """Who acts here, with their role of this moment.

    Somebody signed out meanwhile sees the sign-in form, and somebody whose new role may not open this page is told so.
    """
    found = working()
    if not _belongs(found, address()):
        st.rerun()
    return found.actor


def actor_at_click() -> Callable[[], Actor]:
    """Tells who acts here, to what a click runs apart from the page, such as the making of a file.

    That has no tab to ask, and may come long after the page was drawn. Told only then, it raises `Unauthorised` for
    somebody who is signed out by then or may see the page no more.
    """
    known_by, here = _known_by(), address()

    def tell() -> Actor:
        found = _if_complete(_found(*known_by))
        if not _belongs(found, here):
            raise Unauthorised("signed_out", "You are signed out, or may see this page no more.")
        return found.actor

    return tell


def _belongs(found: StaffSession | None, here: str) -> TypeGuard[StaffSession]:
    return found is not None and (here not in PAGES or right(found.role, here) is not Right.NONE)


def keep(signed_in: SignedIn) -> None:
    """From now on this tab belongs to this session; its cookie can be had for the ticket."""
    st.session_state[_SESSION_ID] = signed_in.session_id
    st.session_state[_TICKET] = signed_in.ticket
    st.session_state.pop(_ENDED, None)


def sign_out(words: str = "") -> None:
    """End the session of this tab, and forget all the tab held: the next person at it sees nothing of it.

    `words` are shown above the sign-in form, once.
    """
    if found := current():
        sessions().sign_out(found)
    st.session_state.clear()
    st.session_state[_ENDED] = True
    st.session_state[_WORDS] = words


def ticket() -> str | None:
    """The ticket still to be exchanged for the cookie, if this tab holds one."""
    return st.session_state.get(_TICKET)


def just_ended() -> bool:
    """Whether this tab signed out and the browser may still hold the cookie."""
    return bool(st.session_state.get(_ENDED))


def words_at_the_end() -> str:
    """What the sign-in form says about how the last session of this tab ended; once."""
    return str(st.session_state.pop(_WORDS, ""))


def be_at(address: str) -> None:
    """From now on this tab is at this page."""
    st.session_state[_ADDRESS] = address


def address() -> str:
    """The page this tab was last at, also while a click on it is being worked on."""
    return str(st.session_state.get(_ADDRESS, ""))


@cache
def _services() -> Services:
    return running.start(settings())
