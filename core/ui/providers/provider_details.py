"""One provider as the console shows them: what is known, their licences, whom they see, and every change."""

from datetime import date, datetime
from typing import Any

import streamlit as st

from core.errors import Refused
from core.periods import business_day
from core.providers import assignment, directory
from core.providers.changes import differences
from core.staff.roles import Right, right
from core.ui import session
from core.ui.consultations import consultation_details, consultation_dialogs
from core.ui.kit import rows
from core.ui.kit.rows import Column
from core.ui.providers import provider_dialogs
from core.ui.text import code, in_zone, literal

LICENCES = (
    Column("state", "State", width="small"),
    Column("number", "Number"),
    Column("status", "Status"),
    Column("expires_on", "Last day", "day"),
    Column("left", "Left", read=lambda one: _left(one)),
    Column("issued_on", "Issued", "day"),
    Column("type", "Type"),
    Column("verified_on", "Verified on", "day"),
    Column("verified_by", "Verified by"),
)
HISTORY = (
    Column("at", "When", "moment"),
    Column("actor", "Who"),
    Column("reason", "Why"),
    Column(
        "changed", "What changed", read=lambda one: "; ".join(differences(one["before"], one["after"])), width="large"
    ),
)


def details(provider_id: str) -> None:
    """The provider of this id with what an admin may do, or that there is none."""
    db, now = session.db(), session.services().clock()
    try:
        found = directory.one(db, provider_id)
    except Refused as refused:
        st.info(literal(refused.detail))
        return
    with st.container(border=True, key="provider-details"):
        st.subheader(literal(found["name"]))
        st.markdown(code(found["id"]))
        for column, (title, value) in zip(st.columns([2, 2, 3, 4, 4]), _facts(found).items(), strict=True):
            column.caption(title)
            column.markdown(literal(value))
        if found["notes"]:
            st.caption(literal(found["notes"]))
        theirs = assignment.consultations(db, now, status="assigned", provider_id=provider_id)
        misplaced = sum(not one["may_see"] for one in theirs)
        _buttons(found, misplaced)
        licences, seen, history = st.tabs(
            [f"Licences ({len(found['licences'])})", f"Open consultations ({len(theirs)})", "History"]
        )
        with licences:
            if found["licences"]:
                rows.show(found["licences"], LICENCES, key="licences")
            else:
                st.caption("No licence, so no consultation can be assigned. Add licences under Edit.")
        with seen:
            if theirs:
                rows.show(theirs, consultation_details.columns("assigned"), key="theirs")
            else:
                st.caption("No open consultations.")
        with history:
            rows.show(directory.history(db, provider_id), HISTORY, key="history")


def _facts(found: dict[str, Any]) -> dict[str, str]:
    zone, last = session.settings().business_zone, found["last_assigned_at"]
    return {
        "Status": "Active" if found["active"] else "Deactivated",
        "Open now": f"{found['pending']:,} of {found['capacity']:,}",
        "Last assigned": in_zone(datetime.fromisoformat(last), zone) if last else "never",
        "E-mail and NPI": " · ".join(filter(None, (found["email"], found["npi"]))) or "none",
        "Specialties": ", ".join(map(consultation_details.specialty, found["specialties"])) or "none",
    }


def _buttons(found: dict[str, Any], misplaced: int) -> None:
    role = session.actor().role
    with st.container(horizontal=True):
        if right(role, "providers") >= Right.ACT:
            st.button("Edit", type="primary", icon=":material/edit:", on_click=provider_dialogs.edit, args=(found,))
            st.button("Deactivate" if found["active"] else "Activate", on_click=provider_dialogs.switch, args=(found,))
        if misplaced and right(role, "assignments") >= Right.ACT:
            st.button(
                f"Move {misplaced:,} to others",
                on_click=consultation_dialogs.move_misplaced,
                args=(misplaced, found["id"]),
            )


def _left(licence: rows.Row) -> str:
    if licence["status"] != "active":
        return "not active"
    if not licence["expires_on"]:
        return "no end"
    today = business_day(session.services().clock(), session.settings().business_zone)
    days = (date.fromisoformat(licence["expires_on"]) - today).days
    return "ended" if days < 0 else "last day" if days == 0 else f"{days:,} days"
