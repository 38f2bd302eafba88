"""Stripe's events: what arrives now, the outcome of each, and replaying those that failed."""

from functools import partial

import streamlit as st

from core.events import lookup, webhook_counters, wording
from core.events.lookup import OUTCOMES, EventFilter
from core.exports.table import Table, by_key
from core.figures.wording import counted
from core.staff.roles import Actor
from core.ui import nothing_yet, session
from core.ui.events import arriving, endpoint_card, event_details, replay_dialog
from core.ui.events.event_columns import COLUMNS, IN_A_FILE, REFUSED
from core.ui.kit import (
    actions,
    cards,
    export_panel,
    filters,
    rows,
    shared_cache,
    sorted_list,
)
from core.ui.text import literal, zone_name

PAGE_EVENTS = 100
WORDS = {wording.OUTCOMES[outcome].partition(",")[0].lower(): outcome for outcome in OUTCOMES}
WORDS["not applied"] = lookup.NOT_APPLIED
running = session.services()
db = running.db


def any_event() -> bool:
    return bool(lookup.newest(db, EventFilter(), limit=1).events)


def look_for(object_id: str | None = None) -> None:
    """Back to the start of the list; with `object_id`, only that object's events."""
    st.query_params.pop("event", None)
    st.query_params.pop("before", None)
    if object_id:
        st.session_state["object"] = object_id


def exported(_: Actor) -> Table:
    batches = by_key(partial(lookup.page_after, db, sought))
    return Table("events", "Events", IN_A_FILE, batches, figures["events"], period, filters_set)


st.title("Events")
chosen = st.query_params.get("event")
if chosen:
    actions.show_result()
    st.button("All events", icon=":material/arrow_back:", type="tertiary", on_click=look_for)
    event_details.show(chosen, look_for_object=look_for)

# The filters stay below a single event, so that going back leads to the same list.
with st.expander("Find other events") if chosen else st.container():
    period = filters.period()
    since, until = period.bounds()
    figures = (
        shared_cache.answers()
        .get(("inbox", since, until), partial(lookup.figures, db, EventFilter(since, until)), ttl_seconds=5)
        .answer
    )
    kind, outcome, thing = st.columns(3)
    with kind:
        event_type = st.selectbox(
            "Type",
            [filters.ALL, *wording.type_choices(figures["types"])],
            key="type",
            bind="query-params",
            on_change=look_for,
        )
    with outcome:
        became = st.selectbox("Outcome", [filters.ALL, *WORDS], key="outcome", bind="query-params", on_change=look_for)
    with thing:
        of_object = st.text_input(
            "Object or event",
            key="object",
            max_chars=255,
            bind="query-params",
            on_change=look_for,
            placeholder="pi_…, ch_…, evt_…",
        )
if chosen:
    st.stop()
if not figures["events"] and not any_event():
    nothing_yet.stop(
        "No event has come from Stripe yet",
        "Each event that Stripe sends is listed here with its outcome, within seconds. The first steps under "
        "Settings create the webhook endpoint.",
        arrived=any_event,
    )

of_minute = arriving.minute()
of_type = None if event_type == filters.ALL else event_type
sought = EventFilter(*(of_minute or (since, until)), of_type, WORDS.get(became), of_object.strip() or None)
filters_set = export_panel.set_filters()
is_filtered = sought.is_filtered or of_minute is not None
if is_filtered:
    figures = lookup.figures(db, sought)
st.markdown(f"## {literal(wording.sentence(figures, running.clock(), filtered=is_filtered))}")
cards.show_plain(wording.cells(figures))
endpoint_card.show()
arriving.show(st.query_params.get(arriving.MINUTE))

st.subheader("Events of these days", anchor="rows")
actions.show_result()
if of_minute:
    arriving.note(of_minute[0])
place = lookup.place_from_text(st.query_params.get("before"))
page = lookup.newest(db, sought.continued_before(place), limit=PAGE_EVENTS)
if not page.events:
    st.info("No event matches. Choose a longer period or remove a filter.")
else:
    in_batches = by_key(partial(lookup.page_after, db, sought))
    if not sorted_list.shown("events", COLUMNS, in_batches, choose="event"):
        rows.show(page.events, COLUMNS, key="events", choose="event", ordered=sorted_list.sortable(COLUMNS))
with st.container(horizontal=True, vertical_alignment="center"):
    st.button("Newest", disabled=place is None, on_click=look_for)
    st.button(
        "Older",
        disabled=page.next is None,
        on_click=st.query_params.update,
        args=({"before": lookup.place_as_text(page.next)},),
    )
    if replay_dialog.may_replay() and page.events:
        st.button(
            "Replay these",
            icon=":material/replay:",
            on_click=replay_dialog.open,
            args=(sought, "All events that match the filters"),
        )
    export_panel.show(exported, name="events", large=figures["events"] > export_panel.LARGE_ROWS)
st.caption(f"Select a row for the details of an event. Times are in {literal(zone_name(period.zone))}.")
if refused := webhook_counters.rejections(db, since):
    with st.expander(f"Refused at the webhook: {counted(sum(each['times'] for each in refused), 'request')}"):
        rows.show(refused, REFUSED, key="refused", file="refused-webhooks")
