"""The dialogs that change the directory; each says what would follow before it is saved."""

from functools import partial
from typing import Any

import streamlit as st

from core.figures.wording import counted
from core.providers import assignment, directory, files
from core.providers.changes import differences
from core.providers.directory import Document, Problem
from core.staff.roles import Actor
from core.ui import session
from core.ui.consultations import consultation_details
from core.ui.kit import actions, rows, shared_cache
from core.ui.kit.rows import Column
from core.ui.providers.provider_form import ProviderForm, say_problems
from core.ui.text import code, literal

WHY, MOVE = "provider why", "provider move"
PROBLEMS = (
    Column("row", "Row", "count", width="small"),
    Column("column", "Column"),
    Column("message", "Problem", width="large"),
)


@st.dialog("Provider", width="large")
def edit(before: Document | None) -> None:
    """Edit the provider `before`, or add a new one; called from a button."""
    actions.end_dialog_if_over()
    form = ProviderForm(before, consultation_details.vocabulary())
    places = form.draw()
    document = form.document()
    problems = directory.problems_of(document, consultation_details.vocabulary())
    # What is not filled in yet is no mistake until somebody wants to save it.
    say_problems(
        [one for one in problems if before or st.session_state.get(form.tried) or not _is_empty(document, one)], places
    )
    if not problems:
        _preview(before, document)
    if before:
        st.text_input("Why", key=WHY, max_chars=300, placeholder="For the history")
    st.button("Save", type="primary", on_click=_attempt_save, args=(form,))
    actions.end_dialog_when_done()


@st.dialog("Activate or deactivate", width="medium")
def switch(before: Document) -> None:
    """Stop or resume assigning consultations to a provider."""
    actions.end_dialog_if_over()
    document = {"id": before["id"], "active": not before["active"], "seen_at": before["updated_at"]}
    st.markdown(
        f"**{literal(before['name'])}** {'can be chosen no more' if before['active'] else 'can be chosen again'}."
    )
    _preview(before, document)
    st.text_input("Why", key=WHY, max_chars=300, placeholder="For the history")
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
    """Import a CSV, whole or not at all, after showing what it would change."""
    actions.end_dialog_if_over()
    st.markdown("A CSV with the columns " + ", ".join(code(name) for name in files.COLUMNS) + ".")
    st.caption(
        "Specialties are separated by `;`, and so are licences, each as `STATE:NUMBER:LAST "
        "DAY`. Rows match existing providers by NPI, or by name if that provider has no NPI."
    )
    st.file_uploader("File", type="csv", key="providers file")
    read = _uploaded()
    if read is None:
        return
    if read.problems:
        many = "1 problem" if len(read.problems) == 1 else f"{len(read.problems):,} problems"
        st.error(f"{many}, so nothing can be imported.")
        rows.show([vars(one) for one in read.problems[:1000]], PROBLEMS, key="import-problems")
        rows.files(lambda _: [vars(one) for one in read.problems], PROBLEMS, name="import-problems")
        return
    st.info(literal(_outcomes(session.actor(), read.documents)))
    st.text_input("Why", key=WHY, max_chars=300, placeholder="For the history")
    st.button("Import", type="primary", key="import providers", on_click=actions.attempt, args=(_import,))
    actions.end_dialog_when_done()


@st.dialog("Add a specialty")
def add_specialty() -> None:
    """Add a specialty that providers can have and patients can ask for."""
    actions.end_dialog_if_over()
    st.markdown(literal("There are " + ", ".join(sorted(consultation_details.vocabulary().specialties.values())) + "."))
    st.text_input("Name", key="specialty name", max_chars=40)
    st.button("Add", type="primary", key="add specialty", on_click=actions.attempt, args=(_add_specialty,))
    actions.end_dialog_when_done()


def _preview(before: Document | None, document: Document) -> None:
    """What would change, and its consequences."""
    changed = differences(before, document)
    with st.container(border=True, key="preview"):
        if before and not changed:
            st.markdown("No changes yet.")
            return
        st.markdown("**What this does**")
        st.markdown("\n".join(f"- {literal(line)}" for line in changed))
        follows = directory.preview(session.db(), document, session.services().clock())
        for line in consequences(follows):
            st.markdown(f"- **{literal(line)}**")
        if follows["to_move"]:
            st.checkbox("Reassign these consultations now", value=True, key=MOVE)


def consequences(follows: dict[str, Any]) -> list[str]:
    """What `directory.preview` found, in sentences."""
    states = consultation_details.vocabulary().states
    said = []
    for one in follows["to_move"]:
        others = (
            "nobody else is licensed there"
            if not one["others"]
            else f"{one['others']:,} others have {one['their_free_slots']:,} free slots"
        )
        what = "consultation has" if one["consultations"] == 1 else "consultations have"
        said.append(f"{one['consultations']:,} open {what} to go to others in {states[one['state']]}: {others}")
    for one in follows["left_without"]:
        said.append(
            f"No provider is left in {states[one['state']]}, where {one['demand_30_days']:,} patients asked in 30 days"
        )
    if follows["over_capacity"]:
        said.append(f"{follows['over_capacity']:,} more are open than the capacity; they stay, and nobody new comes")
    if follows["would_take"]:
        waiting = ", ".join(f"{one['waiting']:,} in {states[one['state']]}" for one in follows["waiting"])
        said.append(
            f"Up to {counted(follows['would_take'], 'waiting patient')} could be assigned now ({waiting} waiting)"
        )
    return said


def _attempt_save(form: ProviderForm) -> None:
    st.session_state[form.tried] = True
    actions.attempt(partial(_save, form.document()))


def _save(document: Document, actor: Actor) -> str:
    db, now, why = session.db(), session.services().clock(), st.session_state.get(WHY) or None
    saved = directory.save(db, actor, document, now, reason=why)
    shared_cache.answers().forget("directory", "assignments")
    said = {"added": "The provider was added.", "changed": "The change is saved.", "unchanged": "Nothing was changed."}
    told = [said[saved["outcome"]]]
    if saved["placed"]:
        told.append(f"{saved['placed']:,} who waited {'was' if saved['placed'] == 1 else 'were'} placed.")
    if st.session_state.get(MOVE) and saved["outcome"] == "changed":
        moved = assignment.move_misplaced(db, actor, why or "", now, provider_id=saved["id"])
        told.append(f"{moved['moved']:,} were moved, of which {moved['waiting']:,} wait.")
    return " ".join(told)


def _uploaded() -> files.ReadFile | None:
    file = st.session_state.get("providers file")
    if file is None:
        return None
    try:
        people = directory.identities(session.db())
        return files.read_csv(file.getvalue().decode("utf-8"), consultation_details.vocabulary(), people)
    except UnicodeDecodeError:
        return files.ReadFile((), (files.CellProblem(1, "file", "This is not UTF-8 text."),))


def _outcomes(actor: Actor, documents: tuple[Document, ...]) -> str:
    trial = directory.put(session.db(), actor, documents, session.services().clock(), trial=True)
    return f"No problems found. {_counts(trial)}"


def _import(actor: Actor) -> str:
    read = _uploaded()
    if read is None or read.problems:
        return "Nothing was imported."
    why = st.session_state.get(WHY) or "import"
    done = directory.put(session.db(), actor, read.documents, session.services().clock(), reason=why)
    shared_cache.answers().forget("directory", "assignments")
    return f"Imported. {_counts(done)} {done['placed']:,} waiting consultations were assigned."


def _counts(answer: dict[str, Any]) -> str:
    outcomes = [item["outcome"] for item in answer["items"]]
    return ", ".join(f"{outcomes.count(one):,} {one}" for one in ("added", "changed", "unchanged")) + "."


def _add_specialty(actor: Actor) -> str:
    name = st.session_state.get("specialty name") or ""
    code = directory.add_specialty(session.db(), actor, name, session.services().clock())
    shared_cache.answers().forget("vocabulary")
    return f"{name.strip()} can be chosen now; forms and files call it {code}."


def _is_empty(document: Document, problem: Problem) -> bool:
    return not document.get(problem.field)
