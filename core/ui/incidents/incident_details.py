"""One incident: what to do next, its trend, the objects it names, and what staff did about it."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

import pandas as pd  # type: ignore[import-untyped]
import streamlit as st

from core.errors import Refused
from core.figures.wording import counted
from core.monitoring import incidents
from core.monitoring.incident_kinds import NamedObject, kind, objects_in
from core.monitoring.incidents import Detail, Sample
from core.providers.states import name_of
from core.staff import audit_words
from core.ui import navigation, session
from core.ui.incidents import incident_dialogs
from core.ui.kit import actions, charts, detail_view, rows, stripe_dashboard
from core.ui.kit.charts import FAILURE, Chart
from core.ui.kit.rows import Column
from core.ui.text import ago, in_zone, literal

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_IN_STATE = re.compile(r"\bin ([A-Z]{2})\b")
OBJECTS = (
    Column("what", "Object"),
    Column("id", "ID", "id", width="large"),
    Column("here", "Here", "link"),
    Column("at_stripe", "At Stripe", "link"),
)
SAMPLES = (
    Column("seen_at", "Last seen", "moment"),
    Column("occurrences", "Times", "count"),
    Column("what", "What it was about", width="large"),
    Column("request_id", "Error ID", help="The ID that was shown to the user."),
)
DEEDS = {
    "taken": "took it",
    "released": "released it",
    "silenced": "silenced it",
    "unsilenced": "ended the silence",
    "resolved": "resolved it",
}
HISTORY = (
    Column("at", "When", "moment"),
    Column("actor", "Who", read=lambda one: audit_words.actor_name(one["actor"])),
    Column("action", "What", read=lambda one: DEEDS.get(one["action"].rpartition(":")[2], "changed it")),
    Column("reason", "Reason", width="large"),
)


def show(incident_id: str) -> None:
    """Show everything about one incident, with buttons for users who may act."""
    running = session.services()
    now = running.clock()
    try:
        incident = incidents.one(running.db, int(incident_id) if incident_id.isdecimal() else 0, now)
    except Refused as refused:
        st.info(literal(refused.detail))
        return
    known = kind(incident["kind"])
    st.subheader(literal(incident["title"]))
    _state(incident, now)
    with st.container(border=True):
        st.markdown(f":material/arrow_forward: **What to do next.** {literal(known.next_step)}")
        if known.page:
            navigation.link(known.page, f"Open {known.page.partition('?')[0].replace('-', ' ')}", session.actor().role)
    if incident["resolved_at"] is None and incident_dialogs.may_act():
        _buttons(incident)
    _facts(incident, now)
    _objects([found for each in incident["samples"] for found in objects_in(each["sample"])])
    charts.show(_trend(incident, now))
    if incident["samples"]:
        st.markdown("**Samples**, the newest first")
        rows.show(
            [each | {"what": _in_words(each)} for each in incident["samples"]],
            SAMPLES,
            key="samples",
            file="incident-samples",
        )
    if incident["history"]:
        st.markdown("**History**")
        rows.show(incident["history"], HISTORY, key="history", file="incident-history")


def _state(incident: Detail, now: datetime) -> None:
    zone = session.settings().business_zone
    if incident["resolved_at"]:
        at = in_zone(datetime.fromisoformat(incident["resolved_at"]), zone)
        by = audit_words.actor_name(incident["resolved_by"])
        st.success(f"Resolved by {literal(by)} on {literal(at)}: {literal(incident['resolution'])}")
        return
    if incident["silenced"] and incident["silenced_until"]:
        until = in_zone(datetime.fromisoformat(incident["silenced_until"]), zone)
        by = audit_words.actor_name(incident["silenced_by"])
        st.info(f"Silenced until {literal(until)} by {literal(by)}: {literal(incident['silence_reason'])}")
    if incident["reopened_at"]:
        since = ago(datetime.fromisoformat(incident["reopened_at"]), now)
        times = counted(incident["reopenings"], "time")
        st.warning(
            f"It came back {literal(since)} ({times} so far). What was done before: {literal(incident['resolution'])}"
        )


def _buttons(incident: Detail) -> None:
    mine = incident["owner"] == session.actor().name
    with st.container(horizontal=True):
        st.button(
            "Release" if mine else "Take",
            icon=":material/person_remove:" if mine else ":material/person_add:",
            on_click=actions.attempt,
            args=(incident_dialogs.taking(incident["id"], release=mine),),
        )
        st.button(
            "Resolve",
            icon=":material/check:",
            on_click=incident_dialogs.ask_to_resolve,
            args=(incident,),
        )
        if incident["silenced"]:
            st.button(
                "End the silence",
                icon=":material/notifications:",
                on_click=actions.attempt,
                args=(incident_dialogs.ending_silence(incident["id"]),),
            )
        else:
            st.button(
                "Silence",
                icon=":material/notifications_off:",
                on_click=incident_dialogs.ask_to_silence,
                args=(incident,),
            )


def _facts(incident: Detail, now: datetime) -> None:
    zone = session.settings().business_zone
    first, last = (datetime.fromisoformat(incident[name]) for name in ("first_seen", "last_seen"))
    detail_view.facts(
        [
            ("Owner", audit_words.actor_name(incident["owner"]) if incident["owner"] else "nobody"),
            ("Severity", incident["severity"].capitalize()),
            ("Seen", counted(incident["occurrences"], "time")),
            ("Last seen", f"{in_zone(last, zone)}, {ago(last, now)}"),
            ("First seen", f"{in_zone(first, zone)}, {ago(first, now)}"),
            ("Cause", incident["fingerprint"]),
            ("Error ID", incident["request_id"]),
            ("Incident", incident["id"]),
        ],
        ids=("Cause", "Error ID", "Incident"),
    )


def _objects(found: Sequence[NamedObject]) -> None:
    """List every object in the incident's samples once, with links to its page here and at Stripe."""
    distinct = list({each.id: each for each in found}.values())
    if not distinct:
        return
    st.markdown("**What it named**")
    links = [
        {
            "what": each.what.capitalize(),
            "id": each.id,
            "here": f"/{each.page}" if each.page and navigation.may_open(session.actor().role, each.page) else None,
            "at_stripe": stripe_dashboard.address(each.at_stripe) if each.at_stripe else None,
        }
        for each in distinct
    ]
    rows.show(
        links,
        OBJECTS if any(each["at_stripe"] for each in links) else OBJECTS[:-1],
        key="objects",
        file="incident-objects",
    )


def _trend(incident: Detail, now: datetime) -> Chart:
    """Occurrences by hour over three days or, for an incident that lasts longer, by day over a month."""
    zone = session.settings().business_zone
    long = now - datetime.fromisoformat(incident["first_seen"]) > timedelta(days=3)
    counts, step = (incident["by_day"], timedelta(days=1)) if long else (incident["by_hour"], timedelta(hours=1))
    at = [(now - step * (len(counts) - 1 - n)).astimezone(zone).replace(tzinfo=None) for n in range(len(counts))]
    figure = charts.framed("times")
    figure.add_bar(
        x=at, y=counts, marker={"color": FAILURE, "line": {"width": 0}}, hovertemplate="%{y:,}<extra></extra>"
    )
    figure.update_yaxes(rangemode="tozero", nticks=4, range=[0, max([*counts, 4]) * 1.1])
    figure.update_layout(height=200, showlegend=False)
    each = "day" if long else "hour"
    return Chart(
        "incident-trend",
        f"How often in each {each}?",
        figure,
        f"Bar chart of the occurrences in each {each}.",
        lambda: pd.DataFrame({each.capitalize(): at, "Times": counts}),
    )


def _in_words(sample: Sample) -> str:
    """`Waiting: 3 · Reason: No provider is licensed in Wyoming · Oldest: 28 Nov 2026, 10:42 EST`."""
    return " · ".join(
        f"{name.replace('_', ' ').capitalize()}: {_value_in_words(value)}"
        for name, value in sample["sample"].items()
        if value is not None
    )


def _value_in_words(value: object) -> str:
    """A time in the business's zone, the name of a state, any other value unchanged."""
    text = str(value)
    if _TIME.fullmatch(text):
        return in_zone(datetime.fromisoformat(text), session.settings().business_zone)
    return _IN_STATE.sub(lambda found: f"in {name_of(found[1])}", text).rstrip(".")
