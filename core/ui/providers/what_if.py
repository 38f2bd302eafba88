"""What happens if a provider leaves, or gains a licence in one more state."""

import streamlit as st

from core.figures.wording import counted
from core.providers import assignment, directory
from core.providers.consultation_rows import WithLicence, WithoutProvider
from core.providers.directory_rows import ProviderRow
from core.providers.states import name_of
from core.ui import session
from core.ui.consultations import consultation_details
from core.ui.kit import rows
from core.ui.kit.rows import Column
from core.ui.providers.licence_view import STATE
from core.ui.text import literal

MOST_CHOICES = 500
WITHOUT = (
    STATE,
    Column("open_consultations", "Open consultations", "count"),
    Column("others", "Other licensed providers", "count"),
    Column("their_free_slots", "Their free slots", "count"),
    Column("then", "Result", read=lambda one: result(one), width="large"),
)


def show() -> None:
    """Show what happens if a provider leaves or gains a licence, from the current state."""
    st.subheader("What if")
    states = consultation_details.vocabulary().states
    found, total = directory.search(session.db(), active=True, limit=MOST_CHOICES)
    if total > len(found):
        search = st.text_input("Find a provider", key="what-if", placeholder="Part of the name", bind="query-params")
        found, total = directory.search(session.db(), text=search or None, active=True, limit=MOST_CHOICES)
    people = _labelled(found)
    who, where = st.columns(2)
    with who:
        chosen = st.selectbox(
            "If this provider leaves",
            list(people),
            index=None,
            key="without",
            placeholder=f"Choose one of {total:,}",
            bind="query-params",
        )
    with where:
        state = st.selectbox(
            "If this provider gains a licence in",
            list(states),
            index=None,
            format_func=lambda code: states[code],
            key="licence-in",
            placeholder="Choose a state",
            bind="query-params",
        )
    if chosen is None:
        st.caption("Choose a provider to see what happens if they leave, or gain a licence in one more state.")
        return
    now, name = session.services().clock(), people[chosen]["name"]
    without = assignment.without_provider(session.db(), people[chosen]["id"], now)
    st.markdown(f"**If {literal(name)} leaves:** {literal(_without(without))}")
    if without:
        rows.show(without, WITHOUT, key="what-if-without", file="what-if")
    if state:
        more = assignment.with_licence(session.db(), people[chosen]["id"], state, now)
        st.markdown(f"**With a licence in {literal(states[state])}:** {literal(_with(name, states[state], more))}")


def _labelled(found: list[ProviderRow]) -> dict[str, ProviderRow]:
    """Providers by name, with the id added where two have the same name."""
    called = [one["name"] for one in found]
    return {one["name"] if called.count(one["name"]) == 1 else f"{one['name']} ({one['id']})": one for one in found}


def _without(states: list[WithoutProvider]) -> str:
    moved = sum(one["open_consultations"] for one in states)
    stuck = sum(max(0, one["open_consultations"] - one["their_free_slots"]) for one in states)
    alone = [name_of(one["state"]) for one in states if one["others"] == 0]
    said = f"{counted(moved, 'open consultation')} would be reassigned"
    said += f", and at least {stuck:,} would wait." if stuck else "."
    return said + (f" No provider would be left in {', '.join(alone)}." if alone else "")


def _with(name: str, state: str, more: WithLicence) -> str:
    if more["has_it"]:
        return f"{name} already has one."
    there = (
        f"{counted(more['providers'], 'provider')} {'is' if more['providers'] == 1 else 'are'} already licensed there; "
        f"{counted(more['demand_30_days'], 'consultation')} came from there in the last 30 days."
    )
    if not more["waiting"]:
        return f"No patient is waiting in {state} now. {there}"
    waiting = counted(more["waiting"], "waiting consultation")
    return f"{more['would_take']:,} of {waiting} in {state} would be assigned at once. {there}"


def result(one: rows.Row) -> str:
    """What happens in one state if the provider leaves."""
    if one["others"] == 0:
        return "No provider left"
    if one["open_consultations"] > one["their_free_slots"]:
        return f"{one['open_consultations'] - one['their_free_slots']:,} would wait"
    return "Others have capacity" if one["their_free_slots"] else "Others have no capacity now"
