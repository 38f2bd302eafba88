"""Charts: each answers the question in its title, with the previous period faint behind it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import Any

import pandas as pd  # type: ignore[import-untyped]
import plotly.graph_objects as go  # type: ignore[import-untyped]
import streamlit as st

from core.figures.days import Day
from core.money import exponent
from core.ui.kit import tables

# Each of these has enough contrast on white and on the dark theme's background.
NOW, BEFORE, FAILURE, MONEY, LINE = "#2f9180", "rgba(128,132,145,.45)", "#cf6a3b", "#5a83b8", "#8b909c"
HEIGHT_PIXELS = 200
UNFINISHED_OPACITY = 0.45
LAYOUT: dict[str, Any] = {
    "height": HEIGHT_PIXELS,
    "margin": {"l": 8, "r": 8, "t": 26, "b": 8},
    "hovermode": "closest",
    "uirevision": "kept",
    "legend": {"orientation": "h", "y": 1.02, "x": 1, "xanchor": "right", "yanchor": "bottom"},
    "bargap": 0.2,
}
ROOM_FOR_DAYS = {"l": 56, "b": 42}
CONFIG = {"displayModeBar": False, "responsive": True}


@dataclass(frozen=True)
class Chart:
    """A chart with the question it answers, a description for screen readers, and its rows."""

    name: str
    question: str
    figure: go.Figure
    alt: str
    rows: Callable[[], pd.DataFrame]
    formats: dict[str, str] = field(default_factory=dict)


Pick = Callable[[Mapping[str, Any]], None]


def show(chart: Chart, *, on_pick: Pick | None = None) -> None:
    """The chart under its question, with a button for its rows and their file.

    `on_pick` is called with the clicked point: its `x`, `y`, `label` and `customdata`.
    """
    picks: dict[str, Any] = {}
    if on_pick:
        picks = {"on_select": partial(_pick, f"{chart.name}-figure", on_pick), "selection_mode": "points"}
    with st.container(border=True, key=f"chart-{chart.name}", height="stretch"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(f"**{chart.question}**", width="content")
            tables.behind(chart.rows, name=chart.name, formats=chart.formats)
        st.plotly_chart(chart.figure, key=f"{chart.name}-figure", config=CONFIG, alt=chart.alt, **picks)


def _pick(key: str, on_pick: Pick) -> None:
    if points := st.session_state[key]["selection"]["points"]:
        on_pick(points[0])


def show_in_pairs(several: Sequence[Chart], picks: Mapping[str, Pick] | None = None) -> None:
    """Two in a line; on a narrow screen one below the other. `picks` is what a click does, by a chart's name."""
    for start in range(0, len(several), 2):
        for column, chart in zip(st.columns(2), several[start : start + 2], strict=False):
            with column:
                show(chart, on_pick=(picks or {}).get(chart.name))


def bars_over_line(
    figure: go.Figure,
    days: Sequence[date],
    now: Sequence[Day],
    before: Sequence[Day],
    read: Callable[[Day], float],
    written: Callable[[Day], str],
    colour: str,
    width_ms: int,
    place: int | None = None,
    *,
    unfinished: bool = False,
) -> None:
    """This period as bars, the previous one as a faint line; one legend for all rows of the figure.

    The last bar is pale where its day or week is not over yet (`unfinished`).
    """
    where = {} if place is None else {"row": place, "col": 1}
    hover = "%{customdata}<extra></extra>"
    figure.add_bar(
        x=days,
        y=[read(each) for each in now],
        name="now",
        marker={"color": colour, "line": {"width": 0}, "opacity": _opacities(now, unfinished)},
        width=width_ms,
        customdata=[f"{each.day:%a %-d %b %Y}{so_far(now, each, unfinished)}: {written(each)}" for each in now],
        hovertemplate=hover,
        showlegend=place is None,
        **where,
    )
    figure.add_scatter(
        x=days,
        y=[read(each) for each in before],
        name="before",
        mode="lines+markers" if len(days) < 3 else "lines",
        customdata=[f"{each.day:%a %-d %b %Y}: {written(each)}" for each in before],
        hovertemplate=hover,
        showlegend=place in (None, 1),
        **faint(),
        **where,
    )


def so_far(days: Sequence[Day], day: Day, unfinished: bool) -> str:
    """` so far` for the last of the days, while it is not over."""
    return " so far" if unfinished and day is days[-1] else ""


def _opacities(days: Sequence[Day], unfinished: bool) -> list[float]:
    return [UNFINISHED_OPACITY if unfinished and day is days[-1] else 1.0 for day in days]


def framed(
    unit: str,
    *,
    horizontal: bool = False,
    over_days: bool = False,
    x: Mapping[str, Any] | None = None,
    y: Mapping[str, Any] | None = None,
    **layout: Any,
) -> go.Figure:
    """A figure with the unit on its axis; its layout is given at once, which is ten times as fast as by updates.

    `over_days` is for one above a line of days: its labels have room, so that the browser need not draw it once to
    measure them and then again.
    """
    titled: dict[str, Any] = {"title": {"text": unit, "standoff": 6}}
    fixed: dict[str, Any] = {"automargin": False} if over_days else {}
    axes = {"xaxis": fixed | (titled if horizontal else {}) | dict(x or {})}
    axes["yaxis"] = fixed | ({} if horizontal else titled) | dict(y or {})
    room = {"margin": LAYOUT["margin"] | ROOM_FOR_DAYS} if over_days else {}
    return go.Figure(layout=LAYOUT | axes | room | layout)


def finish(figure: go.Figure) -> go.Figure:
    for name, value in LAYOUT.items():
        figure.layout[name] = value
    return figure


def comparison_rows(
    now: Sequence[Day], before: Sequence[Day], columns: dict[str, Callable[[Day], Any]]
) -> Callable[[], pd.DataFrame]:
    def rows() -> pd.DataFrame:
        first = "Week from" if any(each.days > 1 for each in now) else "Day"
        table: dict[str, list[Any]] = {first: [each.day for each in now]}
        for title, read in columns.items():
            table[title] = [read(each) for each in now]
            table[f"{title} before"] = [read(each) for each in before]
        return pd.DataFrame(table)

    return rows


def with_previous(title: str, shown_as: str) -> dict[str, str]:
    """The format of a column and of the column with the previous period."""
    return {title: shown_as, f"{title} before": shown_as}


def each_step(days: Sequence[Day]) -> str:
    return " each week" if any(each.days > 1 for each in days) else " each day"


def bar_width(days: Sequence[Day]) -> int:
    """A bar's width in milliseconds of the time axis: most of its day or week."""
    return int(max((each.days for each in days), default=1) * 86_400_000 * 0.8)


def major(minor: int, currency: str) -> float:
    return round(minor / float(10 ** exponent(currency)), exponent(currency))


def solid(colour: str) -> dict[str, Any]:
    return {"line": {"color": colour, "width": 2}}


def faint() -> dict[str, Any]:
    return {"line": {"color": BEFORE, "width": 1.5}}


def no_data(figure: go.Figure, text: str) -> None:
    """Show `text` in place of empty axes."""
    figure.update_xaxes(visible=False).update_yaxes(visible=False)
    figure.add_annotation(
        text=text,
        showarrow=False,
        x=0.5,
        y=0.5,
        xref="paper",
        yref="paper",
        font={"color": LINE},
    )
