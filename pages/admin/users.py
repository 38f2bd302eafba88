"""The staff: who may sign in, with which role, and where they are signed in."""

from datetime import datetime
from functools import partial
from typing import Any

import streamlit as st

from core.staff import passwords, users
from core.staff.roles import Actor, Role
from core.ui import actions, session
from core.ui.text import ago, in_zone, literal

db, store, zone = session.db(), session.sessions(), session.settings().business_zone
ROLES = [str(role) for role in Role]


def add(actor: Actor) -> str:
    name, password = st.session_state["new_name"].strip().lower(), passwords.made_up()
    role = Role(st.session_state["new_role"])
    users.add(db, actor, name, role, st.session_state["new_email"].strip(), password, store.now())
    return f"{name} was added. The first password is {password} — it is shown this once and changed at the first sign-in."


def set_role(name: str, actor: Actor) -> str:
    role = users.set_role(db, actor, name, Role(st.session_state["their_role"]), store.now())["role"]
    return f"{name} has the role {role} from the next click on."


def reset_password(name: str, actor: Actor) -> str:
    password = passwords.made_up()
    users.reset_password(db, actor, name, password, store.now())
    return (
        f"The new password of {name} is {password} — it is shown this once and changed at the next sign-in."
    )


def reset_second_factor(name: str, actor: Actor) -> str:
    users.reset_second_factor(db, actor, name, store.now())
    return f"{name} is signed out everywhere and signs in without a second factor until a new one is set up."


def disable(name: str, actor: Actor) -> str:
    users.disable(db, actor, name, store.now())
    return f"{name} is signed out everywhere and can sign in no more."


def enable(name: str, actor: Actor) -> str:
    users.enable(db, actor, name, store.now())
    return f"{name} may sign in again, with the password they had."


def sign_out(session_id: str, name: str, actor: Actor) -> str:
    store.revoke(actor, session_id)
    return f"That session of {name} is over."


def sign_out_everywhere(name: str, actor: Actor) -> str:
    ended = store.sign_out_everywhere(actor, name)
    return f"{name} was signed out of {ended} sessions."


@st.dialog("Add somebody")
def ask_for_new_user() -> None:
    with st.form("new-user", border=False):
        st.text_input("Name", key="new_name", max_chars=32, help="What they sign in with: small letters, digits, dots, dashes.")  # fmt: skip
        st.text_input("E-mail", key="new_email", type="email", max_chars=200)
        st.selectbox("Role", ROLES, key="new_role")
        st.caption("A first password is made up and shown to you once.")
        st.form_submit_button("Add", type="primary", on_click=actions.attempt, args=(add,))
    actions.end_dialog_when_done()


@st.dialog("Manage a user", width="medium")
def manage(user: dict[str, Any], sessions: list[dict[str, Any]]) -> None:
    name = user["name"]
    st.subheader(literal(name))
    role, reset, state = st.columns([2, 1, 1], vertical_alignment="bottom")
    role.selectbox("Role", ROLES, index=ROLES.index(user["role"]), key="their_role")
    with reset:
        button("Set role", set_role, name, type="primary")
    with state:
        if user["active"]:
            button("Disable", disable, name)
        else:
            button("Enable", enable, name)
    button("Reset password", reset_password, name, help="Signs them out everywhere and lifts a lock.")
    if user["second_factor"]:
        button(
            "Reset second factor",
            reset_second_factor,
            name,
            help="For somebody who lost phone and recovery codes.",
        )
    st.markdown("**Signed in at**" if sessions else "Not signed in anywhere.")
    for each in sessions:
        where, out = st.columns([3, 1], vertical_alignment="center")
        where.write(
            f"{literal(each['device'])}, {literal(each['address'])}  \nlast seen {seen(each['last_seen_at'])}"
        )
        with out:
            button("Sign out", sign_out, each["id"], name, key=f"out {each['id']}")
    if sessions:
        button("Sign out everywhere", sign_out_everywhere, name)
    actions.end_dialog_when_done()


def button(label: str, work: Any, *about: str, **look: Any) -> None:
    st.button(label, on_click=actions.attempt, args=(partial(work, *about),), width="stretch", **look)


def seen(moment: str | None) -> str:
    if moment is None:
        return "never"
    at = datetime.fromisoformat(moment)
    return f"{ago(at, store.now())} ({in_zone(at, zone)})"


st.title("Users")
actions.show_result()
everybody = users.everybody(db, session.actor())
sessions = store.open_sessions(session.actor())
may_sign_in = [user for user in everybody if user["active"]]
admins = sum(user["role"] == Role.ADMIN for user in may_sign_in)
signed_in = {each["name"] for each in sessions}
st.write(
    f"**{len(may_sign_in)} people may sign in, {admins} of them as admin. Signed in now: {len(signed_in)}.**"
)

filters, adding = st.columns([3, 1], vertical_alignment="bottom")
with filters:
    shown = st.segmented_control("Show", ["active", "all"], default="active", required=True, key="show", bind="query-params")  # fmt: skip
adding.button("Add somebody", icon=":material/person_add:", on_click=st.session_state.update, args=({"adding": True},), width="stretch")  # fmt: skip
if st.session_state.pop("adding", False):
    ask_for_new_user()

for user in may_sign_in if shown == "active" else everybody:
    with st.container(border=True, key=f"user {user['name']}"):
        who, role, last, act = st.columns([3, 1, 3, 1], vertical_alignment="center")
        who.markdown(f"**{literal(user['name'])}**  \n{literal(user['email'])}")
        role.write(user["role"] if user["active"] else "disabled")
        last.caption(
            f"Last seen {seen(user['last_seen_at'])}  \n{'Second factor' if user['second_factor'] else 'Password only'}"
        )
        act.button("Manage", key=f"manage {user['name']}", on_click=st.session_state.update, args=({"managed": user["name"]},), width="stretch")  # fmt: skip
        if st.session_state.get("managed") == user["name"]:
            del st.session_state["managed"]
            manage(user, [each for each in sessions if each["name"] == user["name"]])
