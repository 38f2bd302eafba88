"""Who may see patients where: how far the licences reach, which ones end soon, and the directory."""

import streamlit as st

from core.providers import assignment_figures, directory, files, licences
from core.spreadsheets import CSV_TYPE
from core.staff.roles import Right, right
from core.ui import session
from core.ui.consultations import consultation_details
from core.ui.kit import actions, cards, freshness, rows, shared_cache
from core.ui.providers import coverage_map, provider_details, provider_dialogs
from core.ui.providers.provider_columns import ENDING, PROVIDERS
from core.ui.text import literal

AT_ONCE = 200
db, now = session.db(), session.services().clock()
may_edit = right(session.actor().role, "providers") >= Right.ACT
known = consultation_details.vocabulary()


def first_page() -> None:
    st.query_params.pop("from", None)


st.title("Providers")
actions.show_result()
kept = shared_cache.answers().get(
    "directory", lambda: (directory.summary(db, now), directory.coverage(db, now)), ttl_seconds=10
)
freshness.warn(stale=kept.stale)
summary, coverage = kept.answer
st.markdown(f"#### {literal(assignment_figures.directory_sentence(summary, coverage))}")
cards.show(assignment_figures.directory_readings(summary, coverage), session.actor().role)
coverage_map.show(coverage)

st.subheader("Expiring licences")
days = st.segmented_control("Within days", [30, 60, 90], default=90, required=True, key="days", bind="query-params")
if ending := licences.expiring(db, now, days=days):
    st.markdown(literal(coverage_map.at_stake(ending, days)))
    rows.show(ending, ENDING, key="ending", choose="provider", id_field="provider_id")
    rows.files(lambda _: ending, ENDING, name="licences")
else:
    st.success(
        f"No active licence ends within {days} days. Those that do are listed here with the "
        "patients and revenue they affect."
    )

st.subheader("Directory")
with st.container(horizontal=True):
    if may_edit:
        st.button("Add a provider", icon=":material/person_add:", on_click=provider_dialogs.edit, args=(None,))
        st.button("Import", icon=":material/upload:", on_click=provider_dialogs.import_file)
        st.button("Add a specialty", on_click=provider_dialogs.add_specialty)
    rows.file(
        "Export",
        lambda _: files.write_csv(directory.everybody(db)).encode(),
        "providers.csv",
        CSV_TYPE,
        type="secondary",
        help="The whole directory, in the format that Import reads.",
    )
text, states, specialties, who = st.columns([4, 3, 3, 3], vertical_alignment="bottom")
with text:
    search = st.text_input(
        "Find",
        key="find",
        placeholder="A part of the name, e-mail or NPI",
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
given = st.query_params.get("from", "0")
skip = int(given) if given.isdecimal() and len(given) < 7 else 0
found, total = directory.search(
    db, text=search, state=state, specialty=specialty, active=show == "active" or None, skip=skip, limit=AT_ONCE
)
if found:
    st.caption(
        f"{total:,} found." if total <= AT_ONCE else f"{skip + 1:,} to {skip + len(found):,} of {total:,}, by name."
    )
    rows.show(found, PROVIDERS, key="providers", choose="provider")
else:
    st.info(
        "No provider matches." if summary["providers"] else "The directory is empty. Add a provider, or import a file."
    )
if total > AT_ONCE:
    earlier, later = st.columns(2)
    earlier.button(
        "Back",
        disabled=not skip,
        on_click=st.query_params.update,
        args=({"from": str(max(0, skip - AT_ONCE))},),
        width="stretch",
    )
    later.button(
        "Further",
        disabled=skip + AT_ONCE >= total,
        on_click=st.query_params.update,
        args=({"from": str(skip + AT_ONCE)},),
        width="stretch",
    )
if picked := st.query_params.get("provider"):
    provider_details.details(picked)
