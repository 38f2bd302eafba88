"""Assignments: waiting and assigned consultations, those paid but not seen, and the workload of providers."""

from collections.abc import Mapping
from functools import partial

import streamlit as st

from core.exports.table import by_last_id
from core.providers import assignment, assignment_figures
from core.providers.consultation_rows import AssignmentSummary
from core.staff.roles import Right, right
from core.ui import nothing_yet, session
from core.ui.consultations import assign_bulk, care_and_payment, consultation_details, consultation_dialogs, workload
from core.ui.kit import actions, cards, drawer, export_panel, freshness, rows, shared_cache, sorted_list
from core.ui.providers import what_if
from core.ui.text import literal

REFRESH_SECONDS, PAGE_ROWS = 2, 200
db, clock = session.db(), session.services().clock
may_act = right(session.actor().role, "assignments") >= Right.ACT
state_names = consultation_details.vocabulary().states


def first_page() -> None:
    st.query_params.pop("from", None)


def now_assigned() -> shared_cache.Cached[AssignmentSummary]:
    return shared_cache.answers().get("assignments", lambda: assignment.summary(db, clock()), ttl_seconds=1)


def any_consultation() -> bool:
    now = now_assigned().answer
    return bool(now["waiting"] or now["open"] or assignment.consultations(db, clock(), limit=1))


def choice(label: str, key: str, names: Mapping[str, str], *, every: str) -> str | None:
    """The chosen one of these, by its name; None for every one."""
    return st.selectbox(
        label,
        list(names),
        index=None,
        placeholder=every,
        format_func=names.__getitem__,
        key=key,
        bind="query-params",
        on_change=first_page,
    )


st.title("Assignments")
drawer.show("Consultation", "consultation", consultation_details.details)
actions.show_result()
if not any_consultation():
    nothing_yet.stop(
        "No consultation has been received yet",
        "Each consultation appears here as soon as the intake form sends it, with its provider or why it waits.",
        arrived=any_consultation,
    )


@st.fragment(run_every=REFRESH_SECONDS)
def current_state() -> None:
    role = freshness.reader_role()
    kept = now_assigned()
    days = shared_cache.answers().get("assignment days", lambda: assignment.days(db, clock()), ttl_seconds=20).answer
    freshness.warn(stale=kept.stale)
    st.markdown(f"## {literal(assignment_figures.assignment_sentence(kept.answer, state_names))}")
    cards.show(assignment_figures.assignment_readings(kept.answer, days), role, across=5)
    if may_act and (to_reassign := kept.answer["to_reassign"]):
        st.button(
            f"Reassign {to_reassign:,}", on_click=consultation_dialogs.reassign_from_ineligible, args=(to_reassign,)
        )


current_state()
shown = st.segmented_control(
    "Show",
    list(assignment.LISTS),
    default="waiting",
    required=True,
    key="show",
    bind="query-params",
    on_change=first_page,
)
states, specialties, text = st.columns(3, vertical_alignment="bottom")
with states:
    state = choice("State", "state", state_names, every="Every state")
with specialties:
    specialty = choice("Specialty", "specialty", consultation_details.vocabulary().specialties, every="Every specialty")
with text:
    search = st.text_input(
        "Find",
        key="find",
        placeholder="ID of a consultation, order or patient",
        max_chars=200,
        bind="query-params",
        on_change=first_page,
    )
show = assignment.LISTS[shown]
skip = sorted_list.place()
picked = st.query_params.get("consultation")

kind = "ended" if search else "waiting" if show == "overdue" else show
sought = partial(
    assignment.consultations,
    db,
    clock(),
    status=None if search else show,
    state=state,
    specialty=specialty,
    search=search.strip() or None,
)


@st.fragment(run_every=REFRESH_SECONDS if show in ("waiting", "overdue", "to_reassign") else None)
def queue() -> None:
    freshness.reader_role()
    ask = partial(sought, skip=skip, limit=PAGE_ROWS)
    found = (
        shared_cache.answers().get(("consultations", show, state, specialty, search, skip), ask, ttl_seconds=1).answer
    )
    if not found:
        nothing = "No consultation has these filters." if state or specialty else consultation_details.EMPTY[show]
        st.success("No consultation, order or patient has this ID." if search else nothing)
        return
    columns = consultation_details.columns(kind)
    every = by_last_id(lambda after: sought(after_id=after, limit=1000), size=1000)
    if not sorted_list.shown("consultations", columns, every, choose="consultation"):
        fields = sorted_list.sortable(columns)
        rows.show(found, columns, key="consultations", choose="consultation", ordered=fields)
    if st.query_params.get("consultation") != picked:
        st.rerun()


assign_bulk.show(sought, kind)
queue()
if sought(limit=1):
    many = bool(sought(skip=export_panel.LARGE_ROWS, limit=1)) if show in ("assigned", "ended") else False
    export_panel.show(consultation_details.exported(sought, kind), name="consultations", large=many)
more = "consultations-order" not in st.query_params and bool(sought(skip=skip + PAGE_ROWS, limit=1))
if "consultations-order" not in st.query_params and (skip or more):
    sorted_list.pages("consultations", skip, PAGE_ROWS, more=more)
if mismatches := assignment.care_payment_mismatches(db, clock()):
    st.subheader("Paid but not seen, or refunded but still open")
    care_and_payment.show(mismatches)

workload.show()
what_if.show()
