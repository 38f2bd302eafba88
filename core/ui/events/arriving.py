"""Events as they arrive, minute by minute; a selected minute filters the list below."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import streamlit as st

from core.events import lookup
from core.events.lookup import EventFilter
from core.ui import in_view, session
from core.ui.events import event_charts
from core.ui.kit import charts, freshness, shared_cache, ticker
from core.ui.text import in_zone, literal

REFRESH_SECONDS, MINUTE = 2, "minute"


def minute() -> tuple[datetime, datetime] | None:
    """Start and end of the selected minute, from the URL: `?minute=2026-11-27T15:04:00+00:00`."""
    try:
        since = datetime.fromisoformat(st.query_params.get(MINUTE, ""))
    except ValueError:
        return None
    return (since, since + timedelta(minutes=1)) if since.tzinfo else None


@st.fragment(run_every=REFRESH_SECONDS)
def show(drawn: str | None) -> None:
    """Show the events of each of the last 60 minutes, and the newest events; a click on a bar selects its minute.

    `drawn` is the minute in the URL when the page was drawn; once it differs, the whole page is drawn again.
    """
    freshness.reader_role()
    if st.query_params.get(MINUTE) != drawn:
        st.rerun()
    db, now = session.db(), session.services().clock()
    minutes = shared_cache.answers().get("inbox-pulse", partial(lookup.pulse, db, now), ttl_seconds=1)
    newest = shared_cache.answers().get(
        "inbox-newest", partial(lookup.newest, db, EventFilter(), limit=ticker.LINES), ttl_seconds=1
    )
    pulse, coming = st.columns(2)
    with pulse:
        charts.show(event_charts.pulse(minutes.answer), on_pick=_choose)
    with coming, st.container(border=True, key="chart-ticker", height="stretch"):
        stale = " (the database does not answer)" if newest.stale else ""
        st.markdown(f"**What is arriving now?**{stale}")
        if newest.answer.events:
            ticker.show(newest.answer.events, now)
        else:
            st.caption("No events yet. Stripe's events appear here as soon as they are recorded.")


def note(since: datetime) -> None:
    """Show which minute's events are listed, and a button to list all events."""
    in_view.here(MINUTE)
    with st.container(horizontal=True, vertical_alignment="center"):
        at = in_zone(since, session.settings().business_zone)
        st.markdown(f"Only events received in the minute of {literal(at)}.", width="content")
        st.button("Show all events", type="tertiary", on_click=_forget)


def _choose(point: Mapping[str, Any]) -> None:
    said = point["customdata"]
    st.query_params[MINUTE] = str(said[0] if isinstance(said, list) else said)
    in_view.ask(MINUTE)


def _forget() -> None:
    st.query_params.pop(MINUTE, None)
