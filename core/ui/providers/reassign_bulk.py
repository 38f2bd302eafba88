"""Reassigning all open consultations that a provider may no longer see: one reason, the progress, and each result."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from operator import itemgetter
from typing import Any

import streamlit as st

from core.errors import PayopsError
from core.figures.wording import counted
from core.providers import assignment
from core.providers.consultation_rows import ListedConsultation
from core.providers.states import name_of
from core.staff import audit
from core.staff.roles import Actor
from core.ui import session
from core.ui.kit import actions, drawer, rows, shared_cache
from core.ui.kit.rows import Column
from core.ui.providers.licence_view import STATE
from core.ui.text import literal

_RUN, WHY = "reassign run", "reassign why"
PAGE = 1_000
MOVED, WAITS, REFUSED = "Reassigned", "Waiting", "Not reassigned"
RESULTS = (
    Column("id", "Consultation", "id"),
    STATE,
    Column("outcome", "Outcome"),
    Column("said", "Result", width="large"),
)


@dataclass
class Run:
    """The consultations still to release, each with its state, the reason for all, and the results so far."""

    name: str
    reason: str
    todo: list[ListedConsultation]
    done: list[Mapping[str, Any]] = field(default_factory=list)


@st.dialog("Reassign consultations", width="large", on_dismiss="rerun")
def ask(provider_id: str, name: str) -> None:
    """Ask for confirmation: which consultations must move, and who else could take them. Open it from a button."""
    actions.end_dialog_if_over()
    moving = _to_move(provider_id)
    if not moving:
        st.info("None of their open consultations must be reassigned.")
        return
    others = {
        one["state"]: one for one in assignment.without_provider(session.db(), provider_id, session.services().clock())
    }
    whose = literal(f"{counted(len(moving), 'consultation')} of {name}")
    st.markdown(f"**{whose}**: each is released and assigned to the next eligible provider, or waits.")
    for state, count in sorted(Counter(one["state"] for one in moving).items()):
        there = others.get(state)
        free = there["their_free_slots"] if there else 0
        room = f"{counted(free, 'free slot')} of others" if free else "nobody else is free there, so they wait"
        st.markdown(f"- {literal(name_of(state))}: {count:,}; {room}")
    st.text_input("Reason", key=WHY, max_chars=300, placeholder="For the audit log. No health information.")
    st.button(
        f"Reassign {counted(len(moving), 'consultation')}",
        type="primary",
        key="reassign all",
        on_click=actions.attempt,
        args=(partial(_agreed, name, moving),),
    )
    actions.end_dialog_when_done()


def go_on() -> None:
    """Release what is left of the agreed consultations, with a progress bar, then show the results."""
    run: Run | None = st.session_state.get(_RUN)
    if run is None:
        return
    if run.todo:
        actions.one_after_the_other(run.todo, run.done, partial(_released, run.reason), itemgetter("id"))
        shared_cache.answers().forget("directory", "assignments", "registries")
        st.rerun()  # the figures and rows on the page are from before the reassignments
    counts = Counter(one["outcome"] for one in run.done)
    told = ", ".join(f"{counts[outcome]:,} {outcome.lower()}" for outcome in (MOVED, WAITS, REFUSED) if counts[outcome])
    st.markdown(f"**{literal(f'Consultations of {run.name}: {told}.')}**")
    rows.show(run.done, RESULTS, key="reassign-results")
    rows.files(lambda _: run.done, RESULTS, name="reassigned-consultations")
    st.button("Close results", key="close reassign results", on_click=st.session_state.pop, args=(_RUN, None))


def _to_move(provider_id: str) -> list[ListedConsultation]:
    found: list[ListedConsultation] = []
    while True:
        page = assignment.consultations(
            session.db(),
            session.services().clock(),
            status="to_reassign",
            provider_id=provider_id,
            limit=PAGE,
            after_id=found[-1]["id"] if found else None,
        )
        found += page
        if len(page) < PAGE:
            return found


def _agreed(name: str, moving: list[ListedConsultation], actor: Actor) -> str:
    reason = (st.session_state.get(WHY) or "").strip()
    audit.require_reason(session.db(), reason)
    if _RUN not in st.session_state or not st.session_state[_RUN].todo:
        st.session_state[_RUN] = Run(name, reason, list(moving))
    drawer.close("provider", "licence")
    return f"Reassigning {counted(len(moving), 'consultation')} of {name}, one after the other."


def _released(reason: str, one: ListedConsultation) -> Mapping[str, Any]:
    result = {"id": one["id"], "state": one["state"]}
    try:
        given = assignment.release(session.db(), session.actor(), one["id"], reason, session.services().clock())
    except PayopsError as error:
        return result | {"outcome": REFUSED, "said": error.detail}
    if given["status"] == "waiting":
        return result | {"outcome": WAITS, "said": given["reason"]}
    return result | {"outcome": MOVED, "said": f"{given['provider_name']}. {given['reason']}"}
