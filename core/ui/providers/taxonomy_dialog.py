"""The dialog for taxonomy codes: which specialties each stands for, and the import of the NUCC's code set."""

from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any

import pandas as pd  # type: ignore[import-untyped]
import streamlit as st

from core.errors import Refused
from core.figures.wording import counted
from core.providers.registries import taxonomies
from core.providers.registries.registry_rows import TaxonomyCode
from core.providers.registries.taxonomies import ReadTaxonomy
from core.staff.roles import Actor
from core.ui import session
from core.ui.consultations import consultation_details
from core.ui.kit import actions, rows, shared_cache
from core.ui.kit.rows import Column
from core.ui.providers.registry_dialogs import PROBLEMS
from core.ui.text import literal

WHY, FILE = "taxonomy why", "taxonomy file"
CODES = (
    Column("code", "Code"),
    Column("name", "Name"),
    Column("providers", "Providers", "count"),
    Column(
        "specialties",
        "Our specialties",
        read=lambda one: ", ".join(map(consultation_details.specialty, one["specialties"])),
    ),
)


@st.dialog("Taxonomy codes", width="large")
def edit() -> None:
    """The dialog to edit what the codes stand for, or import the code set."""
    actions.end_dialog_if_over()
    st.caption(
        "A provider is flagged if none of the codes they have in the NPI registry means one of their specialties. "
        "Codes that mean something or that a provider has are listed; search to find others."
    )
    search = st.text_input("Find", key="taxonomy find", placeholder="Part of the code or name")
    listed = taxonomies.codes(session.db(), search.strip())
    key = f"taxonomy editor {search}"
    if listed:
        _table(listed, key)
        rows.files(lambda _: listed, CODES, name="taxonomy-codes")
        changed = edited(listed, st.session_state.get(key) or {})
        st.text_input("Reason", key=WHY, max_chars=300, placeholder="For the audit log")
        st.button(
            f"Save {counted(len(changed), 'change')}",
            type="primary",
            key="save taxonomy",
            disabled=not changed,
            on_click=actions.attempt,
            args=(partial(_save, changed),),
        )
    else:
        st.info("No code matches. Import the code set for the complete list.")
    with st.expander("Import the NUCC's code set"):
        _import_form()
    actions.end_dialog_when_done()


def edited(listed: Sequence[TaxonomyCode], state: Any) -> dict[str, list[str]]:
    """The specialties of each code that was changed in the table."""
    changes = {int(place): cells for place, cells in (state.get("edited_rows") or {}).items()}
    return {
        listed[place]["code"]: sorted(cells["specialties"] or [])
        for place, cells in changes.items()
        if "specialties" in cells and sorted(cells["specialties"] or []) != listed[place]["specialties"]
    }


def _table(listed: Sequence[TaxonomyCode], key: str) -> None:
    names = consultation_details.vocabulary().specialties
    column = st.column_config
    st.data_editor(
        pd.DataFrame(
            [
                {
                    "code": one["code"],
                    "name": one["name"] + (" (retired)" if one["retired"] else ""),
                    "providers": one["providers"],
                    "specialties": one["specialties"],
                }
                for one in listed
            ]
        ),
        key=key,
        hide_index=True,
        disabled=["code", "name", "providers"],
        column_config={
            "code": column.TextColumn("Code", width="small"),
            "name": column.TextColumn("Name", width="medium"),
            "providers": column.NumberColumn("Providers", width="small"),
            "specialties": column.MultiselectColumn(
                "Our specialties", options=list(names), format_func=consultation_details.specialty, width="large"
            ),
        },
    )


def _import_form() -> None:
    uploaded = st.file_uploader("File", type=["csv", "txt", "xlsx"], key=FILE)
    if uploaded is None:
        return
    try:
        read = taxonomies.read(uploaded.name, uploaded.getvalue())
        if read.problems:
            st.error(f"{counted(len(read.problems), 'problem')}, so nothing can be imported.")
            rows.show([vars(one) for one in read.problems[:1000]], PROBLEMS, key="taxonomy-problems")
            rows.files(lambda _: [vars(one) for one in read.problems], PROBLEMS, name="taxonomy-problems")
            return
        tried = taxonomies.put(session.db(), session.actor(), read, session.services().clock(), trial=True)
    except Refused as error:
        st.error(literal(error.detail))
        return
    st.info(literal(_counts([one["outcome"] for one in tried])))
    st.button(
        "Import code set",
        key="import taxonomy",
        on_click=actions.attempt,
        args=(partial(_import, read),),
    )


def _counts(outcomes: Sequence[str]) -> str:
    return ", ".join(f"{count:,} {outcome}" for outcome, count in Counter(outcomes).items()) + "."


def _save(changed: dict[str, list[str]], actor: Actor) -> str:
    why = st.session_state.get(WHY) or ""
    for code, specialties in changed.items():
        taxonomies.set_specialties(session.db(), actor, code, specialties, session.services().clock(), reason=why)
    shared_cache.answers().forget("registries")
    return f"{counted(len(changed), 'taxonomy code')} changed."


def _import(read: ReadTaxonomy, actor: Actor) -> str:
    done = taxonomies.put(session.db(), actor, read, session.services().clock())
    shared_cache.answers().forget("registries")
    return f"{read.name} is imported: {_counts([one['outcome'] for one in done])}"
