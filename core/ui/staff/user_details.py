"""One user in a drawer: their role and state, the changes that can be made to the account, and open sessions."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import streamlit as st

from core.staff.roles import Actor
from core.staff.users import User
from core.ui import session
from core.ui.kit import actions, detail_view, drawer
from core.ui.staff import user_dialogs
from core.ui.text import ago, in_zone, literal


def show(everybody: Sequence[User], name: str) -> None:
    """Show the user with this name."""
    user = next((each for each in everybody if each["name"] == name), None)
    if user is None:
        st.info(f"There is no user {literal(name)}.")
        return
    zone = session.settings().business_zone
    st.subheader(literal(user["name"]))
    user_dialogs.show_temporary_password()
    detail_view.facts(
        [
            ("Role", user["role"].capitalize()),
            ("State", state(user)),
            ("E-mail", user["email"]),
            ("Second factor", "Set up" if user["second_factor"] else "None: signs in with the password alone"),
            ("Added", in_zone(datetime.fromisoformat(user["created_at"]), zone)),
            ("Last seen", seen(user["last_seen_at"])),
        ]
    )
    with st.container(horizontal=True):
        st.button("Change role", on_click=drawer.ask, args=(user_dialogs.change_role, user))
        for change in user_dialogs.changes_of(user):
            st.button(
                change.label, key=f"ask {change.label}", on_click=drawer.ask, args=(user_dialogs.ask, user, change)
            )
    _places(user["name"])


def seen(moment: str | None) -> str:
    return ago(datetime.fromisoformat(moment), session.sessions().now()) if moment else "never"


def state(user: Mapping[str, Any]) -> str:
    if not user["active"]:
        return "Disabled"
    if user["locked"]:
        return "Locked on new devices"
    return "Must choose a password" if user["must_change_password"] else "Active"


def _places(name: str) -> None:
    zone, places = session.settings().business_zone, session.sessions().open_sessions(session.actor(), name)
    st.markdown("**Signed in on**" if places else "Not signed in.")
    for each in places:
        with st.container(
            horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", key=f"place {each['id']}"
        ):
            since = in_zone(datetime.fromisoformat(each["opened_at"]), zone)
            st.markdown(
                literal(f"{each['device']}, {each['address']}: since {since}, last seen {seen(each['last_seen_at'])}")
            )
            st.button(
                "Sign out",
                key=f"out {each['id']}",
                on_click=actions.attempt,
                args=(partial(_sign_out, each["id"], name),),
            )


def _sign_out(session_id: str, name: str, actor: Actor) -> str:
    session.sessions().revoke(actor, session_id)
    return f"{name} was signed out there."
