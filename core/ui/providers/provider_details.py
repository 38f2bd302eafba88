"""One provider in detail: facts, licences, open consultations and the history of changes."""

from datetime import date, datetime

import streamlit as st

from core.errors import Refused
from core.figures.wording import counted
from core.periods import business_day
from core.providers import assignment, directory
from core.providers.changes import in_words
from core.providers.directory_rows import ProviderRow
from core.providers.licence_kinds import KINDS
from core.staff import audit_words
from core.staff.roles import Right, right
from core.ui import session
from core.ui.consultations import consultation_details
from core.ui.kit import detail_view, drawer, rows
from core.ui.kit.rows import Column
from core.ui.providers import licence_view, provider_dialogs, reassign_bulk, registry_details, schedule_dialog
from core.ui.providers.licence_view import STATE
from core.ui.text import code, in_zone, literal

LICENCES = (
    STATE,
    Column("number", "Number"),
    Column("kind", "Kind", read=lambda one: KINDS[one["kind"]]),
    Column("compact", "Compact", width="small"),
    Column("status", "Status", read=lambda one: one["status"].capitalize()),
    Column("expires_on", "Last day", "day"),
    Column("ends", "Ends", read=licence_view.ends),
    Column("left", "Days left", read=lambda one: _left(one)),
    Column("issued_on", "Issued", "day"),
    Column("type", "Type"),
    Column("verified_on", "Verified on", "day"),
    Column("verified_by", "Verified by", read=lambda one: audit_words.actor_name(one["verified_by"] or "")),
)
HISTORY = (
    Column("at", "When", "moment"),
    Column("actor", "Who", read=lambda one: audit_words.actor_name(one["actor"])),
    Column("reason", "Reason"),
    Column("changed", "What changed", read=lambda one: _changed(one), width="large"),
)


def details(provider_id: str) -> None:
    """Show the provider with this id and the actions on it, or say that there is none."""
    db, now = session.db(), session.services().clock()
    try:
        found = directory.one(db, provider_id)
    except Refused as refused:
        st.info(literal(refused.detail))
        return
    with st.container(key="provider-details"):
        st.subheader(literal(found["name"]))
        st.markdown(code(found["id"]))
        detail_view.facts(list(_facts(found).items()))
        if found["notes"]:
            st.caption(literal(found["notes"]))
        theirs = assignment.consultations(db, now, status="assigned", provider_id=provider_id)
        to_reassign = sum(not one["may_see"] for one in theirs)
        _buttons(found, to_reassign)
        registry_details.blocked(found)
        open_ones = f"Open consultations ({len(theirs)})"
        licences, proofs, hours, seen, registry, history = st.tabs(
            [f"Licences ({len(found['licences'])})", "Proof", "Hours", open_ones, "Registry", "History"],
            key="provider-tabs",
        )
        with licences:
            licence_view.notices(found)
            if found["licences"]:
                known = licence_view.validity_of(found)
                rows.show(
                    [{**known[one["state"], one["number"]], **one} for one in found["licences"]],
                    LICENCES,
                    key="licences",
                    choose="licence",
                    id_field="state",
                    file="provider-licences",
                )
            else:
                st.caption("No licences, so no consultation can be assigned. Add one under Edit.")
            licence_view.following(found)
        with proofs:
            licence_view.show_proof(found)
        with hours:
            schedule_dialog.show(found)
        with seen:
            if theirs:
                rows.show(theirs, consultation_details.columns("assigned"), key="theirs", file="open-consultations")
            else:
                st.caption("No open consultations.")
        with registry:
            registry_details.registry(found)
        with history:
            rows.show(directory.history(db, provider_id), HISTORY, key="history", file="provider-history")


def _facts(found: ProviderRow) -> dict[str, str]:
    zone, last = session.settings().business_zone, found["last_assigned_at"]
    return {
        "Status": "Out of assignment" if found["blocked_reason"] else "Active" if found["active"] else "Deactivated",
        "Open consultations": f"{found['pending']:,} of {found['capacity']:,}",
        "Last assigned": in_zone(datetime.fromisoformat(last), zone) if last else "never",
        "E-mail and NPI": " · ".join(filter(None, (found["email"], found["npi"]))) or "none",
        "Specialties": ", ".join(map(consultation_details.specialty, found["specialties"])) or "none",
    }


def _buttons(found: ProviderRow, to_reassign: int) -> None:
    role = session.actor().role
    with st.container(horizontal=True):
        if right(role, "providers") >= Right.ACT:
            st.button(
                "Edit", type="primary", icon=":material/edit:", on_click=drawer.ask, args=(provider_dialogs.edit, found)
            )
            st.button(
                "Deactivate" if found["active"] else "Activate",
                on_click=drawer.ask,
                args=(provider_dialogs.switch, found),
            )
        if to_reassign and right(role, "assignments") >= Right.ACT:
            st.button(
                f"Reassign {to_reassign:,}",
                on_click=drawer.ask,
                args=(reassign_bulk.ask, found["id"], found["name"]),
            )


def _changed(one: rows.Row) -> str:
    return "; ".join(in_words(one["action"], one["before"], one["after"]))


def _left(licence: rows.Row) -> str:
    if licence["status"] != "active":
        return "not active"
    if not licence["expires_on"]:
        return "no end date"
    today = business_day(session.services().clock(), session.settings().business_zone)
    days = (date.fromisoformat(licence["expires_on"]) - today).days
    return "ended" if days < 0 else "ends today" if days == 0 else counted(days, "day")
