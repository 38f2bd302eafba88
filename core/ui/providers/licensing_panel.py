"""Below the directory: states about to be without a provider, licences to verify, who is away, and the rules."""

from datetime import datetime, timedelta
from functools import partial

import streamlit as st

from core.errors import Refused
from core.figures.wording import counted
from core.providers import licensing_rules, proof, schedules
from core.providers.licence_kinds import GRANTS, KINDS
from core.providers.licensing_rules import Compact, Member, Policy, Registration, Rules
from core.staff import audit_words
from core.staff.roles import Actor
from core.ui import session
from core.ui.kit import actions, rows, shared_cache
from core.ui.kit.rows import Column
from core.ui.text import in_zone, literal

WHY = "rule why"
LONGEST_VERIFICATION_DAYS = 3650
RISKS = (
    Column("name", "State"),
    Column("ends_at", "Nobody from", "moment"),
    Column("provider_name", "Last provider"),
    Column("open_consultations", "Open consultations", "count"),
    Column("demand_30_days", "Demand", "count", help="Consultations received in the last 30 days."),
)
DUE = (
    Column("name", "Provider"),
    Column("state", "State", width="small"),
    Column("number", "Licence"),
    Column("kind", "Kind", read=lambda one: KINDS[one["kind"]]),
    Column("verified_on", "Last verified", "day"),
    Column("verified_by", "By", read=lambda one: audit_words.actor_name(one["verified_by"] or "")),
    Column("due_on", "Due", "day"),
)
AWAY = (
    Column("name", "Provider"),
    Column("first_day", "First day", "day"),
    Column("last_day", "Last day", "day"),
    Column("open_consultations", "Open consultations", "count"),
    Column("note", "Note"),
)
SOURCE = (Column("source", "Source"), Column("link", "Link"), Column("verified_on", "Verified on", "day"))
TERM = (Column("effective_on", "In force from", "day"), Column("ends_on", "Last day", "day"))
MEMBERS = (Column("compact", "Compact"), Column("state", "State", width="small"), *TERM, *SOURCE)
COMPACTS = (
    Column("code", "Compact"),
    Column("name", "Name"),
    Column("grants", "What it grants", read=lambda one: GRANTS[one["grants"]]),
    Column("count", "Members", "count", read=lambda one: len(one["members"])),
    *SOURCE,
)
REGISTRATIONS = (
    Column("state", "State", width="small"),
    Column("not_allowed", "Does not allow", width="large"),
    *TERM,
    *SOURCE,
)


def warn_of_risks(now: datetime) -> None:
    """Say, before a checkout does, where soon nobody may see patients."""
    if risks := licensing_rules.states_at_risk(session.db(), now):
        soonest = in_zone(datetime.fromisoformat(risks[0]["ends_at"]), session.settings().business_zone)
        st.warning(
            literal(
                f"{counted(len(risks), 'state')} will be without a provider within 90 days, {risks[0]['name']} first "
                f"on {soonest}. From then on checkouts there are refused."
            ),
            icon=":material/location_off:",
        )
        rows.show(risks, RISKS, key="risks", choose="provider", id_field="provider_id", file="states-at-risk")


def show(*, may_edit: bool) -> None:
    """Licences to verify, time off, and the rules, each in a tab."""
    db, now = session.db(), session.services().clock()
    due, rules = proof.due(db, now), licensing_rules.load(db)
    away = schedules.coming_time_off(db, (now + timedelta(days=60)).date(), now)
    st.subheader("Licensing")
    to_verify, time_off, compacts, registrations, policy = st.tabs(
        [f"To verify ({due['total']:,})", f"Time off ({len(away)})", "Compacts", "Registrations", "Policy"]
    )
    with to_verify:
        if due["items"]:
            rows.show(due["items"], DUE, key="due", choose="provider", id_field="provider_id", file="to-verify")
        else:
            st.success("Every active licence is verified.")
    with time_off:
        if away:
            rows.show(away, AWAY, key="away", choose="provider", id_field="provider_id", file="time-off")
        else:
            st.caption("Nobody is on time off within 60 days.")
    with compacts:
        _compacts(rules, may_edit=may_edit)
    with registrations:
        if any(rule["verified_on"] is None for rule in rules["registrations"]):
            st.caption("A telehealth registration counts only once the state's rule is set here with its source.")
        rows.show(rules["registrations"], REGISTRATIONS, key="registrations", file="telehealth-registrations")
        if may_edit:
            st.button("Set a registration", on_click=set_registration, args=(rules,))
    with policy:
        _policy(rules["policy"], may_edit=may_edit)


def _compacts(rules: Rules, *, may_edit: bool) -> None:
    rows.show(rules["compacts"], COMPACTS, key="compacts", file="compacts")
    members = [{"compact": one["code"], **member} for one in rules["compacts"] for member in one["members"]]
    if any(member["verified_on"] is None for member in members):
        st.caption("A compact privilege counts only once the member state is set here with its source.")
    rows.show(members, MEMBERS, key="members", file="compact-members")
    if may_edit:
        with st.container(horizontal=True):
            st.button("Set a member state", on_click=set_member, args=(rules,))
            st.button("Add a compact", on_click=add_compact, args=(rules,))


def _policy(policy: Policy, *, may_edit: bool) -> None:
    yes_no = {True: "Yes", False: "No"}
    st.markdown(
        f"- Licences are verified again after **{policy['verification_days']:,} days**.\n"
        f"- A second person confirms a licence that opens a state: **{yes_no[policy['second_person']]}**.\n"
        f"- Patients return to the provider they know: **{yes_no[policy['return_to_known']]}**.\n"
        f"- Checkouts are refused where nobody may see the patient: **{yes_no[policy['refuse_unserved']]}**."
    )
    if may_edit:
        st.button("Change policy", on_click=change_policy, args=(policy,))


@st.dialog("Licensing policy")
def change_policy(policy: Policy) -> None:
    """Change what admins decide."""
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
    """Add a compact; its member states are set after it."""
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


@st.dialog("Member of a compact")
def set_member(rules: Rules) -> None:
    """Add a member state, or change its days."""
    actions.end_dialog_if_over()
    code: str = st.selectbox("Compact", [one["code"] for one in rules["compacts"]])
    rule: Member = {"compact": code, **_term()}
    _end(partial(_set_member, rule), "Set member state")


@st.dialog("Telehealth registration")
def set_registration(rules: Rules) -> None:
    """Add a state's registration, or change it."""
    actions.end_dialog_if_over()
    not_allowed = st.text_area("What it does not allow", max_chars=500)
    rule: Registration = {"not_allowed": not_allowed, **_term()}
    _end(partial(_set_registration, rule), "Set registration")


def _term() -> licensing_rules.Term:
    state: str = st.text_input("State (USPS code)", max_chars=2).strip().upper()
    starts, ends = (
        st.date_input(label, None, format="YYYY-MM-DD") for label in ("In force from", "Last day, if it ends")
    )
    return {"state": state, "effective_on": str(starts or ""), "ends_on": str(ends) if ends else None, **_source()}


def _source() -> licensing_rules.Source:
    """Where the rule is written; who sets it has just looked."""
    source = st.text_input("Source", max_chars=300, placeholder="Such as the statute and its section")
    link = st.text_input("Link", max_chars=500, placeholder="https://").strip() or None
    return {"source": source, "link": link, "verified_on": str(session.services().clock().date())}


def _end(work: partial[str], label: str) -> None:
    st.text_input("Why", key=WHY, max_chars=300, placeholder="For the audit log")
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
    shared_cache.answers().forget("directory", "vocabulary")
    return f"{rule['code']} added. Set its member states next."


def _set_member(rule: Member, actor: Actor) -> str:
    licensing_rules.put_member(session.db(), actor, rule, session.services().clock(), reason=_why())
    shared_cache.answers().forget("directory", "vocabulary")
    return f"{rule['state']} is a member of {rule['compact']} from {rule['effective_on']} on."


def _set_registration(rule: Registration, actor: Actor) -> str:
    licensing_rules.put_registration(session.db(), actor, rule, session.services().clock(), reason=_why())
    shared_cache.answers().forget("directory", "vocabulary")
    return f"Registration in {rule['state']} set."


def _why() -> str:
    return str(st.session_state.get(WHY) or "")
