"""The dialogs to import the exclusion list and the NPI registry; they show each row's outcome before writing."""

import io
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import streamlit as st

from core.errors import Refused, Unavailable
from core.figures.wording import counted
from core.providers.registries import exclusions, nppes
from core.providers.registries.exclusion_file import ReadExclusions
from core.providers.registries.file_values import RowProblem
from core.providers.registries.findings import sentence, within_a_sentence
from core.providers.registries.nppes import ReadNppes
from core.providers.registries.registry_rows import ExclusionOutcome
from core.staff.roles import Actor
from core.ui import session
from core.ui.consultations import consultation_details
from core.ui.kit import actions, rows, shared_cache
from core.ui.kit.rows import Column
from core.ui.providers import uploads
from core.ui.text import literal

MAX_MB = 200
MOST_ROWS = 1_000
LIST_FILE, NPI_FILE = "exclusion list file", "npi registry file"
BY_NAME, FULL, SUPPLEMENT = "Detect from the file name", "Full list", "Monthly supplement"
PROBLEMS = (
    Column("line", "Line", "count", width="small"),
    Column("column", "Column"),
    Column("message", "Problem", width="large"),
)
EXCLUSIONS = (
    Column("line", "Line", "count", width="small"),
    Column("name", "Provider"),
    Column("listed", "In the list"),
    Column("born", "Birth date in the list", "day", help="To compare; it is not stored."),
    Column("excluded_on", "Excluded on", "day"),
    Column("what", "What happens", width="large"),
    Column("open_consultations", "Open consultations", "count", total=True),
    Column("assigned_since", "Assigned since", "count", total=True),
)
STORED = tuple(column for column in EXCLUSIONS if column.field != "born")  # a birth date never leaves this dialog
NPPES = (
    Column("name", "Provider"),
    Column("npi", "NPI"),
    Column("what", "What happens"),
    Column("findings", "To look at", width="large"),
    Column("open_consultations", "Open consultations", "count"),
)


@st.dialog("Import the exclusion list", width="large")
def exclusion_list() -> None:
    """The dialog to import the OIG's list, whole or not at all, after showing which rows concern our providers."""
    actions.end_dialog_if_over()
    st.caption(
        "UPDATED.csv or a monthly supplement of the OIG's list of excluded individuals (LEIE). A provider whose NPI "
        "is listed is out of assignment at once; where only the name matches, you decide. Birth dates and addresses "
        "are not stored."
    )
    st.file_uploader("File", type=["csv", "txt", "xlsx"], key=LIST_FILE, max_upload_size=MAX_MB)
    chosen = st.segmented_control("It is", [BY_NAME, FULL, SUPPLEMENT], default=BY_NAME, required=True, key="list kind")
    is_full = {FULL: True, SUPPLEMENT: False}.get(chosen or BY_NAME)
    read = uploads.read_once(
        LIST_FILE, lambda name, data: exclusions.read(session.db(), name, data, is_full=is_full), is_full
    )
    if read and not _wrong(read.problems) and (tried := _tried(exclusions.put, read)) is not None:
        st.info(literal(exclusions.in_words(read, tried)))
        if read.doubtful:
            with st.expander(f"{counted(len(read.doubtful), 'row')} whose NPI has a typing error"):
                rows.show([vars(one) for one in read.doubtful[:MOST_ROWS]], PROBLEMS, key="doubtful-rows")
                rows.files(lambda _: [vars(one) for one in read.doubtful], PROBLEMS, name="doubtful-rows")
        if tried:
            rows.show([_exclusion(read, one) for one in tried[:MOST_ROWS]], EXCLUSIONS, key="exclusion-preview")
            rows.files(lambda _: [_exclusion(read, one) for one in tried], STORED, name="exclusion-preview")
        st.button(
            "Import",
            type="primary",
            key="import exclusions",
            on_click=actions.attempt,
            args=(partial(_import_list, read),),
        )
    actions.end_dialog_when_done()


@st.dialog("Compare with the NPI registry", width="large")
def npi_registry() -> None:
    """The dialog to import our providers' entries from a file of the registry, after showing them."""
    actions.end_dialog_if_over()
    st.caption(
        "A weekly file of the NPI registry (NPPES), as CSV or as the .zip that it comes in, or its API's JSON answer. "
        "Only your providers' rows are read; addresses and phone numbers are not. For the full file, use "
        "`payops providers import --nppes`."
    )
    st.file_uploader("File", type=["csv", "txt", "zip", "json"], key=NPI_FILE, max_upload_size=MAX_MB)
    bar = st.empty()

    def tell(part: float) -> None:
        bar.progress(part, "Reading the file")

    read = uploads.read_once(NPI_FILE, lambda name, data: nppes.read(session.db(), name, io.BytesIO(data), tell))
    bar.empty()
    if read and not _wrong(read.problems) and (tried := _tried(nppes.put, read)) is not None:
        items = [*tried, *nppes.absent_as_outcomes(read)]
        counts = Counter(one["outcome"] for one in items)
        told = ", ".join(f"{count:,} × {within_a_sentence(nppes.OUTCOMES[one])}" for one, count in counts.items())
        st.info(literal(f"{counted(read.rows, 'row')} read. {told or 'No provider of the directory has an NPI'}."))
        rows.show([_entry(one) for one in items[:MOST_ROWS]], NPPES, key="nppes-preview")
        rows.files(lambda _: [_entry(one) for one in items], NPPES, name="registry-preview")
        st.button(
            "Import",
            type="primary",
            key="import nppes",
            disabled=not tried,
            on_click=actions.attempt,
            args=(partial(_import_registry, read),),
        )
    actions.end_dialog_when_done()


def _wrong(problems: Sequence[RowProblem]) -> bool:
    """Show what is wrong in the file; returns whether anything is."""
    if not problems:
        return False
    st.error(f"{counted(len(problems), 'problem')}, so nothing can be imported.")
    rows.show([vars(one) for one in problems[:MOST_ROWS]], PROBLEMS, key="file-problems")
    rows.files(lambda _: [vars(one) for one in problems], PROBLEMS, name="file-problems")
    return True


def _tried(put: Callable[..., list[Any]], read: ReadExclusions | ReadNppes) -> list[Any] | None:
    """What an import would do; None, with the reason, if it is refused."""
    try:
        return put(session.db(), session.actor(), read, session.services().clock(), trial=True)
    except (Refused, Unavailable) as error:
        st.error(literal(error.detail))
        return None


def _exclusion(read: ReadExclusions, one: ExclusionOutcome) -> rows.Row:
    match = next((each for each in read.matches if each.row.line == one.get("line")), None)
    return {
        **one,
        "listed": match.row.name if match else "",
        "born": str(match.born) if match and match.born and match.matched_by == "name" else None,
        "what": exclusions.OUTCOMES[one["outcome"]],
    }


def _entry(one: rows.Row) -> rows.Row:
    names = consultation_details.vocabulary().specialties
    told = " ".join(sentence(each, names) for each in one["findings"])
    return {**one, "what": nppes.OUTCOMES[one["outcome"]], "findings": told}


def _import_list(read: ReadExclusions, actor: Actor) -> str:
    done = exclusions.put(session.db(), actor, read, session.services().clock())
    _forget(LIST_FILE)
    return f"{read.name} is imported: {exclusions.in_words(read, done)}"


def _import_registry(read: ReadNppes, actor: Actor) -> str:
    done = nppes.put(session.db(), actor, read, session.services().clock())
    _forget(NPI_FILE)
    flagged = sum(bool(one["findings"]) for one in done)
    return f"{read.name} is imported: {counted(len(done), 'provider')} found, {flagged:,} with something to look at."


def _forget(key: str) -> None:
    uploads.forget(key)
    shared_cache.answers().forget("directory", "assignments", "registries")
