"""Waiting and assigned consultations, and where care and payment disagree."""

from functools import partial

import streamlit as st

from core.providers import assignment, assignment_figures
from core.staff.roles import Right, right
from core.ui import session
from core.ui.consultations import assignment_charts, care_and_payment, consultation_details, consultation_dialogs
from core.ui.kit import actions, cards, charts, freshness, rows, shared_cache
from core.ui.providers import what_if
from core.ui.text import literal

REFRESH_SECONDS = 2
AT_ONCE = 200
SHOW: dict[str, assignment.Status] = {
    "waiting": "waiting",
    "assigned": "assigned",
    "to move": "misplaced",
    "ended": "ended",
}  # what stands in the address
db, clock = session.db(), session.services().clock
may_act = right(session.actor().role, "assignments") >= Right.ACT
state_names = consultation_details.vocabulary().states


def first_page() -> None:
    st.query_params.pop("from", None)


st.title("Assignments")
actions.show_result()


@st.fragment(run_every=REFRESH_SECONDS)
def how_it_stands() -> None:
    role = freshness.reader_role()
    kept = shared_cache.answers().get("assignments", lambda: assignment.summary(db, clock()), ttl_seconds=1)
    days = shared_cache.answers().get("assignment days", lambda: assignment.days(db, clock()), ttl_seconds=20).answer
    freshness.warn(stale=kept.stale)
    st.markdown(f"#### {literal(assignment_figures.assignment_sentence(kept.answer))}")
    cards.show(assignment_figures.assignment_readings(kept.answer, days), role, across=5)
    if may_act and (misplaced := kept.answer["misplaced"]):
        st.button(f"Move {misplaced:,} to others", on_click=consultation_dialogs.move_misplaced, args=(misplaced,))


how_it_stands()
kinds, states, text = st.columns([7, 3, 4], vertical_alignment="bottom")
with kinds:
    shown = st.segmented_control(
        "Show", list(SHOW), default="waiting", required=True, key="show", bind="query-params", on_change=first_page
    )
with states:
    state = st.selectbox(
        "State",
        list(state_names),
        index=None,
        placeholder="Every state",
        format_func=state_names.__getitem__,
        key="state",
        bind="query-params",
        on_change=first_page,
    )
with text:
    search = st.text_input(
        "Find",
        key="find",
        placeholder="Id of a consultation, order or patient",
        max_chars=200,
        bind="query-params",
        on_change=first_page,
    )
show = SHOW[shown]
given = st.query_params.get("from", "0")
skip = int(given) if given.isdecimal() and len(given) < 7 else 0
picked = st.query_params.get("consultation")


@st.fragment(run_every=REFRESH_SECONDS if show in ("waiting", "misplaced") else None)
def queue() -> None:
    freshness.reader_role()
    ask = partial(
        assignment.consultations,
        db,
        clock(),
        status=None if search else show,
        state=state,
        search=search.strip() or None,
        skip=skip,
        limit=AT_ONCE,
    )
    found = shared_cache.answers().get(("consultations", show, state, search, skip), ask, ttl_seconds=1).answer
    kind = "ended" if search else show
    if not found:
        st.success("No consultation has this id." if search else consultation_details.EMPTY[show])
        return
    if rows.show(found, consultation_details.columns(kind), key="consultations", choose="consultation") != picked:
        st.rerun()
    rows.files(lambda _: found, consultation_details.columns(kind), name="consultations")


queue()
if skip or len(
    assignment.consultations(
        db,
        clock(),
        status=None if search else show,
        state=state,
        search=search.strip() or None,
        skip=skip + AT_ONCE,
        limit=1,
    )
):
    earlier, later = st.columns(2)
    earlier.button(
        "Back",
        disabled=not skip,
        on_click=st.query_params.update,
        args=({"from": str(max(0, skip - AT_ONCE))},),
        width="stretch",
    )
    later.button("Further", on_click=st.query_params.update, args=({"from": str(skip + AT_ONCE)},), width="stretch")
if picked:
    consultation_details.details(picked)
if mismatches := assignment.care_payment_mismatches(db, clock()):
    st.subheader("Paid but not seen, or refunded but still open")
    care_and_payment.show(mismatches)

st.subheader("Workload")
days = st.segmented_control(
    "Assigned in the last days", [1, 7, 30], default=7, required=True, key="days", bind="query-params"
)
spread = (
    shared_cache.answers()
    .get(("distribution", days), lambda: assignment.distribution(db, clock(), days=days), ttl_seconds=30)
    .answer
)
if spread["assigned"]:
    st.markdown(literal(assignment_figures.spread_in_words(spread)))
    charts.show(assignment_charts.distribution(spread))
else:
    st.info("Nothing was assigned in these days. How the work is spread is shown here.")
what_if.show()
