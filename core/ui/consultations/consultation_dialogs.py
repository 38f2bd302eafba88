"""The dialogs that assign, release, reassign or end consultations; each shows the consequences first."""

from functools import partial

import streamlit as st

from core.errors import Refused
from core.figures.wording import counted
from core.money import Money
from core.providers import assignment
from core.providers.consultation_rows import Candidate, Candidates, ConsultationDetails
from core.staff.roles import Actor, Role
from core.ui import session
from core.ui.kit import actions, rows
from core.ui.kit.rows import Column
from core.ui.text import code, literal

AUTOMATIC = ""
CANDIDATES = (
    Column("name", "Provider", width="medium"),
    Column("may", "Eligible", read=lambda one: one["may"], width="small"),
    Column("why", "Why", width="medium"),
    Column("load", "Open consultations", read=lambda one: f"{one['pending']} of {one['capacity']}", width="small"),
)
ENDS = {
    "completed": ("Complete the consultation", "Complete consultation"),
    "cancelled": ("Cancel the consultation", "Cancel consultation"),
}


@st.dialog("Assign consultation", width="large", on_dismiss="rerun")
def assign(consultation_id: str) -> None:
    """Assign automatically or to a chosen provider; open it from a button."""
    actions.end_dialog_if_over()
    found = _open(consultation_id)
    if found is None:
        return
    search = st.text_input("Search", key=_key(found, "search"), placeholder="Part of the name") or None
    listed = assignment.candidates(session.db(), found["id"], session.services().clock(), search=search)
    override = session.actor().role is Role.ADMIN and st.toggle(
        "Override capacity or specialty", key=_key(found, "override"), help="A licence can never be overridden."
    )
    choosable = {one["provider_id"]: one for one in listed["items"] if _may(one, override)}
    _candidates(listed, override, searched=bool(search))
    waits = found["status"] == "waiting"
    chosen = st.selectbox(
        "Provider",
        [*([AUTOMATIC] if waits else []), *choosable],
        key=_key(found, "provider"),
        format_func=lambda one: choosable[one]["name"] if one in choosable else "Automatic assignment",
        index=0 if waits else None,
        placeholder="Choose a provider",
    )
    if chosen:
        st.text_input(
            "Reason for this provider",
            key=_key(found, "why"),
            max_chars=300,
            placeholder="For the audit log. No health information.",
        )
    st.info(literal(_consequence(found, choosable.get(chosen or ""))))
    st.button(
        "Assign",
        type="primary",
        key=_key(found, "assign"),
        disabled=chosen is None or not (listed["items"] or search),
        on_click=actions.attempt,
        args=(partial(_assign, found["id"], chosen or None, override),),
    )
    actions.end_dialog_when_done()


@st.dialog("Release consultation", on_dismiss="rerun")
def release(consultation_id: str) -> None:
    """Release a consultation from its provider; automatic assignment does not choose that provider for it again."""
    actions.end_dialog_if_over()
    found = _open(consultation_id)
    if found is None:
        return
    st.info(
        literal(
            f"The consultation is assigned to the next eligible provider, or waits if there is none. "
            f"{found['provider_name']} has capacity for one more and is not chosen for this one again automatically."
        )
    )
    st.text_input("Reason", key=_key(found, "why"), max_chars=300)
    st.button(
        "Release consultation",
        type="primary",
        key=_key(found, "release"),
        on_click=actions.attempt,
        args=(partial(_release, found["id"]),),
    )
    actions.end_dialog_when_done()


@st.dialog("End the consultation", on_dismiss="rerun")
def end(consultation_id: str, status: str) -> None:
    """End a consultation as completed or cancelled, and say what happens to its payments."""
    actions.end_dialog_if_over()
    found = _open(consultation_id)
    if found is None:
        return
    title, button = ENDS[status]
    st.markdown(f"**{title}** {code(found['id'])}")
    capacity = (
        f"{found['provider_name']} has capacity for one more: the longest waiting consultation they can take."
        if found["provider_name"]
        else "It leaves the waiting list."
    )
    st.info(literal(" ".join([capacity, *_not_refunded(found, status)])))
    st.text_input(
        "Reason", key=_key(found, "why"), max_chars=300, placeholder="For the audit log. No health information."
    )
    st.button(
        button,
        type="primary",
        key=_key(found, "end"),
        on_click=actions.attempt,
        args=(partial(_end, found["id"], status),),
    )
    actions.end_dialog_when_done()


@st.dialog("Reassign consultations", on_dismiss="rerun")
def reassign_from_ineligible(number: int, provider_id: str | None = None) -> None:
    """Reassign consultations (of `provider_id`, if given) whose provider may no longer see the patient."""
    actions.end_dialog_if_over()
    st.info(
        f"This releases {counted(number, 'consultation')} and assigns each to the next eligible provider, or lets it "
        "wait if there is none. Up to 500 are reassigned at once."
    )
    st.text_input("Reason", key="move why", max_chars=300)
    st.button("Reassign consultations", type="primary", on_click=actions.attempt, args=(partial(_move, provider_id),))
    actions.end_dialog_when_done()


def _open(consultation_id: str) -> ConsultationDetails | None:
    """The consultation as it is now; None, with a message, if it has ended or does not exist."""
    try:
        found = assignment.consultation(session.db(), consultation_id, session.services().clock())
    except Refused as refused:
        st.info(literal(refused.detail))
        return None
    if found["status"] not in ("waiting", "assigned"):
        st.info(f"This consultation has ended: it is {found['status']}.")
        return None
    return found


def _may(one: Candidate, override: bool) -> bool:
    return one["selectable"] or (override and one["overridable"])


def _candidates(listed: Candidates, override: bool, *, searched: bool) -> None:
    items = listed["items"]
    if not items:
        nobody = "No provider is licensed in the patient's state. Add one or a licence under Providers first."
        st.warning("No provider with this name is licensed in the patient's state." if searched else nobody)
        return
    rows.show(
        [{**one, **_eligibility(one, override)} for one in items], CANDIDATES, key="candidates", file="candidates"
    )
    if listed["licensed"] > len(items):
        st.caption(
            f"{len(items):,} of {listed['licensed']:,} licensed providers are shown: the first in the order of choice, "
            "then others by name. Search to find more."
        )


def _eligibility(one: Candidate, override: bool) -> dict[str, str]:
    """Whether the provider can be chosen, and the full reason."""
    if one["has_it"]:
        return {"may": "Assigned"}
    better = " A provider with a better match is free." if one["eligible"] and not one["selectable"] else ""
    return {"may": "Yes" if _may(one, override) else "No", "why": one["why"] + better}


def _consequence(found: ConsultationDetails, chosen: Candidate | None) -> str:
    earlier = f"{found['provider_name']} then has capacity for one more. " if found["provider_name"] else ""
    if chosen is None and found["provider_name"]:
        return f"Choose a provider to take it over. {earlier}".strip()
    if chosen is None:
        return "The least loaded eligible provider is chosen, first among those with the specialty."
    after, over = chosen["pending"] + 1, ""
    if after > chosen["capacity"]:
        over = " That exceeds their capacity."
    return f"{chosen['name']} will have {after} of {chosen['capacity']} open consultations.{over} {earlier}".strip()


def _not_refunded(found: ConsultationDetails, status: str) -> list[str]:
    """A note that cancelling refunds no payments, if the consultation has payments that are not fully refunded."""
    if status != "cancelled":
        return []
    kept = [
        str(Money(each["received_minor"] - each["refunded_minor"], each["currency"]))
        for each in found["payments"]
        if each["received_minor"] > each["refunded_minor"]
    ]
    return (
        [f"The {' and '.join(kept)} paid for it is not refunded automatically. Refund it if it is due."] if kept else []
    )


def _assign(consultation_id: str, provider_id: str | None, override: bool, actor: Actor) -> str:
    given = assignment.assign(
        session.db(),
        actor,
        consultation_id,
        session.services().clock(),
        provider_id=provider_id,
        reason=_reason(consultation_id),
        override=override and provider_id is not None,
    )
    if given["status"] == "waiting":
        return f"Still waiting: {given['reason']}"
    return f"Assigned to {given['provider_name']}. {given['reason']}"


def _release(consultation_id: str, actor: Actor) -> str:
    given = assignment.release(
        session.db(), actor, consultation_id, _reason(consultation_id) or "", session.services().clock()
    )
    if given["status"] == "waiting":
        return f"Released; it is waiting now. {given['reason']}"
    return f"Released and reassigned to {given['provider_name']}. {given['reason']}"


def _end(consultation_id: str, status: str, actor: Actor) -> str:
    assignment.end(
        session.db(), actor, consultation_id, status, session.services().clock(), reason=_reason(consultation_id)
    )
    return f"The consultation is {status}."


def _move(provider_id: str | None, actor: Actor) -> str:
    why = st.session_state.get("move why") or ""
    moved = assignment.reassign_from_ineligible(
        session.db(), actor, why, session.services().clock(), provider_id=provider_id
    )
    assigned = moved["moved"] - moved["waiting"]
    return f"{counted(moved['moved'], 'consultation')} released: {assigned:,} reassigned, {moved['waiting']:,} waiting."


def _reason(consultation_id: str) -> str | None:
    """The reason entered in the dialog of this consultation."""
    return st.session_state.get(f"consultation why {consultation_id}") or None


def _key(found: ConsultationDetails, what: str) -> str:
    return f"consultation {what} {found['id']}"
