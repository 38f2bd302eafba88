"""One event in detail: its delivery, what it changed, its attempts, and its object's other events."""

from collections.abc import Callable
from datetime import datetime

import streamlit as st

from core.db import json_text
from core.errors import Refused
from core.events import lookup, replay, wording
from core.events.event_rows import EventDetails
from core.events.lookup import EventFilter
from core.staff import audit_words
from core.ui import session
from core.ui.events import replay_dialog
from core.ui.kit import detail_view, rows, stripe_dashboard
from core.ui.kit.rows import Column
from core.ui.text import code, literal

RELATED = (
    Column("created", "Happened", read=lambda one: _at(one["created"])),
    Column("type", "Type", read=lambda one: f"{one['type']}{'  (this one)' if one['here'] else ''}"),
    Column("changed", "Changed", read=wording.changes_in_short),
    Column("outcome", "Outcome", read=lambda one: wording.OUTCOMES[one["outcome"]]),
    Column("received_at", "Received", read=lambda one: _at(one["received_at"])),
    Column("id", "Event"),
)
ATTEMPTS = (
    Column("at", "When", read=lambda one: _at(one["at"])),
    Column("actor", "Who", read=lambda one: audit_words.actor_name(one["actor"])),
    Column("outcome", "Outcome", read=lambda one: wording.OUTCOMES[one["outcome"]]),
    Column("reason", "Reason", width="large"),
)
CHANGES = (Column("field", "Field"), Column("before", "Before"), Column("after", "After"))


def show(event_id: str, *, look_for_object: Callable[[str], None]) -> None:
    """Show everything about one event; `look_for_object` opens the list of its object's events."""
    running = session.services()
    try:
        event = lookup.one(running.db, event_id)
    except Refused as refused:
        st.info(literal(refused.detail))
        return
    st.markdown(f"## {literal(event['type'])}: {literal(wording.OUTCOMES[event['outcome']].lower())}")
    if event["reason"]:
        (st.error if event["outcome"] in wording.PROBLEMS else st.caption)(literal(event["reason"]))
    _facts(event)
    with st.container(horizontal=True, vertical_alignment="center"):
        if replay_dialog.may_replay():
            sought = EventFilter(ids=(event["id"],))
            st.button(
                "Replay",
                icon=":material/replay:",
                on_click=replay_dialog.open,
                args=(sought, f"{event['type']} {event['id']}"),
            )
        if event["object_id"]:
            st.button(
                "Show this object's events",
                type="tertiary",
                icon=":material/filter_alt:",
                on_click=look_for_object,
                args=(event["object_id"],),
            )
        stripe_dashboard.link(f"events/{event['id']}")
    _records(event)
    if changed := wording.changes(event):
        st.subheader("What changed at Stripe")
        rows.show([vars(each) for each in changed], CHANGES, key="changes", file="event-changes")
    if event["later_attempts"]:
        st.subheader("Attempts")
        rows.show(event["later_attempts"], ATTEMPTS, key="attempts", file="event-attempts")
    if len(event["related"]) > 1:
        st.subheader("All events of this object")
        related = [{**each, "here": each["id"] == event["id"]} for each in reversed(event["related"])]
        rows.show(related, RELATED, key="related", choose="event", file="related-events")
    with st.expander("Stored payload"):
        st.caption("Names, addresses, secrets and card numbers were removed before it was stored.")
        st.code(json_text(lookup.as_stripe_event(event)), language="json")


def _facts(event: EventDetails) -> None:
    detail_view.facts(
        [
            ("Event", event["id"]),
            ("Object", event["object_id"]),
            ("Happened", _at(event["created"])),
            ("Received", _at(event["received_at"])),
            ("Delivery delay", wording.duration(event["delay_ms"])),
            ("Handled in", wording.duration(event["handling_ms"])),
            ("Attempts", event["attempts"]),
            ("Next attempt", _at(event["next_attempt_at"])),
            ("API version", event["api_version"]),
            ("Sent from", event["received_from"]),
            ("Delivered by", wording.CAME_BY[event["came_by"]]),
            ("Stripe's request ID", event["payload"].get("request_id")),
        ],
        ids=("Event", "Object", "Stripe's request ID"),
    )


def _records(event: EventDetails) -> None:
    running = session.services()
    found = replay.preview(running.db, EventFilter(ids=(event["id"],)), livemode=running.livemode)
    told = wording.described(found.records, found.rows, running.zone)
    if not told:
        return
    st.subheader("Records it wrote" if event["outcome"] == "applied" else "Records it would write")
    for each in told:
        with st.container(border=True):
            st.markdown(f"**{literal(each.title)}** {code(each.id)}: {literal(each.effect)}")
            detail_view.facts(each.fields, ids=each.ids)


def _at(moment: str | None) -> str | None:
    """A time with seconds, because many events happen within a minute; None for None."""
    if moment is None:
        return None
    return f"{datetime.fromisoformat(moment).astimezone(session.settings().business_zone):%-d %b %Y, %H:%M:%S %Z}"
