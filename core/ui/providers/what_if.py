"""What happens if a provider leaves, or gains a licence in one more state."""

from typing import Any

import streamlit as st

from core.providers import assignment, directory
from core.ui import session
from core.ui.consultations import consultation_details
from core.ui.kit import rows
from core.ui.kit.rows import Column
from core.ui.text import literal

MOST_CHOICES = 500
WITHOUT = (
    Column("state", "State"),
    Column("open_consultations", "Their open consultations", "count"),
    Column("others", "Others licensed", "count"),
    Column("their_free_slots", "Free slots of those", "count"),
    Column("then", "Then", read=lambda one: _then(one), width="large"),
)


def show() -> None:
    """Two questions about one provider, answered from how things are now."""
    st.subheader("What if")
    states = consultation_details.vocabulary().states
    found, total = directory.search(session.db(), active=True, limit=MOST_CHOICES)
    if total > len(found):
        search = st.text_input("Find a provider", key="what-if", placeholder="A part of the name", bind="query-params")
        found, total = directory.search(session.db(), text=search or None, active=True, limit=MOST_CHOICES)
    people = _labelled(found)
    who, where = st.columns(2)
    with who:
        chosen = st.selectbox(
            "If this provider leaves",
            list(people),
            index=None,
            key="without",
            placeholder=f"One of {total:,}",
            bind="query-params",
        )
    with where:
        state = st.selectbox(
            "If this provider gains a licence in",
            list(states),
            index=None,
            format_func=lambda code: states[code],
            key="licence-in",
            placeholder="A state",
            bind="query-params",
        )
    if chosen is None:
        st.caption("Choose a provider to see what happens without them, and with one more licence.")
        return
    now, name = session.services().clock(), people[chosen]["name"]
    without = assignment.without_provider(session.db(), people[chosen]["id"], now)
    st.markdown(f"**Without {literal(name)}:** {literal(_without(without))}")
    if without:
        rows.show(without, WITHOUT, key="what-if-without")
    if state:
        more = assignment.with_licence(session.db(), people[chosen]["id"], state, now)
        st.markdown(f"**With a licence in {literal(states[state])}:** {literal(_with(name, states[state], more))}")


def _labelled(found: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Providers by name, and by name and id where two are called the same."""
    called = [one["name"] for one in found]
    return {one["name"] if called.count(one["name"]) == 1 else f"{one['name']} ({one['id']})": one for one in found}


def _without(states: list[dict[str, Any]]) -> str:
    moved = sum(one["open_consultations"] for one in states)
    stuck = sum(max(0, one["open_consultations"] - one["their_free_slots"]) for one in states)
    alone = [one["state"] for one in states if one["others"] == 0]
    said = f"{moved:,} open consultations would have to go to others"
    said += f", and at least {stuck:,} of them would wait." if stuck else "."
    return said + (f" Nobody would be left in {', '.join(alone)}." if alone else "")


def _with(name: str, state: str, more: dict[str, Any]) -> str:
    if more["has_it"]:
        return f"{name} has one already."
    there = (
        f"{more['providers']:,} {'is' if more['providers'] == 1 else 'are'} licensed there, and "
        f"{more['demand_30_days']:,} asked in 30 days."
    )
    if not more["waiting"]:
        return f"No patient is waiting in {state} now; {there}"
    return f"{more['would_take']:,} of the {more['waiting']:,} who wait in {state} would be seen at once; {there}"


def _then(one: rows.Row) -> str:
    if one["others"] == 0:
        return "No provider left"
    if one["open_consultations"] > one["their_free_slots"]:
        return f"{one['open_consultations'] - one['their_free_slots']:,} would wait"
    return "Others have capacity"
