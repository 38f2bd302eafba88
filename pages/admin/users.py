"""The users: who may sign in, with which role, and where they are signed in."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

import streamlit as st

from core.figures.wording import counted
from core.staff import users
from core.staff.roles import Actor, Role
from core.ui import session
from core.ui.kit import actions, detail_view, rows
from core.ui.kit.rows import Column
from core.ui.staff import user_dialogs
from core.ui.text import ago, in_zone, literal

db, store, zone = session.db(), session.sessions(), session.settings().business_zone
now = store.now()


def seen(moment: str | None) -> str:
    return ago(datetime.fromisoformat(moment), now) if moment else "never"


def state(user: Mapping[str, Any]) -> str:
    if not user["active"]:
        return "Disabled"
    if user["locked"]:
        return "Locked on new devices"
    return "Must choose a password" if user["must_change_password"] else "Active"


def sign_out(session_id: str, name: str, actor: Actor) -> str:
    store.revoke(actor, session_id)
    return f"{name} was signed out there."


COLUMNS = (
    Column("name", "Name"),
    Column("role", "Role", read=lambda user: user["role"].capitalize()),
    Column("active", "State", read=state),
    Column("email", "E-mail"),
    Column("second_factor", "Second factor", read=lambda user: "Yes" if user["second_factor"] else "No"),
    Column("signed_in", "Sessions", "count", help="Browsers where they are signed in now."),
    Column("last_seen_at", "Last seen", read=lambda user: seen(user["last_seen_at"]).capitalize()),
)

st.title("Users")
actions.show_result()
user_dialogs.show_temporary_password()
everybody = users.everybody(db, session.actor(), now)
may_sign_in = [user for user in everybody if user["active"]]
admins = sum(user["role"] == Role.ADMIN for user in may_sign_in)
here = sum(user["signed_in"] > 0 for user in everybody)
st.markdown(
    f"#### {counted(len(may_sign_in), 'person', 'people')} can sign in, {counted(admins, 'admin')} among them; "
    f"{here:,} signed in now"
)

with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"):
    shown = st.segmented_control(
        "Show",
        ["active", "all"],
        default="active",
        required=True,
        key="show",
        bind="query-params",
        format_func=str.capitalize,
    )
    if st.button("Add somebody", icon=":material/person_add:"):
        user_dialogs.add()
listed = may_sign_in if shown == "active" else everybody
chosen = rows.show(listed, COLUMNS, key="users", choose="user", id_field="name")
rows.files(lambda _: listed, COLUMNS, name="users")
if chosen is None:
    st.caption("Select a user to change their role, reset their password, or sign them out.")

for user in (one for one in everybody if one["name"] == chosen):
    with st.container(border=True, key="chosen"):
        st.subheader(literal(user["name"]))
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
            if st.button("Change role"):
                user_dialogs.change_role(user)
            for change in user_dialogs.changes_of(user):
                if st.button(change.label, key=f"ask {change.label}"):
                    user_dialogs.ask(user, change)
        places = store.open_sessions(session.actor(), user["name"])
        st.markdown("**Signed in on**" if places else "Not signed in.")
        for each in places:
            with st.container(
                horizontal=True,
                vertical_alignment="center",
                horizontal_alignment="distribute",
                key=f"place {each['id']}",
            ):
                since = in_zone(datetime.fromisoformat(each["opened_at"]), zone)
                st.markdown(
                    literal(
                        f"{each['device']}, {each['address']}: since {since}, last seen {seen(each['last_seen_at'])}"
                    )
                )
                st.button(
                    "Sign out",
                    key=f"out {each['id']}",
                    on_click=actions.attempt,
                    args=(partial(sign_out, each["id"], user["name"]),),
                )
