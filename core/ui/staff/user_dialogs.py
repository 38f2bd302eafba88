"""The dialogs in which an admin changes an account; each first says what will happen."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import streamlit as st

from core.errors import Unavailable
from core.figures.wording import counted
from core.monitoring.alerts import staff_mail
from core.staff import passwords, users
from core.staff.roles import Actor, Role
from core.staff.users import User
from core.ui import session
from core.ui.kit import actions
from core.ui.text import literal

ROLES = [str(role) for role in Role]
MEANINGS = {
    Role.OPS: "Monitors, assigns patients, replays events.",
    Role.SUPPORT: "Refunds up to the limit, retries failed payments, assigns patients.",
    Role.FINANCE: "Refunds and approves refunds, answers disputes, reconciles, reads the audit log.",
    Role.ADMIN: "Everything, and manages providers, users and settings.",
}
_PASSWORD = "temporary_password"


@dataclass(frozen=True)
class Change:
    """A change to an account: the button's label, what will happen, and the function that does it."""

    label: str
    consequence: str
    work: Callable[[str, Actor], str]
    needs_reason: bool = True


def disable(name: str, actor: Actor) -> str:
    users.disable(session.db(), actor, name, session.sessions().now(), reason=_reason())
    return f"{name} is signed out everywhere and can no longer sign in."


def enable(name: str, actor: Actor) -> str:
    users.enable(session.db(), actor, name, session.sessions().now(), reason=_reason())
    return f"{name} can sign in again with the same password."


def reset_password(name: str, actor: Actor) -> str:
    password = passwords.made_up()
    users.reset_password(session.db(), actor, name, password, session.sessions().now(), reason=_reason())
    st.session_state[_PASSWORD] = password
    return f"{name} has a new password and is signed out everywhere."


def reset_second_factor(name: str, actor: Actor) -> str:
    users.reset_second_factor(session.db(), actor, name, session.sessions().now(), reason=_reason())
    return (
        f"{name} is signed out everywhere and signs in with the password alone until they set up a new second factor."
    )


def sign_out_everywhere(name: str, actor: Actor) -> str:
    ended = session.sessions().sign_out_everywhere(actor, name)
    return f"{name} was signed out of {counted(ended, 'browser')}."


RESET_PASSWORD = Change(
    "Reset password",
    "You will see a new temporary password once. They are signed out everywhere, sign-in is "
    "unlocked if wrong passwords "
    "locked it, and they choose their own password when they sign in.",
    reset_password,
)
RESET_SECOND_FACTOR = Change(
    "Reset second factor",
    "For somebody who lost their phone and recovery codes. They are signed out everywhere "
    "and sign in with the password "
    "alone until they set up a new one. Make sure that the request really comes from them.",
    reset_second_factor,
)
DISABLE = Change(
    "Disable",
    "They are signed out everywhere at their next click and can no longer sign in. The audit log keeps what they did.",
    disable,
)
ENABLE = Change("Enable", "They can sign in again with the same password and role.", enable)
SIGN_OUT = Change(
    "Sign out everywhere",
    "Every browser where they are signed in will ask for their password again.",
    sign_out_everywhere,
    needs_reason=False,
)


def changes_of(user: User) -> list[Change]:
    """The changes that are possible for this account now."""
    return [
        RESET_PASSWORD,
        *([RESET_SECOND_FACTOR] if user["second_factor"] else []),
        *([SIGN_OUT] if user["signed_in"] else []),
        DISABLE if user["active"] else ENABLE,
    ]


@st.dialog("Add user")
def add() -> None:
    actions.end_dialog_if_over()
    with st.form("new-user", border=False):
        st.text_input(
            "Name",
            key="new_name",
            max_chars=32,
            help="The name they sign in with: lower-case letters, digits, dots, dashes.",
        )
        st.text_input("E-mail", key="new_email", type="email", max_chars=200)
        _role_field("new_role", ROLES[0])
        st.caption("You will see a temporary password once. They choose their own when they sign in.")
        st.form_submit_button("Add", type="primary", on_click=actions.attempt, args=(add_user,))
    actions.end_dialog_when_done()


@st.dialog("Change role", on_dismiss="rerun")
def change_role(user: User) -> None:
    actions.end_dialog_if_over()
    with st.form("role", border=False):
        st.markdown(f"The new role applies to **{literal(user['name'])}** from their next click on.")
        _role_field("their_role", user["role"])
        _reason_field()
        st.form_submit_button(
            "Change role", type="primary", on_click=actions.attempt, args=(partial(set_role, user["name"]),)
        )
    actions.end_dialog_when_done()


@st.dialog("Change account", on_dismiss="rerun")
def ask(user: User, change: Change) -> None:
    actions.end_dialog_if_over()
    with st.form("change", border=False):
        st.markdown(f"**{change.label}: {literal(user['name'])}**")
        st.write(change.consequence)
        if change.needs_reason:
            _reason_field()
        st.form_submit_button(
            change.label, type="primary", on_click=actions.attempt, args=(partial(change.work, user["name"]),)
        )
    actions.end_dialog_when_done()


def show_temporary_password() -> None:
    """Show a new temporary password once, below the result of the change."""
    if password := st.session_state.pop(_PASSWORD, None):
        with st.container(border=True, key="temporary-password"):
            st.markdown("**Temporary password**, shown only now. Pass it on by phone or in an encrypted message.")
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
    st.text_input("Reason", key="account_reason", max_chars=300, placeholder="For the audit log")


def _reason() -> str:
    return str(st.session_state.get("account_reason") or "")


def add_user(actor: Actor) -> str:
    name, password = st.session_state["new_name"].strip().lower(), passwords.made_up()
    role, email = Role(st.session_state["new_role"]), st.session_state["new_email"].strip()
    now = session.sessions().now()
    users.add(session.db(), actor, name, role, email, password, now)
    st.session_state[_PASSWORD] = password
    said = f"{name} was added with the role {role}."
    try:
        invited = staff_mail.invite(session.db(), actor, session.settings(), name, role, now=now)
    except Unavailable:  # the user is added all the same
        invited = False
    return f"{said} An invitation goes to {email}, without the password." if invited else said


def set_role(name: str, actor: Actor) -> str:
    role = Role(st.session_state["their_role"])
    users.set_role(session.db(), actor, name, role, session.sessions().now(), reason=_reason())
    return f"{name} now has the role {role}."
