"""The panel below the directory: states about to lose their last provider, licences to verify, time off, and rules."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import streamlit as st

from core.providers import licensing_rules, proof, schedules
from core.providers.licence_kinds import GRANTS, KINDS
from core.providers.licensing_rules import Policy, Rules, StateAtRisk
from core.staff import audit_words
from core.ui import session
from core.ui.kit import rows
from core.ui.kit.rows import Column
from core.ui.providers import rule_dialogs
from core.ui.providers.licence_view import STATE
from core.ui.text import in_zone, literal

RISKS = (
    Column("name", "State"),
    Column("ends_at", "No provider from", "moment"),
    Column("provider_name", "Last provider"),
    Column("open_consultations", "Open consultations", "count"),
    Column("demand_30_days", "Demand", "count", help="Consultations received in the last 30 days."),
)
DUE = (
    Column("name", "Provider"),
    STATE,
    Column("number", "Licence"),
    Column("kind", "Kind", read=lambda one: KINDS[one["kind"]]),
    Column("verified_on", "Last verified", "day"),
    Column("verified_by", "Verified by", read=lambda one: audit_words.actor_name(one["verified_by"] or "")),
    Column("due_on", "Due again", "day"),
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
MEMBERS = (Column("compact", "Compact"), STATE, *TERM, *SOURCE)
COMPACTS = (
    Column("code", "Compact"),
    Column("name", "Name"),
    Column("grants", "What it grants", read=lambda one: GRANTS[one["grants"]]),
    Column("count", "Members", "count", read=lambda one: len(one["members"])),
    *SOURCE,
)
REGISTRATIONS = (
    STATE,
    Column("not_allowed", "Does not allow", width="large"),
    *TERM,
    *SOURCE,
)


def warn_of_risks(now: datetime) -> None:
    """Warn of states where soon no provider may see patients, before a checkout has to refuse one."""
    if risks := licensing_rules.states_at_risk(session.db(), now):
        refused = licensing_rules.load(session.db())["policy"]["refuse_unserved"]
        soonest = in_zone(datetime.fromisoformat(risks[0]["ends_at"]), session.settings().business_zone)
        st.warning(literal(risk_sentence(risks, soonest, refused=refused)), icon=":material/location_off:")
        rows.show(risks, RISKS, key="risks", choose="provider", id_field="provider_id", file="states-at-risk")


def risk_sentence(risks: Sequence[StateAtRisk], soonest: str, *, refused: bool) -> str:
    """Which states will be without a provider; `soonest` is the time at which the first one will be."""
    said = f"{risks[0]['name']} will be without a provider from {soonest}."
    if len(risks) > 1:
        others = f"{len(risks):,} states will be without a provider within 90 days"
        said = f"{others}, {risks[0]['name']} first on {soonest}."
    return said + (" From then on checkouts there are refused." if refused else "")


def show(*, may_edit: bool) -> None:
    """Licences to verify, time off, and the rules, each in a tab."""
    db, now = session.db(), session.services().clock()
    due, rules = proof.due(db, now), licensing_rules.load(db)
    away = schedules.coming_time_off(db, (now + timedelta(days=60)).date(), now)
    st.subheader("Licensing")
    to_verify, time_off, compacts, registrations, policy = st.tabs(
        [f"To verify ({due['total']:,})", f"Time off ({len(away)})", "Compacts", "Registrations", "Policy"],
        key="licensing-tabs",  # the chosen tab stays when a result is shown above
    )
    with to_verify:
        if due["items"]:
            rows.show(due["items"], DUE, key="due", choose="provider", id_field="provider_id", file="to-verify")
        else:
            st.success("No licence is due to be verified.")
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
            st.button("Set a registration", on_click=rule_dialogs.set_registration, args=(rules,))
    with policy:
        _policy(rules["policy"], may_edit=may_edit)


def _compacts(rules: Rules, *, may_edit: bool) -> None:
    rows.show(rules["compacts"], COMPACTS, key="compacts", file="compacts")
    members = [{"compact": one["code"], **member} for one in rules["compacts"] for member in one["members"]]
    if any(member["verified_on"] is None for member in members):
        st.caption("A compact privilege counts only once the member state is verified here at its source.")
    rows.show(members, MEMBERS, key="members", file="compact-members")
    if may_edit:
        with st.container(horizontal=True):
            st.button(
                "Verify member states", icon=":material/verified:", on_click=rule_dialogs.verify_members, args=(rules,)
            )
            st.button("Set a member state", on_click=rule_dialogs.set_member, args=(rules,))
            st.button("Remove a member state", on_click=rule_dialogs.remove_member, args=(rules,))
            st.button("Add a compact", on_click=rule_dialogs.add_compact, args=(rules,))


def _policy(policy: Policy, *, may_edit: bool) -> None:
    yes_no = {True: "Yes", False: "No"}
    st.markdown(
        f"- Licences are verified again after **{policy['verification_days']:,} days**.\n"
        f"- A second person confirms a licence that opens a state: **{yes_no[policy['second_person']]}**.\n"
        f"- Patients return to the provider they know: **{yes_no[policy['return_to_known']]}**.\n"
        f"- Checkouts are refused where nobody may see the patient: **{yes_no[policy['refuse_unserved']]}**."
    )
    if may_edit:
        st.button("Change policy", on_click=rule_dialogs.change_policy, args=(policy,))
