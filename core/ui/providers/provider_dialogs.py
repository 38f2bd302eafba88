"""The dialogs that change the directory; each shows the consequences before saving."""

from collections.abc import Mapping
from functools import partial

import streamlit as st

from core.exports.files import CSV_TYPE
from core.figures.wording import counted
from core.providers import assignment, directory, files
from core.providers.changes import differences
from core.providers.directory import Problem
from core.providers.directory_rows import Preview, ProviderDocument, ProviderRow, SavedAll
from core.staff.roles import Actor
from core.ui import session
from core.ui.consultations import consultation_details
from core.ui.kit import actions, rows, shared_cache
from core.ui.kit.rows import Column
from core.ui.providers import uploads
from core.ui.providers.provider_form import ProviderForm, say_problems
from core.ui.text import code, literal

WHY, REASSIGN, FILE = "provider why", "provider reassign", "providers file"
MOST_ROWS = 1_000
PROBLEMS = (
    Column("row", "Row", "count", width="small"),
    Column("column", "Column"),
    Column("message", "Problem", width="large"),
)
FATES = (
    Column("row", "Row", "count", width="small"),
    Column("name", "Provider"),
    Column("fate", "What happens"),
    Column("changes", "What changes", width="large"),
)


@st.dialog("Provider", width="large", on_dismiss="rerun")
def edit(before: ProviderRow | None) -> None:
    """The dialog to edit the provider `before`, or to add one; open it from a button."""
    actions.end_dialog_if_over()
    form = ProviderForm(before, consultation_details.vocabulary())
    places = form.draw()
    document = form.document()
    problems = directory.problems_of(document, consultation_details.vocabulary())
    # An empty field of a new provider is no problem until somebody tries to save.
    say_problems(
        [
            one
            for one in problems
            if before or st.session_state.get(form.save_attempted) or not _is_empty(document, one)
        ],
        places,
    )
    if not problems:
        _preview(before, document)
    if before:
        st.text_input("Reason", key=WHY, max_chars=300, placeholder="For the audit log")
    st.button("Save", type="primary", on_click=_attempt_save, args=(form,))
    actions.end_dialog_when_done()


@st.dialog("Activate or deactivate", width="medium", on_dismiss="rerun")
def switch(before: ProviderRow) -> None:
    """The dialog to stop or resume assigning consultations to a provider."""
    actions.end_dialog_if_over()
    document: ProviderDocument = {"id": before["id"], "active": not before["active"], "seen_at": before["updated_at"]}
    st.markdown(
        f"**{literal(before['name'])}** "
        f"{'gets no new consultations' if before['active'] else 'can be assigned consultations again'}."
    )
    _preview(before, document)
    st.text_input("Reason", key=WHY, max_chars=300, placeholder="For the audit log")
    st.button(
        "Deactivate" if before["active"] else "Activate",
        type="primary",
        key="switch provider",
        on_click=actions.attempt,
        args=(partial(_save, document),),
    )
    actions.end_dialog_when_done()


@st.dialog("Import providers", width="large")
def import_file() -> None:
    """The dialog to import a file, whole or not at all, after showing what it would change."""
    actions.end_dialog_if_over()
    st.markdown(
        "A CSV or an Excel workbook (.xlsx) with the columns " + ", ".join(code(name) for name in files.COLUMNS) + "."
    )
    st.caption(
        "Separate specialties with `;`, and licences too, each written as `STATE:NUMBER:LAST DAY`. Rows match existing "
        "providers by NPI, or by name if that provider has no NPI."
    )
    rows.file("Template", lambda _: files.template(), "providers-template.csv", CSV_TYPE)
    st.file_uploader("File", type=["csv", "xlsx", "txt", "tsv"], key=FILE)
    found = uploads.read_once(FILE, _tried, doing="Reading the file and trying the import")
    if found is None:
        return
    read, trial, before = found
    if trial is None:
        st.error(f"{counted(len(read.problems), 'problem')}, so nothing can be imported.")
        rows.show([vars(one) for one in read.problems[:MOST_ROWS]], PROBLEMS, key="import-problems")
        rows.files(lambda _: [vars(one) for one in read.problems], PROBLEMS, name="import-problems")
        return
    st.info(literal(f"No problems found. {_counts(trial)}"))
    if read.warning:
        st.warning(read.warning)
    fates = _fates(read, trial, before)
    rows.show(fates[:MOST_ROWS], FATES, key="import-fates")
    rows.files(lambda _: fates, FATES, name="import-preview")
    st.text_input("Reason", key=WHY, max_chars=300, placeholder="For the audit log")
    work = partial(_import, read)
    st.button("Import", type="primary", key="import providers", on_click=actions.attempt, args=(work,))
    actions.end_dialog_when_done()


@st.dialog("Add a specialty")
def add_specialty() -> None:
    """The dialog to add a specialty that providers can have and patients can ask for."""
    actions.end_dialog_if_over()
    st.markdown(
        literal(
            "Existing specialties: " + ", ".join(sorted(consultation_details.vocabulary().specialties.values())) + "."
        )
    )
    st.text_input("Name", key="specialty name", max_chars=40)
    st.button("Add", type="primary", key="add specialty", on_click=actions.attempt, args=(_add_specialty,))
    actions.end_dialog_when_done()


def _preview(before: ProviderRow | None, document: ProviderDocument) -> None:
    """Show what would change, and the consequences."""
    changed = differences(before, document)
    with st.container(border=True, key="preview"):
        if before and not changed:
            st.markdown("No changes yet.")
            return
        st.markdown("**What will change**")
        st.markdown("\n".join(f"- {literal(line)}" for line in changed))
        follows = directory.preview(session.db(), document, session.services().clock())
        for line in consequences(follows):
            st.markdown(f"- **{literal(line)}**")
        if follows["to_move"]:
            st.checkbox("Reassign these consultations now", value=True, key=REASSIGN)


def consequences(follows: Preview) -> list[str]:
    """The findings of `directory.preview` as sentences."""
    states = consultation_details.vocabulary().states
    said = []
    for one in follows["to_move"]:
        others = (
            "no other provider is licensed there"
            if not one["others"]
            else f"{counted(one['others'], 'other provider')} with {counted(one['their_free_slots'], 'free slot')}"
        )
        what = counted(one["consultations"], "open consultation")
        said.append(f"{what} in {states[one['state']]} must be reassigned: {others}")
    for left in follows["left_without"]:
        asked = counted(left["demand_30_days"], "patient")
        said.append(f"No provider is left in {states[left['state']]}, where {asked} asked in the last 30 days")
    if follows["over_capacity"]:
        over = counted(follows["over_capacity"], "open consultation")
        said.append(f"{over} over the new capacity: they stay assigned, and no new one is added")
    if follows["would_take"]:
        waiting = ", ".join(f"{one['waiting']:,} in {states[one['state']]}" for one in follows["waiting"])
        said.append(
            f"Up to {counted(follows['would_take'], 'waiting patient')} could be assigned now ({waiting} waiting)"
        )
    return said


def _attempt_save(form: ProviderForm) -> None:
    st.session_state[form.save_attempted] = True
    actions.attempt(partial(_save, form.document()))


def _save(document: ProviderDocument, actor: Actor) -> str:
    db, now, why = session.db(), session.services().clock(), st.session_state.get(WHY) or None
    saved = directory.save(db, actor, document, now, reason=why)
    shared_cache.answers().forget("directory", "assignments", "registries")
    said = {"added": "Provider added.", "changed": "Provider saved.", "unchanged": "Nothing was changed."}
    told = [said[saved["outcome"]]]
    if saved["placed"]:
        told.append(f"{counted(saved['placed'], 'waiting consultation')} assigned.")
    if st.session_state.get(REASSIGN) and saved["outcome"] == "changed":
        moved = assignment.reassign_from_ineligible(db, actor, why or "", now, provider_id=saved["id"])
        told.append(f"{counted(moved['moved'], 'consultation')} released; {moved['waiting']:,} of them are waiting.")
    return " ".join(told)


def _tried(_: str, content: bytes) -> tuple[files.ReadFile, SavedAll | None, dict[str, ProviderRow]]:
    """The file, what its import would do (None if it has problems), and the present entries it would change."""
    db = session.db()
    read = files.read_file(content, consultation_details.vocabulary(), directory.identities(db))
    if read.problems:
        return read, None, {}
    trial = directory.put(db, session.actor(), read.documents, session.services().clock(), trial=True)
    changing = {item["id"] for item in trial["items"] if item["outcome"] == "changed"}
    return read, trial, {one["id"]: one for one in directory.everybody(db) if one["id"] in changing} if changing else {}


def _fates(read: files.ReadFile, trial: SavedAll, before: Mapping[str, ProviderRow]) -> list[rows.Row]:
    """The outcome of the import for each row of the file."""
    return [
        {
            "row": number,
            "name": document.get("name"),
            "fate": item["outcome"].capitalize(),
            "changes": "; ".join(differences(before[item["id"]], document)) if item["id"] in before else "",
        }
        for number, document, item in zip(read.row_numbers, read.documents, trial["items"], strict=True)
    ]


def _import(read: files.ReadFile, actor: Actor) -> str:
    why = st.session_state.get(WHY) or "import"
    done = directory.put(session.db(), actor, read.documents, session.services().clock(), reason=why)
    uploads.forget(FILE)
    shared_cache.answers().forget("directory", "assignments", "registries")
    return f"Imported. {_counts(done)} {counted(done['placed'], 'waiting consultation')} assigned."


def _counts(answer: SavedAll) -> str:
    outcomes = [item["outcome"] for item in answer["items"]]
    return ", ".join(f"{outcomes.count(one):,} {one}" for one in ("added", "changed", "unchanged")) + "."


def _add_specialty(actor: Actor) -> str:
    name = st.session_state.get("specialty name") or ""
    code = directory.add_specialty(session.db(), actor, name, session.services().clock())
    shared_cache.answers().forget("vocabulary")
    return f"{name.strip()} added. Forms and files use the code {code}."


def _is_empty(document: ProviderDocument, problem: Problem) -> bool:
    return not document.get(problem.field)
