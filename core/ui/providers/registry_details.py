"""One provider in the public registries: why they are out of assignment, and their entry in the NPI registry."""

from datetime import date, timedelta
from functools import partial

import streamlit as st

from core.figures.wording import counted
from core.providers.directory_rows import LicenceDocument, ProviderRow
from core.providers.registries import exclusions, nppes
from core.providers.registries.findings import sentence
from core.providers.registries.registry_rows import EntryLicence, RegistryEntry
from core.providers.states import name_of
from core.staff.roles import Actor, Right, right
from core.ui import session
from core.ui.consultations import consultation_details
from core.ui.kit import actions, drawer, rows, shared_cache
from core.ui.kit.rows import Column
from core.ui.providers import exclusion_dialogs
from core.ui.providers.licence_view import STATE
from core.ui.text import literal

RESULTS = {
    "same": "The same here",
    "differs": "Another number here",
    "number_missing": "No number here",
    "missing": "Not here: its last day is missing",
    "not_a_state": "Not a state that can be served",
}
LICENCES = (
    STATE,
    Column("number", "Number at the registry"),
    Column("ours", "Number here"),
    Column("result", "Compared", read=lambda one: RESULTS[one["result"]], width="medium"),
)
TAXONOMIES = (
    Column("code", "Code"),
    Column("name", "Name", width="medium"),
    Column("primary", "Primary", read=lambda one: "Yes" if one["primary"] else ""),
    Column(
        "means", "Our specialties", read=lambda one: ", ".join(map(consultation_details.specialty, one["specialties"]))
    ),
)
ASSIGNED = (
    Column("assigned_at", "Assigned", "moment"),
    Column("consultation_id", "Consultation", "id"),
    STATE,
    Column("specialty", "Specialty", read=lambda one: consultation_details.specialty(one["specialty"])),
    Column("order_id", "Order", "id"),
    Column("status", "Status"),
    Column("with_them", "With them now", read=lambda one: "Yes" if one["is_theirs"] else "No"),
)
WHY = "registry licence why"


def blocked(found: ProviderRow) -> None:
    """Show why the provider is out of assignment, and the consultations assigned since; nothing if they are not."""
    if not found["blocked_reason"]:
        return
    st.error(literal(f"Out of assignment. {found['blocked_reason']}"))
    if right(session.actor().role, "providers") >= Right.ACT:
        st.button("Return to assignment", on_click=drawer.ask, args=(exclusion_dialogs.return_provider, found))
    assigned = exclusions.assigned_since(session.db(), found["id"])
    with st.expander(f"Assigned since that day: {counted(len(assigned), 'consultation')}"):
        if assigned:
            rows.show(assigned, ASSIGNED, key="assigned-since")
            rows.files(lambda _: assigned, ASSIGNED, name="assigned-since-exclusion")


def registry(found: ProviderRow) -> None:
    """Show the provider's entry in the NPI registry beside ours."""
    entry = nppes.entry(session.db(), found["id"])
    if entry is None:
        st.caption(
            "Nothing is known from the NPI registry yet: import one of its files."
            if found["npi"]
            else "Enter the provider's NPI to compare them with the NPI registry."
        )
        return
    st.markdown(literal(_summary(entry)))
    for finding in entry["findings"]:
        st.warning(literal(sentence(finding, consultation_details.vocabulary().specialties)))
    if entry["taxonomies"]:
        rows.show(entry["taxonomies"], TAXONOMIES, key="taxonomies", file="registry-taxonomies")
    if entry["licences"]:
        rows.show(entry["licences"], LICENCES, key="registry-licences", file="registry-licences")
    missing = [one for one in entry["licences"] if one["result"] in ("missing", "number_missing")]
    if missing and right(session.actor().role, "providers") >= Right.ACT:
        st.button("Add a licence from here", on_click=drawer.ask, args=(add_licence, found, missing))


@st.dialog("Add a licence of the NPI registry", on_dismiss="rerun")
def add_licence(found: ProviderRow, missing: list[EntryLicence]) -> None:
    """The dialog to add a licence from the registry, with the last day that staff looked up at the state's board."""
    actions.end_dialog_if_over()
    st.caption(
        "Providers enter these numbers themselves. Look the licence up at the state's board before it opens a state."
    )
    labels = {f"{name_of(one['state'])}, {one['number']}": one for one in missing}
    chosen = st.selectbox("Licence", list(labels), key="registry licence")
    today = session.services().clock().date()
    expires = st.date_input(
        "Last day",
        value=None,
        format="YYYY-MM-DD",
        min_value=today,
        max_value=today + timedelta(days=365 * 20),
        key="registry licence ends",
    )
    st.text_input("Reason", key=WHY, max_chars=300, placeholder="Such as: looked up at the board's website")
    ready = isinstance(expires, date) and chosen is not None
    st.button(
        "Add licence",
        type="primary",
        key="add registry licence",
        disabled=not ready,
        on_click=actions.attempt,
        args=(partial(_add, found["id"], labels[chosen] if chosen else missing[0], str(expires)),),
    )
    actions.end_dialog_when_done()


def _summary(entry: RegistryEntry) -> str:
    kind = {"1": "a person", "2": "an organisation"}.get(entry["entity_type"], "a deactivated NPI")
    as_of = f", as of {date.fromisoformat(entry['as_of']):%-d %b %Y}" if entry["as_of"] else ""
    return f"{entry['npi']}: {entry['name'] or 'no name'}, {kind}{as_of}."


def _add(provider_id: str, one: EntryLicence, expires_on: str, actor: Actor) -> str:
    licence: LicenceDocument = {"state": one["state"], "number": one["number"], "expires_on": expires_on}
    why = st.session_state.get(WHY) or None
    nppes.add_licence(session.db(), actor, provider_id, licence, session.services().clock(), reason=why)
    shared_cache.answers().forget("directory", "assignments", "registries")
    return f"The licence in {name_of(one['state'])} is added."
