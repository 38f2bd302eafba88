"""The action items: one line for each thing to do, with a link to the page where it is done."""

from collections.abc import Sequence

import streamlit as st

from core.monitoring.action_items import ActionItem
from core.staff.roles import Right, Role, right
from core.ui import navigation
from core.ui.text import literal

SHOWN = 4
STYLE = """
[class*="st-key-action-items"] [data-testid="stPageLink-NavLink"] :is(span, p){white-space:normal;overflow:visible}
[class*="st-key-action-items"] [data-testid="stElementContainer"]:has(>.stPageLink){margin-block:0}
[class*="st-key-action-items"] p{font-size:.875rem;line-height:1.4}
[class*="st-key-action-items"] [data-testid="stMarkdown"]{padding:.1rem 0 .1rem .5rem}
"""


def show(lines: Sequence[ActionItem], role: Role) -> None:
    """Show the most urgent items; the others unfold on a click."""
    if not lines:
        st.success("Nothing needs a person now.", icon=":material/task_alt:")
        return
    with st.container(key="action-items", gap=None):
        for line in lines[:SHOWN]:
            _line(line, role)
        if others := lines[SHOWN:]:
            more = st.popover(f"{len(others)} more", type="tertiary", key="more-action-items", on_change="rerun")
            if more.open:
                with more:
                    for line in others:
                        _line(line, role)


def _line(line: ActionItem, role: Role) -> None:
    stake = f"{line.at_stake} at stake" if line.at_stake else ""
    said = " · ".join(literal(part) for part in (stake, line.when) if part)
    words = f"**{literal(line.what)}**" + (f" · {said}" if said else "")
    entry = navigation.entry_of(line.kind.page)
    if not (entry and line.links and right(role, line.kind.page) > Right.NONE):
        st.markdown(f":material/person_raised_hand: {words}")  # work for another role: this one may not open the page
    elif len(line.links) == 1:
        act, view = line.links[0]
        st.page_link(entry.path, label=f"{words} · {act} →", icon=f":material/{entry.icon}:", query_params=view)
    else:  # written once, with a link for each currency
        with st.container(horizontal=True, gap=None, vertical_alignment="center"):
            st.markdown(f":material/{entry.icon}: {words} ·", width="content")
            for act, view in line.links:
                st.page_link(entry.path, label=f"{act} →", query_params=view, width="content")
