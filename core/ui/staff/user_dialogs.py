"""What an admin does to somebody's account: each says first what it brings with it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import streamlit as st

from core.staff import passwords, users
from core.staff.roles import Actor, Role
from core.ui import session
from core.ui.kit import actions
from core.ui.text import literal

ROLES = [str(role) for role in Role]
MEANINGS = {
    Role.OPS: "Watches, assigns patients, replays events.",
    Role.SUPPORT: "Refunds up to the limit, retries failed payments, assigns patients.",
    Role.FINANCE: "Refunds and approves, answers disputes, reconciles, reads the audit log.",
    Role.ADMIN: "Everything, and the staff.",
}
_PASSWORD = "made_up_password"


@dataclass(frozen=True)
class Change:
    """Something to do to a user: the button's words, what it brings with it, and the work itself."""

    label: str
    brings: str
    work: Callable[[str, Actor], str]


def disable(name: str, actor: Actor) -> str:
    users.disable(session.db(), actor, name, session.sessions().now(), reason=_reason())
    return f"{name} is signed out everywhere and can sign in no more."


def enable(name: str, actor: Actor) -> str:
    users.enable(session.db(), actor, name, session.sessions().now(), reason=_reason())
    return f"{name} may sign in again, with the password they had."


def reset_password(name: str, actor: Actor) -> str:
    password = passwords.made_up()
    users.reset_password(session.db(), actor, name, password, session.sessions().now(), reason=_reason())
    st.session_state[_PASSWORD] = password
    return f"{name} has a new password and is signed out everywhere."


def reset_second_factor(name: str, actor: Actor) -> str:
    users.reset_second_factor(session.db(), actor, name, session.sessions().now(), reason=_reason())
    return f"{name} is signed out everywhere and signs in without a second factor until a new one is set up."


def sign_out_everywhere(name: str, actor: Actor) -> str:
    ended = session.sessions().sign_out_everywhere(actor, name)
    return f"{name} was signed out of {'1 browser' if ended == 1 else f'{ended} browsers'}."


RESET_PASSWORD = Change(
    "Reset password",
    "A new password is made up and shown to you once. They are signed out everywhere, a lock after wrong passwords "
    "is lifted, and they choose a password of their own when they sign in.",
    reset_password,
)
RESET_SECOND_FACTOR = Change(
    "Reset second factor",
    "For somebody who lost phone and recovery codes. They are signed out everywhere, and their password alone lets "
    "them in until they set up a new one. Be sure that it is them who asks.",
    reset_second_factor,
)
DISABLE = Change(
    "Disable",
    "They are signed out everywhere at their next click and can sign in no more. What they did stays on record.",
    disable,
)
ENABLE = Change("Enable", "They may sign in again, with the password and the role they had.", enable)
SIGN_OUT = Change(
    "Sign out everywhere", "Every browser they are signed in at asks for their password again.", sign_out_everywhere
)


def changes_of(user: dict[str, Any]) -> list[Change]:
    """What can be done to this user's account now."""
    return [
        RESET_PASSWORD,
        *([RESET_SECOND_FACTOR] if user["second_factor"] else []),
        *([SIGN_OUT] if user["signed_in"] else []),
        DISABLE if user["active"] else ENABLE,
    ]


@st.dialog("Add somebody")
def add() -> None:
    with st.form("new-user", border=False):
        st.text_input(
            "Name", key="new_name", max_chars=32, help="What they sign in with: small letters, digits, dots, dashes."
        )
        st.text_input("E-mail", key="new_email", type="email", max_chars=200)
        _role_field("new_role", ROLES[0])
        st.caption("A first password is made up and shown to you once. They choose their own when they sign in.")
        st.form_submit_button("Add", type="primary", on_click=actions.attempt, args=(_add,))
    actions.end_dialog_when_done()


@st.dialog("Change a role")
def change_role(user: dict[str, Any]) -> None:
    with st.form("role", border=False):
        st.markdown(f"**{literal(user['name'])}** sees and may do what the role allows from the next click on.")
        _role_field("their_role", user["role"])
        _reason_field()
        st.form_submit_button(
            "Change role", type="primary", on_click=actions.attempt, args=(partial(_set_role, user["name"]),)
        )
    actions.end_dialog_when_done()


@st.dialog("Change an account")
def ask(user: dict[str, Any], change: Change) -> None:
    with st.form("change", border=False):
        st.markdown(f"**{change.label}: {literal(user['name'])}**")
        st.write(change.brings)
        if change is not SIGN_OUT:
            _reason_field()
        st.form_submit_button(
            change.label, type="primary", on_click=actions.attempt, args=(partial(change.work, user["name"]),)
        )
    actions.end_dialog_when_done()


def show_made_up_password() -> None:
    """Once, below the result of what made it."""
    if password := st.session_state.pop(_PASSWORD, None):
        with st.container(border=True, key="made-up-password"):
            st.markdown("**Their password**, shown this once. Hand it over by voice or in a sealed message.")
            st.code(password, language=None)


def _role_field(key: str, role: str) -> None:
    st.radio(
        "Role",
        ROLES,
        index=ROLES.index(role),
        key=key,
        captions=[MEANINGS[Role(each)] for each in ROLES],
        format_func=str.capitalize,
    )


def _reason_field() -> None:
    st.text_input("Why", key="account_reason", max_chars=300, placeholder="For the audit log")


def _reason() -> str:
    return str(st.session_state.get("account_reason") or "")


def _add(actor: Actor) -> str:
    name, password = st.session_state["new_name"].strip().lower(), passwords.made_up()
    role, email = Role(st.session_state["new_role"]), st.session_state["new_email"].strip()
    users.add(session.db(), actor, name, role, email, password, session.sessions().now())
    st.session_state[_PASSWORD] = password
    return f"{name} was added as {role}."


def _set_role(name: str, actor: Actor) -> str:
    role = Role(st.session_state["their_role"])
    users.set_role(session.db(), actor, name, role, session.sessions().now(), reason=_reason())
    return f"{name} has the role {role} from the next click on."
