"""Providers: coverage by state, licences that end soon, and the directory."""

from functools import partial

import streamlit as st

from core.exports.files import CSV_TYPE
from core.exports.table import by_last_id
from core.figures.wording import counted
from core.providers import assignment_figures, directory, files
from core.staff.roles import Right, right
from core.ui import session
from core.ui.consultations import consultation_details
from core.ui.kit import actions, cards, drawer, export_panel, freshness, rows, shared_cache, sorted_list
from core.ui.providers import (
    coverage_map,
    expiring_licences,
    licensing_panel,
    provider_columns,
    provider_details,
    provider_dialogs,
    registry_panel,
)
from core.ui.providers.provider_columns import PROVIDERS
from core.ui.text import literal

PAGE_ROWS = 200
db, now = session.db(), session.services().clock()
may_edit = right(session.actor().role, "providers") >= Right.ACT
known = consultation_details.vocabulary()


def first_page() -> None:
    st.query_params.pop("from", None)


def whole_page() -> None:
    st.query_params.pop(expiring_licences.PARAMETER, None)
    first_page()


def changes() -> None:
    with st.container(horizontal=True):
        if may_edit:
            st.button("Add provider", icon=":material/person_add:", on_click=provider_dialogs.edit, args=(None,))
            st.button("Import", icon=":material/upload:", on_click=provider_dialogs.import_file)
            st.button("Add specialty", on_click=provider_dialogs.add_specialty)
        if summary["providers"]:
            rows.file(
                "Export",
                lambda _: files.write_csv(directory.everybody(db)),
                "providers.csv",
                CSV_TYPE,
                type="secondary",
                help="The whole directory, in the format that Import reads.",
            )


st.title("Providers")
drawer.show("Provider", "provider", provider_details.details, within="licence")
actions.show_result()
kept = shared_cache.answers().get(
    "directory", lambda: (directory.summary(db, now), directory.coverage(db, now)), ttl_seconds=10
)
freshness.warn(stale=kept.stale)
summary, coverage = kept.answer
st.markdown(f"## {literal(assignment_figures.directory_sentence(summary, coverage))}")
if not summary["providers"]:  # coverage, licences and registries have nothing to be compared with
    changes()
    licensing_panel.show(may_edit=may_edit)
    st.stop()
only = expiring_licences.only()  # the part of the page that a figure, action item or alert counts
if only:
    st.button("All providers", icon=":material/arrow_back:", type="tertiary", on_click=whole_page)
else:
    cards.show(assignment_figures.directory_readings(summary, coverage), session.actor().role)
    coverage_map.show(coverage)
    licensing_panel.warn_of_risks(now)

expiring_licences.show(now)
if only:
    st.stop()

registry_panel.show()
st.subheader("Directory")
changes()
text, states, specialties, who = st.columns([4, 3, 3, 3], vertical_alignment="bottom")
with text:
    search = st.text_input(
        "Find",
        key="find",
        placeholder="Part of the name, e-mail or NPI",
        max_chars=200,
        bind="query-params",
        on_change=first_page,
    )
with states:
    state = st.selectbox(
        "Licensed in",
        list(known.states),
        index=None,
        placeholder="Every state",
        format_func=known.states.__getitem__,
        key="state",
        bind="query-params",
        on_change=first_page,
    )
with specialties:
    specialty = st.selectbox(
        "Specialty",
        list(known.specialties),
        index=None,
        placeholder="Every specialty",
        format_func=known.specialties.__getitem__,
        key="specialty",
        bind="query-params",
        on_change=first_page,
    )
with who:
    show = st.segmented_control(
        "Show",
        ["active", "all"],
        default="all",
        required=True,
        format_func=str.capitalize,
        key="show",
        bind="query-params",
        on_change=first_page,
    )
skip = sorted_list.place()
sought = partial(directory.search, db, text=search, state=state, specialty=specialty, active=show == "active" or None)
found, total = sought(skip=skip, limit=PAGE_ROWS)
is_sorted = False
if found:
    every = by_last_id(lambda after: sought(after_id=after, limit=1000)[0], size=1000)
    is_sorted = sorted_list.shown("providers", PROVIDERS, every, choose="provider")
    st.caption(
        f"{counted(total, 'provider')}."
        if total <= PAGE_ROWS
        else f"{skip + 1:,} to {skip + len(found):,} of {total:,}, by name."
    )
    if not is_sorted:
        rows.show(found, PROVIDERS, key="providers", choose="provider", ordered=sorted_list.sortable(PROVIDERS))
    export_panel.show(provider_columns.exported(sought, total), name="provider-list")
else:
    st.info("No provider matches.")
if total > PAGE_ROWS and not is_sorted:
    sorted_list.pages("providers", skip, PAGE_ROWS, more=skip + PAGE_ROWS < total)
licensing_panel.show(may_edit=may_edit)
