"""One consultation in detail: facts, payments, actions, and how its provider was chosen."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

import streamlit as st

from core.errors import Refused
from core.exports.table import Row, Table, by_last_id
from core.money import Money
from core.providers import assignment, assignment_figures, directory
from core.providers.consultation_rows import ConsultationDetails, Decision, OrderPayment
from core.providers.directory import Vocabulary
from core.staff import audit_words
from core.staff.roles import Actor, Right, right
from core.ui import navigation, session
from core.ui.consultations import consultation_dialogs
from core.ui.kit import detail_view, drawer, export_panel, rows, shared_cache
from core.ui.kit.rows import Column
from core.ui.providers.licence_view import PAST
from core.ui.text import ago, code, in_zone, literal

STATUSES = {"waiting": "Waiting", "assigned": "Assigned", "completed": "Completed", "cancelled": "Cancelled"}
KINDS = {
    "intake": "On submission",
    "queue": "From the waiting list",
    "manual": "By hand",
    "release": "After release",
}
# The texts for empty lists.
EMPTY = {
    "waiting": "No consultation is waiting. Those that cannot be assigned are listed here, with the reason.",
    "overdue": "No consultation waits for too long. Those that do are listed here, with the reason.",
    "assigned": "No consultation is assigned. Each assigned one is listed here until it is completed or cancelled.",
    "to_reassign": (
        "Every assigned provider may see their patients. Consultations whose provider's licence ended, or who was "
        "deactivated, are listed here."
    ),
    "ended": "No consultation has ended yet. Completed and cancelled ones are listed here.",
}
MATCHES = {"specialty": "Specialty", "fallback": "Another specialty"}
OPEN = frozenset({"waiting", "assigned"})
CANDIDATES = (
    Column("name", "Provider", width="medium"),
    Column("eligible", "Eligible", read=lambda one: "Yes" if one["eligible"] else "No"),
    Column("why", "Why", width="large"),
    Column("load", "Open consultations", read=lambda one: f"{one['pending']} of {one['capacity']}"),
)


def vocabulary() -> Vocabulary:
    """All states and specialties, cached: a new specialty appears within a minute."""
    found = shared_cache.answers().get("vocabulary", partial(directory.vocabulary, session.db()), ttl_seconds=60)
    return found.answer


def specialty(code: str) -> str:
    return vocabulary().specialties.get(code, code)


def _in_full(reason: str | None, state: str) -> str:
    return assignment_figures.reason_in_words(reason or "", state, vocabulary().states)


def columns(show: str) -> tuple[Column, ...]:
    """The columns of a list of `waiting`, `assigned`, `to_reassign` or `ended` consultations."""
    of_all = (
        Column("state", "State", read=lambda one: vocabulary().states.get(one["state"], one["state"])),
        Column("specialty", "Specialty", read=lambda one: specialty(one["specialty"])),
    )
    tail = (
        Column("reason", "Reason", read=lambda one: _in_full(one["reason"], one["state"]), width="large"),
        Column("order_id", "Order", links_to="payments?find={}"),
        Column("id", "Consultation"),
    )
    provider = Column("provider_name", "Provider")
    match = Column("match", "Match", read=lambda one: MATCHES.get(one["match"] or "", ""))
    if show == "waiting":
        return (
            Column("waits", "Waiting for", read=_waits, sort_by="age_seconds"),
            *of_all,
            Column("received_at", "Received", "moment"),
            *tail,
        )
    if show == "ended":
        status = Column("status", "Status", read=lambda one: STATUSES[one["status"]])
        return (Column("ended_at", "Ended", "moment"), status, provider, *of_all, match, *tail)
    return (provider, *of_all, match, Column("assigned_at", "Assigned", "moment"), *tail)


def exported(sought: Callable[..., Sequence[Row]], show: str) -> Callable[[Actor], Table]:
    """A table to export, with all consultations that `sought` finds; it is called with `after_id` and `limit`."""
    filters, shown = export_panel.set_filters(), columns(show)
    batches = by_last_id(lambda after: sought(after_id=after, limit=1000), size=1000)
    return lambda _: Table("consultations", "Consultations", shown, batches, filters=filters)


def details(consultation_id: str) -> None:
    """Show the consultation with this id and its actions, or say that there is none."""
    now, zone = session.services().clock(), session.settings().business_zone
    try:
        found = assignment.consultation(session.db(), consultation_id, now)
    except Refused as refused:
        st.info(literal(refused.detail))
        return
    with st.container(key="consultation-details"):
        st.subheader(_headline(found))
        received = datetime.fromisoformat(found["received_at"])
        facts = {
            "State": vocabulary().states[found["state"]],
            "Specialty": specialty(found["specialty"]),
            "Received": f"{in_zone(received, zone)}, {ago(received, now)}",
            "Reason": _in_full(found["reason"], found["state"]),
            "Order": found["order_id"],
            "Patient": found["patient_id"],
            "Consultation": found["id"],
        }
        detail_view.facts(list(facts.items()), ids=("Consultation", "Order", "Patient"))
        for payment in found["payments"]:
            _payment(payment)
        if not found["may_see"]:
            st.warning(f"{literal(found['provider_name'])} may no longer see this patient. Reassign the consultation.")
        if found["status"] in OPEN and right(session.actor().role, "assignments") >= Right.ACT:
            _actions(found)
        st.markdown("**Assignment decisions**" if found["decisions"] else "No assignment decision yet.")
        for decision in reversed(found["decisions"]):
            _decision(decision, _in_full(decision["reason"], found["state"]))


def _headline(found: ConsultationDetails) -> str:
    if found["status"] == "waiting":
        late = ", too long" if found["overdue"] else ""
        return f"Waiting for {assignment_figures.waited(found['age_seconds'])}{late}"
    name = literal(found["provider_name"] or "nobody")
    return (
        f"Assigned to {name}" if found["status"] == "assigned" else f"{STATUSES[found['status']]}, assigned to {name}"
    )


def _payment(payment: OrderPayment) -> None:
    amount = Money(payment["received_minor"] or payment["amount_minor"], payment["currency"])
    refunded = Money(payment["refunded_minor"], payment["currency"])
    said = f"{amount} {payment['status'].replace('_', ' ')}" + (
        f", {refunded} refunded" if payment["refunded_minor"] else ""
    )
    with st.container(horizontal=True, vertical_alignment="center", key=f"paid-{payment['id']}"):
        st.markdown(f"Payment: {literal(said)} {code(payment['id'])}", width="content")
        navigation.link(f"payments?payment={payment['id']}", "View payment", session.actor().role)


def _actions(found: ConsultationDetails) -> None:
    has_provider = found["status"] == "assigned"
    with st.container(horizontal=True):
        st.button(
            "Reassign" if has_provider else "Assign",
            type="primary",
            on_click=drawer.ask,
            args=(consultation_dialogs.assign, found["id"]),
            icon=":material/assignment_ind:",
        )
        if has_provider:
            st.button("Release", on_click=drawer.ask, args=(consultation_dialogs.release, found["id"]))
            st.button("Complete", on_click=drawer.ask, args=(consultation_dialogs.end, found["id"], "completed"))
        st.button("Cancel", on_click=drawer.ask, args=(consultation_dialogs.end, found["id"], "cancelled"))


def _decision(decision: Decision, reason: str) -> None:
    at = in_zone(datetime.fromisoformat(decision["at"]), session.settings().business_zone)
    who = decision["provider_name"] or "no provider"
    with st.expander(f"{at} · {KINDS[decision['kind']]}: {literal(who)}"):
        st.markdown(literal(reason))
        st.caption(f"By {literal(audit_words.actor_name(decision['actor']))}, in {decision['took_us'] / 1000:.1f} ms.")
        if held := decision["licences"]:
            st.markdown("Licences as recorded at that time")
            rows.show(held, PAST, key=f"held-{decision['id']}", file=f"licences-of-decision-{decision['id']}")
        candidates = decision["candidates"]["items"]
        if not candidates:
            st.caption("No provider was licensed in the state.")
            return
        named = [{**one, "name": one["name"] or one["provider_id"]} for one in candidates]
        rows.show(named, CANDIDATES, key=f"decision-{decision['id']}", file=f"decision-{decision['id']}")
        if not decision["candidates"]["complete"]:
            st.caption("More providers were licensed in the state; only the first in the order of choice are recorded.")


def _waits(one: rows.Row) -> str:
    return assignment_figures.waited(one["age_seconds"]) + (", too long" if one["overdue"] else "")
