"""The dialogs about exclusions: confirm or dismiss a match by name, and return a provider to assignment."""

from datetime import date
from functools import partial

import streamlit as st

from core.providers.directory_rows import ProviderRow
from core.providers.registries import exclusions
from core.providers.registries.registry_rows import ListedExclusion
from core.providers.states import name_of
from core.staff.roles import Actor
from core.ui import session
from core.ui.kit import actions, shared_cache
from core.ui.text import literal

WHY = "exclusion why"
THEIRS, ANOTHER = "It is this provider", "It is another person"


@st.dialog("Is this provider on the exclusion list?", on_dismiss="rerun")
def decide(listed: ListedExclusion) -> None:
    """The dialog to confirm or dismiss that a row of the list with a provider's name is about that provider."""
    actions.end_dialog_if_over()
    waived_in = listed["waiver_state"] if listed["waived_on"] else None
    waiver = f" A waiver lets them work in {name_of(waived_in)}." if waived_in else ""
    since = f"{date.fromisoformat(listed['excluded_on']):%-d %b %Y}"
    st.markdown(
        f"**{literal(listed['name'])}** has the name of **{literal(listed['listed_name'])}** in the list, excluded "
        f"since {since} ({literal(listed['exclusion_type'])}).{literal(waiver)}"
    )
    st.caption(
        "Open the list and compare the birth date in it with the provider's. payops stores no birth date. You can also "
        "look the person up with their Social Security number at exclusions.oig.hhs.gov."
    )
    answer = st.radio("Decision", [THEIRS, ANOTHER], index=None, key="exclusion decision")
    st.text_input("Reason", key=WHY, max_chars=300, placeholder="For the audit log. No birth date.")
    st.button(
        "Save decision",
        type="primary",
        disabled=answer is None,
        on_click=actions.attempt,
        args=(partial(_decide, listed["id"], answer == THEIRS),),
    )
    actions.end_dialog_when_done()


@st.dialog("Return to assignment", on_dismiss="rerun")
def return_provider(found: ProviderRow) -> None:
    """The dialog to let a provider who is out of assignment be assigned patients again."""
    actions.end_dialog_if_over()
    st.warning(literal(f"{found['name']}: {found['blocked_reason'] or 'They can be assigned patients.'}"))
    in_force = [one for one in exclusions.listed(session.db(), found["id"]) if one["status"] == "excluded"]
    if any(not one["reinstated_on"] and not one["unlisted_at"] for one in in_force):
        st.error("They are still on the newest list that was imported. Return them only with the OIG's written notice.")
    st.text_input(
        "Reason", key=WHY, max_chars=300, placeholder="Such as the OIG's notice of reinstatement and its date"
    )
    st.button(
        "Return to assignment",
        type="primary",
        key="return provider",
        on_click=actions.attempt,
        args=(partial(_return, found["id"], found["name"]),),
    )
    actions.end_dialog_when_done()


def _decide(exclusion_id: int, is_theirs: bool, actor: Actor) -> str:
    why = st.session_state.get(WHY) or ""
    exclusions.decide(
        session.db(), actor, exclusion_id, is_theirs=is_theirs, reason=why, now=session.services().clock()
    )
    shared_cache.answers().forget("directory", "assignments", "registries")
    return "Excluded: they are out of assignment now." if is_theirs else "Dismissed: it is another person."


def _return(provider_id: str, name: str, actor: Actor) -> str:
    why = st.session_state.get(WHY) or ""
    exclusions.return_to_assignment(session.db(), actor, provider_id, why, session.services().clock())
    shared_cache.answers().forget("directory", "assignments", "registries")
    return f"{name} can be assigned patients again."
