"""Assigning several waiting consultations: a plan with reasons, one confirmation, the progress, and the results."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pandas as pd  # type: ignore[import-untyped]
import streamlit as st

from core.errors import PayopsError
from core.figures.wording import counted
from core.providers import assignment, assignment_figures
from core.providers.assignment import Placement
from core.providers.consultation_rows import Candidates, ListedConsultation
from core.providers.states import name_of
from core.staff import audit
from core.staff.roles import Actor, Right, Role, right
from core.ui import session
from core.ui.consultations import consultation_details
from core.ui.kit import actions, drawer, rows, shared_cache
from core.ui.kit.rows import Column
from core.ui.text import literal

MOST = 50
_RUN, _ASKED, WHY, OVERRIDE = "assign run", "assign candidates", "assign why", "assign override"
ASSIGNED, REFUSED = "Assigned", "Not assigned"
STATE = Column("state", "State", read=lambda one: name_of(one["state"]))
PLAN = (
    STATE,
    Column("provider", "Provider"),
    Column("load", "Then open"),
    Column("why", "Why", width="large"),
    Column("id", "Consultation"),
)
RESULTS = (STATE, Column("outcome", "Outcome"), Column("said", "Result", width="large"), Column("id", "Consultation"))


@dataclass
class Run:
    """The assignments still to make, the reason for all of them, and the results so far."""

    reason: str
    todo: list[Placement]
    done: list[Mapping[str, Any]] = field(default_factory=list)


def show(sought: Callable[..., Sequence[ListedConsultation]], kind: str) -> None:
    """Show the button above a list of waiting consultations, if the user may assign, and carry out a confirmed plan."""
    _go_on()
    if kind == "waiting" and right(session.actor().role, "assignments") >= Right.ACT and sought(limit=2)[1:]:
        st.button("Assign several", icon=":material/group_add:", on_click=_open, args=(sought,))


def _open(sought: Callable[..., Sequence[ListedConsultation]]) -> None:
    """Open the dialog with the consultations that have waited longest and their present candidates."""
    for each in (_ASKED, WHY, OVERRIDE):
        st.session_state.pop(each, None)
    ask(sought(limit=MOST + 1))


@st.dialog("Assign several consultations", width="large", on_dismiss="rerun")
def ask(waiting: Sequence[ListedConsultation]) -> None:
    """The dialog to choose which ones to assign; those that no provider can take stay on the waiting list."""
    actions.end_dialog_if_over()
    offered = waiting[:MOST]
    if len(waiting) > MOST:
        st.caption(f"The {MOST:,} that wait longest. Narrow the list by state or specialty to see others.")
    chosen = _chosen(offered)
    override = session.actor().role is Role.ADMIN and st.toggle(
        "Override hours, capacity or specialty", key=OVERRIDE, help="A licence can never be overridden."
    )
    planned = assignment.plan_several(chosen, _candidates, override=override)
    placed = [each for each in planned if each.provider_id]
    st.markdown(f"**{literal(_in_words(planned, placed))}**")
    if planned:
        rows.show([_as_row(each) for each in planned], PLAN, key="assign-plan", file="assignment-plan")
    st.text_input("Reason", key=WHY, max_chars=300, placeholder="For the audit log. No health information.")
    st.button(
        f"Assign {counted(len(placed), 'consultation')}",
        type="primary",
        key="assign several",
        disabled=not placed,
        on_click=actions.attempt,
        args=(partial(_agreed, placed),),
    )
    actions.end_dialog_when_done()


def _go_on() -> None:
    """Make the remaining assignments of a confirmed plan, with a progress bar, then show the results."""
    run: Run | None = st.session_state.get(_RUN)
    if run is None:
        return
    if run.todo:
        actions.one_after_the_other(
            run.todo, run.done, partial(_assigned, run.reason), lambda each: each.consultation["id"]
        )
        shared_cache.answers().forget("assignments", "directory")
        st.rerun()  # the rest of the page shows the state before the assignments
    counts = Counter(one["outcome"] for one in run.done)
    said = ", ".join(f"{counts[each]:,} {each.lower()}" for each in (ASSIGNED, REFUSED) if counts[each])
    st.markdown(f"**{literal(f'Consultations: {said}.')}**")
    rows.show(run.done, RESULTS, key="assign-results", file="assigned-consultations")
    st.button("Close results", key="close assign results", on_click=st.session_state.pop, args=(_RUN, None))


def _chosen(offered: Sequence[ListedConsultation]) -> list[ListedConsultation]:
    table = pd.DataFrame(
        {
            "Assign": [True for _ in offered],
            "State": [name_of(one["state"]) for one in offered],
            "Specialty": [consultation_details.specialty(one["specialty"]) for one in offered],
            "Waiting for": [assignment_figures.waited(one["age_seconds"]) for one in offered],
            "Consultation": [one["id"] for one in offered],
        }
    )
    edited = st.data_editor(table, hide_index=True, disabled=list(table.columns[1:]), height=240, key="assign chosen")
    return [one for one, keep in zip(offered, edited["Assign"], strict=True) if keep]


def _candidates(one: ListedConsultation) -> Candidates:
    """The consultation's candidates, loaded once for the open dialog, which is drawn again at each click."""
    known: dict[str, Candidates] = st.session_state.setdefault(_ASKED, {})
    if one["id"] not in known:
        known[one["id"]] = assignment.candidates(session.db(), one["id"], session.services().clock())
    return known[one["id"]]


def _in_words(planned: Sequence[Placement], placed: Sequence[Placement]) -> str:
    if not planned:
        return "Choose at least one consultation."
    said = f"{counted(len(placed), 'consultation')} can be assigned"
    if forced := sum(each.override for each in placed):
        said += f", {forced:,} of them only by the override"
    left = len(planned) - len(placed)
    return (
        f"{said}; {counted(left, 'consultation')} cannot, and {'waits' if left == 1 else 'wait'} on."
        if left
        else f"{said}."
    )


def _as_row(each: Placement) -> Mapping[str, Any]:
    return {
        "id": each.consultation["id"],
        "state": each.consultation["state"],
        "provider": each.provider_name or "Nobody",
        "load": f"{each.open_after} of {each.capacity}" if each.provider_id else "",
        "why": f"Override: {each.why}" if each.override else each.why,
    }


def _agreed(placed: list[Placement], actor: Actor) -> str:
    reason = (st.session_state.get(WHY) or "").strip()
    audit.require_reason(session.db(), reason)
    if _RUN not in st.session_state or not st.session_state[_RUN].todo:
        st.session_state[_RUN] = Run(reason, list(placed))
    drawer.close("consultation")
    return f"Assigning {counted(len(placed), 'consultation')}, one after the other."


def _assigned(reason: str, each: Placement) -> Mapping[str, Any]:
    one = each.consultation
    result = {"id": one["id"], "state": one["state"]}
    try:
        given = assignment.assign(
            session.db(),
            session.actor(),
            one["id"],
            session.services().clock(),
            provider_id=each.provider_id,
            reason=reason,
            override=each.override,
            only_waiting=True,
        )
    except PayopsError as error:
        return result | {"outcome": REFUSED, "said": error.detail}
    return result | {"outcome": ASSIGNED, "said": f"{given['provider_name']}. {each.why}"}
