"""Who waits and why, who sees whom, and giving a consultation to somebody by hand."""

from functools import partial

import pandas as pd
import streamlit as st

from core.providers import assignment, directory
from core.staff.roles import Actor, Role
from core.ui import actions, session
from core.ui.text import literal

REFRESH_SECONDS = 2
PROBLEMS = {
    "paid_but_waiting": "Paid, and waits past its time: assign it.",
    "refunded_but_open": "Refunded in full, and still open: cancel it.",
}


def give(consultation_id: str, actor: Actor) -> str:
    chosen = st.session_state.get("chosen_provider")
    given = assignment.assign(
        session.db(), actor, consultation_id, session.services().clock(), provider_id=chosen,
        reason=st.session_state.get("assign_reason"), override=bool(st.session_state.get("assign_override")),
    )  # fmt: skip
    return f"{given['provider_name'] or 'Nobody'} has it. {given['reason']}"


def take_back(consultation_id: str, actor: Actor) -> str:
    reason = st.session_state.get("assign_reason") or ""
    given = assignment.release(session.db(), actor, consultation_id, reason, session.services().clock())
    return f"Taken back; now with {given['provider_name'] or 'nobody'}. {given['reason']}"


def finish(consultation_id: str, status: str, actor: Actor) -> str:
    assignment.end(session.db(), actor, consultation_id, status, session.services().clock())
    return f"The consultation is {status}."


def table(rows: list[dict], columns: dict[str, str]) -> None:
    st.dataframe(pd.DataFrame(rows)[list(columns)].rename(columns=columns), hide_index=True)


st.title("Assignments")
actions.show_result()


@st.fragment(run_every=REFRESH_SECONDS)
def queue() -> None:
    session.actor()
    now = session.services().clock()
    waiting = assignment.consultations(session.db(), now, status="waiting")
    late = sum(one["overdue"] for one in waiting)
    st.markdown(f"#### {len(waiting):,} wait for a provider, {late:,} of them past their time")
    if not waiting:
        st.success(
            "Nobody waits. A patient for whom nobody is eligible will be listed here, with the reason."
        )
        return
    rows = [one | {"minutes": one["age_seconds"] // 60} for one in waiting]
    table(
        rows,
        {
            "id": "Consultation",
            "state": "State",
            "specialty": "Specialty",
            "minutes": "Minutes",
            "reason": "Why",
        },
    )


queue()
now = session.services().clock()
assigned = assignment.consultations(session.db(), now, status="assigned", limit=1000)
st.subheader("Assigned")
if assigned:
    table(
        assigned,
        {"id": "Consultation", "provider_name": "Provider", "state": "State", "specialty": "Specialty",
         "match": "Match", "reason": "Why", "order_id": "Order"},
    )  # fmt: skip

st.subheader("Act on a consultation")
open_ids = [one["id"] for one in [*assignment.consultations(session.db(), now, status="waiting"), *assigned]]
picked = st.selectbox(
    "Consultation", open_ids, index=None, key="consultation", bind="query-params", placeholder="Choose one"
)
if picked:
    found = assignment.candidates(session.db(), picked, now)
    if found:
        table(
            found,
            {
                "name": "Provider",
                "eligible": "Eligible",
                "why": "Why",
                "pending": "Pending",
                "capacity": "Capacity",
            },
        )
    is_admin = session.actor().role is Role.ADMIN
    override = is_admin and st.toggle("Pass over capacity or specialty", key="assign_override")
    names = {
        one["provider_id"]: one["name"]
        for one in found
        if one["selectable"] or (override and one["licensed"])
    }
    st.selectbox("Provider", list(names), index=None, format_func=names.get, key="chosen_provider",
                 placeholder="Whom the rules choose")  # fmt: skip
    st.text_input("Reason", key="assign_reason", max_chars=300)
    has_provider = any(one["id"] == picked for one in assigned)
    with st.container(horizontal=True):
        st.button("Assign", type="primary", on_click=actions.attempt, args=(partial(give, picked),))
        st.button(
            "Take back",
            on_click=actions.attempt,
            args=(partial(take_back, picked),),
            disabled=not has_provider,
        )
        st.button("Complete", on_click=actions.attempt, args=(partial(finish, picked, "completed"),))
        st.button("Cancel", on_click=actions.attempt, args=(partial(finish, picked, "cancelled"),))

for mismatch in assignment.care_against_cash(session.db(), now):
    st.warning(
        literal(f"{mismatch['id']} ({mismatch['payment_intent_id']}): {PROBLEMS[mismatch['problem']]}")
    )

spread = assignment.distribution(session.db(), now)
if spread["items"]:
    st.subheader("Last 30 days against the fair share")
    gini = "" if spread["gini"] is None else f", Gini {spread['gini']:.2f}"
    st.caption(f"{spread['assigned']:,} assigned, {spread['fallbacks']:,} by fallback{gini}.")
    table(
        spread["items"],
        {"name": "Provider", "assigned": "Assigned", "fair_share": "Fair share", "pending": "Pending"},
    )

with st.expander("What if"):
    everybody = {one["id"]: one for one in directory.everybody(session.db())}
    who = st.selectbox(
        "Provider", list(everybody), index=None, format_func=lambda one: everybody[one]["name"], key="who"
    )
    if who:
        st.write("Without them, by state:")
        st.dataframe(pd.DataFrame(assignment.without_provider(session.db(), who, now)), hide_index=True)
        state = st.selectbox(
            "With a licence in", sorted(directory.vocabulary(session.db()).states), key="licence_in"
        )
        would = assignment.with_licence(session.db(), who, state)
        st.write(f"{would['waiting']} wait in {state}; they would take {would['would_take']}.")
