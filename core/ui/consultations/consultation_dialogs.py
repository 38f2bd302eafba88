"""The dialogs that give a consultation to somebody, take it back, or end it; each says first what will follow."""

from functools import partial
from typing import Any

import streamlit as st

from core.errors import Refused
from core.money import Money
from core.providers import assignment
from core.staff.roles import Actor, Role
from core.ui import session
from core.ui.kit import actions, rows
from core.ui.kit.rows import Column
from core.ui.text import code, literal

BY_THE_RULES = ""
CANDIDATES = (
    Column("name", "Provider", width="medium"),
    Column("may", "Can be chosen", read=lambda one: one["may"], width="small"),
    Column("why", "Why", width="medium"),
    Column("load", "Open now", read=lambda one: f"{one['pending']} of {one['capacity']}", width="small"),
)
ENDS = {"completed": ("Complete the consultation", "Complete"), "cancelled": ("Cancel the consultation", "Cancel it")}


@st.dialog("Assign consultation", width="large")
def give(consultation_id: str) -> None:
    """To whom the rules choose, or to a provider by hand; call it where a button was clicked."""
    actions.end_dialog_if_over()
    found = _open(consultation_id)
    if found is None:
        return
    search = st.text_input("Search", key=_key(found, "search"), placeholder="A part of the name") or None
    listed = assignment.candidates(session.db(), found["id"], session.services().clock(), search=search)
    override = session.actor().role is Role.ADMIN and st.toggle(
        "Override capacity or specialty", key=_key(found, "override"), help="A licence can never be overridden."
    )
    choosable = {one["provider_id"]: one for one in listed["items"] if _may(one, override)}
    _candidates(listed, override)
    waits = found["status"] == "waiting"
    chosen = st.selectbox(
        "Provider",
        [*([BY_THE_RULES] if waits else []), *choosable],
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
        key=_key(found, "give"),
        disabled=chosen is None,
        on_click=actions.attempt,
        args=(partial(_give, found["id"], chosen or None, override),),
    )
    actions.end_dialog_when_done()


@st.dialog("Release consultation")
def take_back(consultation_id: str) -> None:
    """From its provider, who does not get it again by itself."""
    actions.end_dialog_if_over()
    found = _open(consultation_id)
    if found is None:
        return
    st.info(
        literal(
            f"{found['provider_name']} has room for one more, and does not get this one again "
            "by itself. It goes at once to "
            "the next in order, or waits where there is none."
        )
    )
    st.text_input("Reason", key=_key(found, "why"), max_chars=300)
    st.button(
        "Take it back",
        type="primary",
        key=_key(found, "back"),
        on_click=actions.attempt,
        args=(partial(_take_back, found["id"]),),
    )
    actions.end_dialog_when_done()


@st.dialog("End the consultation")
def end(consultation_id: str, status: str) -> None:
    """As completed or cancelled, with what that means for whoever paid."""
    actions.end_dialog_if_over()
    found = _open(consultation_id)
    if found is None:
        return
    title, button = ENDS[status]
    st.markdown(f"**{title}** {code(found['id'])}")
    freed = (
        f"{found['provider_name']} has room for one more, which goes to whoever waits longest there."
        if found["provider_name"]
        else "It leaves the waiting list."
    )
    st.info(literal(" ".join([freed, *_money_left(found, status)])))
    st.text_input("Why", key=_key(found, "why"), max_chars=300, placeholder="For the audit log. No health information.")
    st.button(
        button,
        type="primary",
        key=_key(found, "end"),
        on_click=actions.attempt,
        args=(partial(_end, found["id"], status),),
    )
    actions.end_dialog_when_done()


@st.dialog("Reassign consultations")
def move_misplaced(number: int, provider_id: str | None = None) -> None:
    """All consultations whose provider may not see them, or those of one provider."""
    actions.end_dialog_if_over()
    st.info(
        f"{number:,} {'consultation is' if number == 1 else 'consultations are'} taken back "
        "and given to the next in order, "
        "or wait where there is nobody. Up to 500 are moved at once."
    )
    st.text_input("Why", key="move why", max_chars=300)
    st.button("Move them", type="primary", on_click=actions.attempt, args=(partial(_move, provider_id),))
    actions.end_dialog_when_done()


def _open(consultation_id: str) -> dict[str, Any] | None:
    """The consultation as it is now; None, and said so, where it is over already."""
    try:
        found = assignment.consultation(session.db(), consultation_id, session.services().clock())
    except Refused as refused:
        st.info(literal(refused.detail))
        return None
    if found["status"] not in ("waiting", "assigned"):
        st.info(f"This consultation is {found['status']} already.")
        return None
    return found


def _may(one: dict[str, Any], override: bool) -> bool:
    return one["selectable"] or (override and one["overridable"])


def _candidates(listed: dict[str, Any], override: bool) -> None:
    items = listed["items"]
    if not items:
        st.warning("None of the providers found is licensed there.")
        return
    rows.show([one | _judged(one, override) for one in items], CANDIDATES, key="candidates")
    if listed["licensed"] > len(items):
        st.caption(
            f"{len(items):,} of the {listed['licensed']:,} who hold a licence there are "
            "shown: the first in order, and others by name."
        )


def _judged(one: dict[str, Any], override: bool) -> dict[str, str]:
    """Whether they can be chosen, and why in full."""
    if one["has_it"]:
        return {"may": "Has it now"}
    better = " Somebody who fits better is free." if one["eligible"] and not one["selectable"] else ""
    return {"may": "Yes" if _may(one, override) else "No", "why": one["why"] + better}


def _consequence(found: dict[str, Any], chosen: dict[str, Any] | None) -> str:
    from_whom = f"{found['provider_name']} has room for one more. " if found["provider_name"] else ""
    if chosen is None and found["provider_name"]:
        return f"Choose who takes it over from {found['provider_name']}, who then has capacity for one more."
    if chosen is None:
        return "The least loaded eligible provider is chosen, those with the specialty first."
    after, over = chosen["pending"] + 1, ""
    if after > chosen["capacity"]:
        over = " That is over their capacity."
    return f"{from_whom}{chosen['name']} has {after} of {chosen['capacity']} open after this.{over}"


def _money_left(found: dict[str, Any], status: str) -> list[str]:
    """What of the payments stays with us though nobody was seen."""
    if status != "cancelled":
        return []
    kept = [
        str(Money(each["received_minor"] - each["refunded_minor"], each["currency"]))
        for each in found["payments"]
        if each["received_minor"] > each["refunded_minor"]
    ]
    return (
        [f"{' and '.join(kept)} was paid for it and is not given back by this: refund it if it is due."] if kept else []
    )


def _give(consultation_id: str, provider_id: str | None, override: bool, actor: Actor) -> str:
    given = assignment.assign(
        session.db(),
        actor,
        consultation_id,
        session.services().clock(),
        provider_id=provider_id,
        reason=_said(consultation_id),
        override=override and provider_id is not None,
    )
    if given["status"] == "waiting":
        return f"Still waiting: {given['reason']}"
    return f"{given['provider_name']} has it. {given['reason']}"


def _take_back(consultation_id: str, actor: Actor) -> str:
    given = assignment.release(
        session.db(), actor, consultation_id, _said(consultation_id) or "", session.services().clock()
    )
    if given["status"] == "waiting":
        return f"Released; it is waiting now. {given['reason']}"
    return f"Released and reassigned to {given['provider_name']}. {given['reason']}"


def _end(consultation_id: str, status: str, actor: Actor) -> str:
    assignment.end(
        session.db(), actor, consultation_id, status, session.services().clock(), reason=_said(consultation_id)
    )
    return f"The consultation is {status}."


def _move(provider_id: str | None, actor: Actor) -> str:
    why = st.session_state.get("move why") or ""
    moved = assignment.move_misplaced(session.db(), actor, why, session.services().clock(), provider_id=provider_id)
    return (
        f"{moved['moved']:,} moved: {moved['moved'] - moved['waiting']:,} have another provider, "
        f"{moved['waiting']:,} wait."
    )


def _said(consultation_id: str) -> str | None:
    """The reason given in the dialog of this consultation, as it stands at the click."""
    return st.session_state.get(f"consultation why {consultation_id}") or None


def _key(found: dict[str, Any], what: str) -> str:
    return f"consultation {what} {found['id']}"
