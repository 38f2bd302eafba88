"""The users: who may sign in, with which role, and where they are signed in."""

from functools import partial

import streamlit as st

from core.figures.wording import counted
from core.staff import users
from core.staff.roles import Role
from core.ui import session
from core.ui.kit import actions, drawer, rows
from core.ui.kit.rows import Column
from core.ui.staff import user_details, user_dialogs

COLUMNS = (
    Column("name", "Name"),
    Column("role", "Role", read=lambda user: user["role"].capitalize()),
    Column("active", "State", read=user_details.state),
    Column("email", "E-mail"),
    Column("second_factor", "Second factor", read=lambda user: "Yes" if user["second_factor"] else "No"),
    Column("signed_in", "Sessions", "count", help="Browsers where they are signed in now."),
    Column(
        "last_seen_at",
        "Last seen",
        read=lambda user: user_details.seen(user["last_seen_at"]).capitalize(),
        sort_by="last_seen_at",
    ),
)

st.title("Users")
everybody = users.everybody(session.db(), session.actor(), session.sessions().now())
drawer.show("User", "user", partial(user_details.show, everybody))
actions.show_result()
user_dialogs.show_temporary_password()
may_sign_in = [user for user in everybody if user["active"]]
admins = sum(user["role"] == Role.ADMIN for user in may_sign_in)
here = sum(user["signed_in"] > 0 for user in everybody)
st.markdown(
    f"## {counted(len(may_sign_in), 'person', 'people')} can sign in, {counted(admins, 'admin')} among them; "
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
    if st.button("Add user", icon=":material/person_add:"):
        user_dialogs.add()
listed = may_sign_in if shown == "active" else everybody
rows.show(listed, COLUMNS, key="users", choose="user", id_field="name")
rows.files(lambda _: listed, (*COLUMNS[:-1], Column("last_seen_at", "Last seen", "moment")), name="users")
st.caption("Open a row to change a user's role, reset their password, or sign them out.")
