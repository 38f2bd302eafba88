"""Providers out of assignment, possible matches with the exclusion list, and findings in the NPI registry."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial

import streamlit as st

from core.db import Database
from core.figures.wording import counted
from core.providers.registries import exclusions, nppes
from core.providers.registries.findings import sentence
from core.providers.registries.registry_rows import AllFindings, BlockedProvider, ListedExclusion, RegistryImport
from core.staff import audit_words
from core.staff.roles import Right, right
from core.ui import session
from core.ui.consultations import consultation_details
from core.ui.kit import rows, shared_cache
from core.ui.kit.rows import Column
from core.ui.providers import exclusion_dialogs, reassign_bulk, registry_dialogs, taxonomy_dialog
from core.ui.text import in_zone, literal

KINDS = {"exclusions": "Exclusion list", "nppes": "NPI registry", "taxonomy": "Taxonomy codes"}
MOST_CANDIDATES = 20
BLOCKED = (
    Column("name", "Provider", width="medium"),
    Column("reason", "Reason", width="large"),
    Column("since", "Since", "day"),
    Column("open_consultations", "Open consultations", "count", total=True),
    Column("assigned_since", "Assigned since that day", "count", total=True),
    Column("return", "Return", read=lambda one: _return(one)),
)
FINDINGS = (
    Column("name", "Provider", width="medium"),
    Column("npi", "NPI"),
    Column("findings", "To look at", read=lambda one: " ".join(_sentences(one)), width="large"),
)


def show() -> None:
    """Show the import buttons for admins, and below them what staff must decide, move or check."""
    db, may_edit = session.db(), right(session.actor().role, "providers") >= Right.ACT
    st.subheader("Registries and exclusions")
    reassign_bulk.go_on()
    if may_edit:
        with st.container(horizontal=True):
            st.button("Exclusion list", icon=":material/gavel:", on_click=registry_dialogs.exclusion_list)
            st.button("NPI registry", icon=":material/badge:", on_click=registry_dialogs.npi_registry)
            st.button("Taxonomy codes", icon=":material/category:", on_click=taxonomy_dialog.edit)
    kept = shared_cache.answers().get("registries", partial(_current, db), ttl_seconds=10)
    imports, added, blocked, listed, found = kept.answer
    st.caption(literal(_imported(imports)))
    if added:
        one = "1 provider was" if added == 1 else f"{added:,} providers were"
        st.warning(f"{one} added since the exclusion list was imported. Import it again to look for them.")
    if blocked:
        st.error(literal(_blocked_sentence(blocked)))
        rows.show(blocked, BLOCKED, key="blocked", choose="provider")
        rows.files(lambda _: blocked, BLOCKED, name="out-of-assignment")
    _candidates([one for one in listed if one["status"] == "candidate"], may_edit)
    if found["total"]:
        st.markdown(f"**The NPI registry differs from the directory for {counted(found['total'], 'provider')}.**")
        rows.show(found["items"], FINDINGS, key="registry-findings", choose="provider")
        rows.files(lambda _: found["items"], FINDINGS, name="registry-findings")


def _current(
    db: Database,
) -> tuple[list[RegistryImport], int, list[BlockedProvider], list[ListedExclusion], AllFindings]:
    """The data of this panel, which all users may see."""
    return (
        exclusions.imports(db),
        exclusions.unscreened(db),
        exclusions.blocked(db),
        exclusions.listed(db),
        nppes.findings(db),
    )


def _imported(imports: Sequence[RegistryImport]) -> str:
    zone, newest = session.settings().business_zone, {one["kind"]: one for one in imports}
    told = []
    for kind, title in KINDS.items():
        if one := newest.get(kind):
            at = in_zone(datetime.fromisoformat(one["imported_at"]), zone)
            who = audit_words.actor_name(one["imported_by"])
            told.append(f"{title}: {one['file_name']}, {counted(one['rows_read'], 'row')}, {at} by {who}.")
        else:
            told.append(f"{title}: not imported yet.")
    return " ".join(told)


def _blocked_sentence(blocked: Sequence[BlockedProvider]) -> str:
    people = {one["id"]: one["open_consultations"] for one in blocked}
    moving = sum(people.values())
    verb = "is" if len(people) == 1 else "are"
    must = f"{counted(moving, 'open consultation')} must be reassigned" if moving else "none has an open consultation"
    return f"{counted(len(people), 'provider')} {verb} out of assignment; {must}."


def _candidates(found: Sequence[ListedExclusion], may_edit: bool) -> None:
    """Show providers with a name on the list; staff compare the birth date in the list, which is never stored."""
    for one in found[:MOST_CANDIDATES]:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            since = datetime.fromisoformat(one["excluded_on"])
            st.markdown(
                literal(
                    f"{one['name']} may be {one['listed_name']} of the exclusion list, excluded since "
                    f"{since:%-d %b %Y} ({one['exclusion_type']}). Compare the birth date in the list with theirs."
                )
            )
            if may_edit:
                st.button(
                    "Decide", key=f"decide {one['id']}", on_click=exclusion_dialogs.decide, args=(one,), width="content"
                )
    if len(found) > MOST_CANDIDATES:
        st.caption(f"The first {MOST_CANDIDATES:,} of {len(found):,}.")


def _return(one: rows.Row) -> str:
    if one["reinstated_on"]:
        return "Reinstated according to the list"
    return "No longer listed" if one["unlisted_at"] else ""


def _sentences(one: rows.Row) -> list[str]:
    return [sentence(finding, consultation_details.vocabulary().specialties) for finding in one["findings"]]
