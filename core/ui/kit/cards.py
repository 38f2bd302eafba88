"""Figures as cards: the value, its change in an arrow and in words, its sample, and its definition."""

from collections.abc import Callable, Sequence
from typing import Literal, Protocol

import streamlit as st

from core.figures.wording import Change, Reading
from core.staff.roles import Role
from core.ui import navigation
from core.ui.navigation import View
from core.ui.text import literal

ACROSS = 4
STYLE = """
[data-testid="stMetric"], [data-testid="stMarkdownContainer"], [data-testid="stCaptionContainer"] {
  font-variant-numeric: tabular-nums; }
[class*="st-key-card-"] { gap: .2rem; padding: .8rem .9rem .4rem; }
[class*="st-key-card-"] [data-testid="stMetricValue"] * { white-space: normal; }
[class*="st-key-card-"] > :last-child { margin-top: auto; }
[class*="st-key-card-"] [data-testid="stPopover"] button p { font-size: .8rem; opacity: .85; }
@media (max-width: 640px) {
  [class*="st-key-figures"] [data-testid="stColumn"] { min-width: calc(50% - .5rem) !important; }
  [class*="st-key-figures"] [data-testid="stMetricValue"] { font-size: 1.35rem; }
}
[class*="st-key-chart-"] { gap: .2rem; padding: .6rem .9rem; }
[class*="st-key-card-"] [data-testid="stMetricValue"] { font-size: 1.7rem; line-height: 1.3; }
"""


def show(
    readings: Sequence[Reading],
    role: Role,
    view: View | None = None,
    *,
    across: int = ACROSS,
    below: Callable[[Reading], None] | None = None,
) -> None:
    """The figures, `across` in a line; two on a narrow screen. Their links to rows open with the filters in `view`.

    `below` draws something more on a card, under the value.
    """
    with st.container(key=f"figures-{readings[0].definition.name}" if readings else "figures"):
        for start in range(0, len(readings), across):
            for column, reading in zip(st.columns(across), readings[start : start + across], strict=False):
                with column:
                    _card(reading, role, view or {}, below)


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


def show_plain(several: Sequence[Plain], *, across: int | None = None) -> None:
    """Figures without a comparison, in one line or `across` in a line; two in a line on a narrow screen."""
    step = across or len(several)
    with st.container(key="figures"):
        for start in range(0, len(several), step):
            for column, each in zip(st.columns(step), several[start : start + step], strict=False):
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


def _card(reading: Reading, role: Role, view: View, below: Callable[[Reading], None] | None) -> None:
    change = reading.change
    with st.container(border=True, height="stretch", key=f"card-{reading.definition.name}"):
        st.metric(
            reading.definition.title,
            literal(reading.value),
            delta=change.words if change else None,
            delta_color=_colour(change),
            delta_arrow="off" if change is None or change.direction == "same" else change.direction,
        )
        if below:
            below(reading)
        st.caption("  \n".join(literal(part) for part in (change.base if change else "", reading.rests_on) if part))
        with st.popover("Definition", type="tertiary", key=f"definition-{reading.definition.name}"):
            st.markdown(f"**{reading.definition.title}**\n\n{reading.definition.meaning}")
            if reading.definition.formula:
                st.caption(literal(reading.definition.formula))
            navigation.link(reading.definition.page, _leads_to(reading), role, {**view, **reading.definition.view})


def _leads_to(reading: Reading) -> str:
    """The link's label: the rows only where the page lists exactly those that the figure counts."""
    if reading.definition.exact:
        return "See the rows"
    entry = navigation.entry_of(reading.definition.page.partition("?")[0])
    return f"Open {entry.title.lower()}" if entry else ""


def _colour(change: Change | None) -> Literal["gray", "green", "red"]:
    if change is None or change.good is None:
        return "gray"
    return "green" if change.good else "red"
