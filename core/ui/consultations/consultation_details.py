"""One consultation as the console shows it: what is known of it, its money, and how its provider was chosen."""

from datetime import datetime
from functools import partial
from typing import Any

import streamlit as st

from core.errors import Refused
from core.money import Money
from core.providers import assignment, directory
from core.providers.assignment_figures import waited
from core.providers.directory import Vocabulary
from core.staff.roles import Right, right
from core.ui import session
from core.ui.consultations import consultation_dialogs
from core.ui.kit import cards, rows, shared_cache
from core.ui.kit.rows import Column
from core.ui.text import ago, code, in_zone, literal

STATUSES = {"waiting": "Waiting", "assigned": "Assigned", "completed": "Completed", "cancelled": "Cancelled"}
KINDS = {
    "intake": "On submission",
    "queue": "From the waiting list",
    "manual": "By hand",
    "release": "After it was released",
}
# What a list says that has no consultation.
EMPTY = {
    "waiting": "No consultation is waiting. Those that cannot be assigned are listed here, with the reason.",
    "assigned": "No consultation is assigned. Each assigned one is listed here until it is completed or cancelled.",
    "misplaced": (
        "Every assigned provider is licensed for their patients. Consultations of a provider "
        "whose licence ended or who was deactivated are listed here."
    ),
    "ended": "No consultation is over yet.",
}
MATCHES = {"specialty": "Specialty", "fallback": "Another specialty"}
OPEN = frozenset({"waiting", "assigned"})
CANDIDATES = (
    Column("name", "Provider", width="medium"),
    Column("eligible", "Could take it", read=lambda one: "Yes" if one["eligible"] else "No"),
    Column("why", "Why", width="large"),
    Column("load", "Open then", read=lambda one: f"{one['pending']} of {one['capacity']}"),
)


def vocabulary() -> Vocabulary:
    """The states and specialties there are; a new specialty is known within a minute."""
    found = shared_cache.answers().get("vocabulary", partial(directory.vocabulary, session.db()), ttl_seconds=60)
    return found.answer


def specialty(code: str) -> str:
    return vocabulary().specialties.get(code, code)


def columns(show: str) -> tuple[Column, ...]:
    """What is worth seeing of consultations of this kind (`waiting`, `assigned`, `misplaced`, `ended`)."""
    of_all = (
        Column("state", "State", width="small"),
        Column("specialty", "Asked for", read=lambda one: specialty(one["specialty"])),
    )
    tail = (Column("reason", "Why", width="large"), Column("order_id", "Order"), Column("id", "Consultation"))
    provider = Column("provider_name", "Provider")
    match = Column("match", "By", read=lambda one: MATCHES.get(one["match"] or "", ""))
    if show == "waiting":
        return (Column("waits", "Waits", read=_waits), *of_all, Column("received_at", "Asked", "moment"), *tail)
    if show == "ended":
        status = Column("status", "Ended as", read=lambda one: STATUSES[one["status"]])
        return (Column("ended_at", "Ended", "moment"), status, provider, *of_all, match, *tail)
    return (provider, *of_all, match, Column("assigned_at", "Since", "moment"), *tail)


def details(consultation_id: str) -> None:
    """The consultation of this id with its actions, or that there is none."""
    now, zone = session.services().clock(), session.settings().business_zone
    try:
        found = assignment.consultation(session.db(), consultation_id, now)
    except Refused as refused:
        st.info(literal(refused.detail))
        return
    with st.container(border=True, key="consultation-details"):
        st.subheader(_headline(found))
        st.markdown(code(found["id"]))
        asked = datetime.fromisoformat(found["received_at"])
        facts = {
            "State": vocabulary().states[found["state"]],
            "Asked for": specialty(found["specialty"]),
            "Asked": f"{in_zone(asked, zone)}, {ago(asked, now)}",
            "Why": found["reason"],
            "Order": found["order_id"] or "none",
        }
        for column, (title, value) in zip(st.columns([2, 2, 3, 4, 2]), facts.items(), strict=True):
            column.caption(title)
            column.markdown(literal(value))
        for payment in found["payments"]:
            _payment(payment)
        if not found["may_see"]:
            st.warning(
                f"{literal(found['provider_name'])} may not see this patient any more: move it to somebody else."
            )
        if found["status"] in OPEN and right(session.actor().role, "assignments") >= Right.ACT:
            _actions(found)
        st.markdown("**Assignment decisions**" if found["decisions"] else "No assignment decision yet.")
        for decision in reversed(found["decisions"]):
            _decision(decision)


def _headline(found: dict[str, Any]) -> str:
    if found["status"] == "waiting":
        late = ", past its time" if found["overdue"] else ""
        return f"Waiting for {waited(found['age_seconds'])}{late}"
    name = literal(found["provider_name"] or "nobody")
    return f"With {name}" if found["status"] == "assigned" else f"{STATUSES[found['status']]}, was with {name}"


def _payment(payment: dict[str, Any]) -> None:
    amount = Money(payment["received_minor"] or payment["amount_minor"], payment["currency"])
    back = Money(payment["refunded_minor"], payment["currency"])
    said = f"{amount} {payment['status'].replace('_', ' ')}" + (
        f", {back} given back" if payment["refunded_minor"] else ""
    )
    with st.container(horizontal=True, vertical_alignment="center", key=f"paid-{payment['id']}"):
        st.markdown(f"Payment: {literal(said)} {code(payment['id'])}", width="content")
        cards.link(f"payments?payment={payment['id']}", "View payment", session.actor().role)


def _actions(found: dict[str, Any]) -> None:
    has_provider = found["status"] == "assigned"
    with st.container(horizontal=True):
        st.button(
            "Reassign" if has_provider else "Assign",
            type="primary",
            on_click=consultation_dialogs.give,
            args=(found["id"],),
            icon=":material/assignment_ind:",
        )
        if has_provider:
            st.button("Take back", on_click=consultation_dialogs.take_back, args=(found["id"],))
            st.button("Complete", on_click=consultation_dialogs.end, args=(found["id"], "completed"))
        st.button("Cancel", on_click=consultation_dialogs.end, args=(found["id"], "cancelled"))


def _decision(decision: dict[str, Any]) -> None:
    at = in_zone(datetime.fromisoformat(decision["at"]), session.settings().business_zone)
    who = decision["provider_name"] or "nobody"
    with st.expander(f"{at} · {KINDS[decision['kind']]}: {literal(who)}"):
        st.markdown(literal(decision["reason"]))
        st.caption(f"By {literal(decision['actor'])}, in {decision['took_us'] / 1000:.1f} ms.")
        considered = decision["candidates"]["items"]
        if not considered:
            st.caption("No provider was licensed there.")
            return
        named = [{**one, "name": one["name"] or one["provider_id"]} for one in considered]
        rows.show(named, CANDIDATES, key=f"decision-{decision['id']}")
        if not decision["candidates"]["complete"]:
            st.caption("More providers were licensed there; the first in order and some others are recorded.")


def _waits(one: rows.Row) -> str:
    return waited(one["age_seconds"]) + (", past its time" if one["overdue"] else "")
