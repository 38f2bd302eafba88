"""Figures as cards: the value, its change in an arrow and in words, its sample, and its definition."""

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol
from urllib.parse import parse_qsl

import streamlit as st

from core.figures.wording import Change, Reading
from core.monitoring.action_items import ActionItem
from core.staff.roles import Right, Role, right
from core.ui import navigation
from core.ui.text import literal

View = Mapping[str, str | list[str]]
ACROSS = 4
ANCHOR = "action-items"
_STYLE = """<style>
[data-testid="stMetric"], [data-testid="stMarkdownContainer"], [data-testid="stCaptionContainer"] {
  font-variant-numeric: tabular-nums; }
[data-testid="stMainBlockContainer"] { padding: 4.2rem clamp(1rem, 3vw, 3rem) 3rem; }
[class*="st-key-card-"] { gap: .2rem; padding: .8rem .9rem .4rem; }
[class*="st-key-card-"] [data-testid="stMetricValue"] * { white-space: normal; }
[class*="st-key-card-"] > :last-child { margin-top: auto; }
[class*="st-key-card-"] [data-testid="stPopover"] button p { font-size: .8rem; opacity: .85; }
@media (max-width: 640px) {
  .st-key-figures [data-testid="stColumn"] { min-width: calc(50% - .5rem) !important; }
  .st-key-figures [data-testid="stMetricValue"] { font-size: 1.35rem; }
}
[class*="st-key-chart-"] { gap: .2rem; padding: .6rem .9rem; }
[class*="st-key-card-"] [data-testid="stMetricValue"] { font-size: 1.7rem; line-height: 1.3; }
</style>"""


def show(readings: Sequence[Reading], role: Role, view: View | None = None, *, across: int = ACROSS) -> None:
    """The figures, `across` in a line; two on a narrow screen. Their links to rows open with the filters in `view`."""
    st.html(_STYLE)
    with st.container(key="figures"):
        for start in range(0, len(readings), across):
            for column, reading in zip(st.columns(across), readings[start : start + across], strict=False):
                with column:
                    _card(reading, role, view or {})


class Plain(Protocol):
    """A figure with a note and its meaning."""

    @property
    def title(self) -> str: ...
    @property
    def value(self) -> str: ...
    @property
    def beside(self) -> str: ...
    @property
    def meaning(self) -> str: ...


def show_plain(several: Sequence[Plain]) -> None:
    """Figures without a comparison, in one line; two in a line on a narrow screen."""
    st.html(_STYLE)
    with st.container(key="figures"):
        for column, each in zip(st.columns(len(several)), several, strict=True):
            column.metric(
                each.title,
                literal(each.value),
                literal(each.beside) or None,
                help=each.meaning,
                border=True,
                height="stretch",
                delta_color="off",
                delta_arrow="off",
            )


def action_items(lines: Sequence[ActionItem], role: Role) -> None:
    """The action items: a line each, with the money at stake, its time, and the page to act on."""
    st.subheader("Action items", anchor=ANCHOR)
    if not lines:
        st.success(
            "There is nothing to do. Disputes, overdue subscriptions, failed events and incidents are listed here."
        )
    for line in lines:
        with st.container(border=True, key=f"action-item-{line.kind.page}-{line.kind.one}"):
            what, stake, when, act = st.columns([4, 2, 3, 2], vertical_alignment="center")
            what.markdown(f"**{literal(line.what)}**")
            stake.markdown(literal(f"{line.at_stake} at stake") if line.at_stake else "")
            when.markdown(literal(line.when))
            with act:
                link(line.kind.page, line.kind.act, role, line.kind.view)


def action_items_in_short(lines: Sequence[ActionItem]) -> None:
    """One line that says what needs a person, with links to the list."""
    if lines:
        each = " · ".join(f"[{literal(line.what)}](#{ANCHOR})" for line in lines)
        st.markdown(f":material/person_raised_hand: **Action items:** {each}")


def link(address: str, label: str, role: Role, view: View | None = None) -> None:
    """A link to another page of the console, if that page exists and the role may open it.

    The page opens with the filters in `view`, or in the address: `assignments?show=assigned`.
    """
    name, _, said = address.partition("?")
    found = next((entry for entry in navigation.present() if entry.address == name), None)
    if found and right(role, name) > Right.NONE:
        query = dict(parse_qsl(said)) | dict(view or {})
        st.page_link(found.path, label=label, icon=":material/arrow_forward:", query_params=query)


def _card(reading: Reading, role: Role, view: View) -> None:
    change = reading.change
    with st.container(border=True, height="stretch", key=f"card-{reading.definition.name}"):
        st.metric(
            reading.definition.title,
            literal(reading.value),
            delta=change.words if change else None,
            delta_color=_colour(change),
            delta_arrow="off" if change is None or change.direction == "same" else change.direction,
        )
        st.caption("  \n".join(literal(part) for part in (change.base if change else "", reading.rests_on) if part))
        with st.popover("Definition", type="tertiary", key=f"definition-{reading.definition.name}"):
            st.markdown(f"**{reading.definition.title}**\n\n{reading.definition.meaning}")
            link(reading.definition.page, "See the rows", role, {**view, **reading.definition.view})


def _colour(change: Change | None) -> Literal["gray", "green", "red"]:
    if change is None or change.good is None:
        return "gray"
    return "green" if change.good else "red"
