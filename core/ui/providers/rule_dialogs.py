"""The dialogs that change the rules of licensing: compacts and their member states, registrations, and the policy."""

from datetime import date
from functools import partial

import streamlit as st

from core.errors import Refused
from core.figures.wording import counted
from core.providers import licensing_rules
from core.providers.licence_kinds import GRANTS
from core.providers.licensing_rules import Compact, Member, Policy, Registration, Rules, Term
from core.providers.states import name_of
from core.staff.roles import Actor
from core.ui import session
from core.ui.consultations import consultation_details
from core.ui.kit import actions, shared_cache

WHY = "rule why"
LONGEST_VERIFICATION_DAYS = 3650


@st.dialog("Licensing policy")
def change_policy(policy: Policy) -> None:
    """The dialog to change the licensing policy."""
    actions.end_dialog_if_over()
    days = st.number_input("Verify licences again after days", value=policy["verification_days"], step=1)
    if days is None or not 1 <= days <= LONGEST_VERIFICATION_DAYS:
        st.error(f"From 1 to {LONGEST_VERIFICATION_DAYS:,} days.")
        return
    second = st.toggle("A second person confirms a licence that opens a state", policy["second_person"])
    known = st.toggle("Patients return to the provider they know", policy["return_to_known"])
    refuse = st.toggle("Refuse checkouts where nobody may see the patient", policy["refuse_unserved"])
    wanted: Policy = {
        "verification_days": int(days),
        "second_person": second,
        "return_to_known": known,
        "refuse_unserved": refuse,
    }
    _end(partial(_set_policy, wanted), "Change policy")


@st.dialog("Compact")
def add_compact(rules: Rules) -> None:
    """The dialog to add a compact; its member states are added afterwards."""
    actions.end_dialog_if_over()
    rule: Compact = {
        "code": st.text_input("Code", max_chars=12, placeholder="Capital letters, such as NLC").strip().upper(),
        "name": st.text_input("Name", max_chars=200).strip(),
        "grants": st.selectbox("What it grants", list(GRANTS), format_func=GRANTS.__getitem__),
        "note": st.text_area("Note", max_chars=500).strip(),
        **_source(),
    }
    known = frozenset(one["code"] for one in rules["compacts"])
    _end(partial(_add_compact, rule, known), "Add compact")


@st.dialog("Verify member states")
def verify_members(rules: Rules) -> None:
    """The dialog to confirm, from the compact's own current list, that these member states are right."""
    actions.end_dialog_if_over()
    compact = _compact(rules, with_members=True)
    terms = {one["state"]: one for one in rules_of(rules, compact)}
    st.caption(
        "Compare the first and last days with the compact's own list. Leave out a state that differs; change it first."
    )
    chosen = st.multiselect(
        "States confirmed by the source",
        list(terms),
        [code for code, one in terms.items() if one["verified_on"] is None],
        key=f"members of {compact}",
        format_func=lambda code: _term_said(terms[code]),
        placeholder="No member state yet",
    )
    source = _source(next(iter(terms.values()), None))
    work = partial(_verify_members, compact, chosen, source)
    _end(work, "Verify member states")


@st.dialog("Member of a compact")
def set_member(rules: Rules) -> None:
    """The dialog to add a member state, or change its days."""
    actions.end_dialog_if_over()
    compact = _compact(rules)
    rule: Member = {"compact": compact, **_term(rules_of(rules, compact), compact)}
    _end(partial(_set_member, rule), "Set member state")


@st.dialog("Remove a member state")
def remove_member(rules: Rules) -> None:
    """The dialog to remove a state that was never a member of a compact."""
    actions.end_dialog_if_over()
    compact = _compact(rules, with_members=True)
    states = consultation_details.vocabulary().states
    state = st.selectbox(
        "State",
        [one["state"] for one in rules_of(rules, compact)],
        index=None,
        format_func=states.__getitem__,
        placeholder="Choose a member state",
        key=f"member to remove of {compact}",
    )
    st.caption(
        "Only for a state that was entered by mistake: its privileges end at once. Give one that leaves the compact a "
        "last day instead."
    )
    _end(partial(_remove_member, compact, state), "Remove member state")


@st.dialog("Telehealth registration")
def set_registration(rules: Rules) -> None:
    """The dialog to add or change a state's telehealth registration."""
    actions.end_dialog_if_over()
    term = _term(rules["registrations"], "registration")
    known = next((one["not_allowed"] for one in rules["registrations"] if one["state"] == term["state"]), "")
    not_allowed = st.text_area("What it does not allow", known, max_chars=500, key=f"not allowed in {term['state']}")
    rule: Registration = {"not_allowed": not_allowed, **term}
    _end(partial(_set_registration, rule), "Set registration")


def rules_of(rules: Rules, compact: str) -> list[Term]:
    """The member states of this compact."""
    return next((one["members"] for one in rules["compacts"] if one["code"] == compact), [])


def _compact(rules: Rules, *, with_members: bool = False) -> str:
    names = {one["code"]: one["name"] for one in rules["compacts"] if one["members"] or not with_members}
    chosen: str = st.selectbox("Compact", list(names), format_func=lambda code: f"{code}: {names[code]}")
    return chosen


def _term_said(term: Term) -> str:
    """A member state with its days, as its compact's list shows it."""
    ends = f" to {_day(term['ends_on'])}" if term["ends_on"] else ""
    return f"{name_of(term['state'])} from {_day(term['effective_on'])}{ends}"


def _term(known: list[Term] | list[Registration], of: str) -> Term:
    """The fields of one state's rule, filled in with its current values."""
    states = consultation_details.vocabulary().states
    state: str | None = st.selectbox(
        "State",
        list(states),
        index=None,
        format_func=states.__getitem__,
        placeholder="Choose a state",
        key=f"rule state of {of}",
    )
    before: Term | None = next((one for one in known if one["state"] == state), None)
    days = (before["effective_on"], before["ends_on"]) if before else (None, None)
    starts, ends = (
        st.date_input(label, date.fromisoformat(day) if day else None, format="YYYY-MM-DD", key=f"{label} {of} {state}")
        for label, day in zip(("In force from", "Last day, if it ends"), days, strict=True)
    )
    return {
        "state": state or "",
        "effective_on": str(starts or ""),
        "ends_on": str(ends) if ends else None,
        **_source(before),
    }


def _source(before: licensing_rules.Source | None = None) -> licensing_rules.Source:
    """The field for the source of the rule, which the user has just checked."""
    known, known_link = (before["source"], before["link"]) if before else ("", None)
    source: str = st.text_input("Source", known, max_chars=300, placeholder="Such as the statute and its section")
    link = st.text_input("Link", known_link or "", max_chars=500, placeholder="https://").strip() or None
    today = session.services().clock().astimezone(session.settings().business_zone).date()
    return {"source": source, "link": link, "verified_on": str(today)}


def _end(work: partial[str], label: str) -> None:
    st.text_input("Reason", key=WHY, max_chars=300, placeholder="For the audit log")
    st.button(label, type="primary", key=f"do {label}", on_click=actions.attempt, args=(work,))
    actions.end_dialog_when_done()


def _set_policy(wanted: Policy, actor: Actor) -> str:
    licensing_rules.set_policy(session.db(), actor, wanted, session.services().clock(), reason=_why())
    return "Licensing policy changed."


def _add_compact(rule: Compact, known: frozenset[str], actor: Actor) -> str:
    if rule["code"] in known:
        raise Refused("bad_rule", f"There is a compact {rule['code']} already.")
    if not rule["name"]:
        raise Refused("bad_rule", "Name the compact.")
    licensing_rules.put_compact(session.db(), actor, rule, session.services().clock(), reason=_why())
    shared_cache.answers().forget("directory", "assignments", "vocabulary")
    return f"{rule['code']} added. Set its member states next."


def _verify_members(compact: str, states: list[str], source: licensing_rules.Source, actor: Actor) -> str:
    now = session.services().clock()
    licensing_rules.verify_members(session.db(), actor, compact, states, source, now, reason=_why())
    shared_cache.answers().forget("directory", "assignments", "vocabulary")
    return f"{counted(len(states), 'member state')} of {compact} verified: their privileges count from now on."


def _remove_member(compact: str, state: str | None, actor: Actor) -> str:
    if state is None:
        raise Refused("bad_rule", "Choose the state to remove.")
    licensing_rules.remove_member(session.db(), actor, compact, state, session.services().clock(), reason=_why())
    shared_cache.answers().forget("directory", "assignments", "vocabulary")
    return f"{name_of(state)} is no longer a member of {compact}."


def _set_member(rule: Member, actor: Actor) -> str:
    licensing_rules.put_member(session.db(), actor, rule, session.services().clock(), reason=_why())
    shared_cache.answers().forget("directory", "assignments", "vocabulary")
    return f"{name_of(rule['state'])} is a member of {rule['compact']} from {_day(rule['effective_on'])} on."


def _set_registration(rule: Registration, actor: Actor) -> str:
    licensing_rules.put_registration(session.db(), actor, rule, session.services().clock(), reason=_why())
    shared_cache.answers().forget("directory", "assignments", "vocabulary")
    return f"Registration in {name_of(rule['state'])} set."


def _day(iso: str) -> str:
    return f"{date.fromisoformat(iso):%-d %b %Y}"


def _why() -> str:
    return str(st.session_state.get(WHY) or "")
