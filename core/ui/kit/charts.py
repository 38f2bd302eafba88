"""The charts: each answers the question in its title, with the period before faint behind it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pandas as pd  # type: ignore[import-untyped]
import plotly.graph_objects as go  # type: ignore[import-untyped]
import streamlit as st
from plotly.subplots import make_subplots  # type: ignore[import-untyped]

from core.figures.days import Day, in_steps
from core.figures.definitions import SUCCESS_TARGET
from core.money import Money, exponent
from core.monitoring.overview import Overview, cause_title
from core.ui.kit import tables

# Each of these stands out from white and from the dark theme's ground alike.
NOW, BEFORE, FAILURE, MONEY, LINE = "#2f9180", "rgba(128,132,145,.45)", "#cf6a3b", "#5a83b8", "#8b909c"
HEIGHT_PIXELS = 280
ROOM_PIXELS = HEIGHT_PIXELS + 64  # with the question above it and the frame around
CONFIG = {"displayModeBar": False, "responsive": True}


@dataclass(frozen=True)
class Chart:
    """A figure with its question, a sentence for those who cannot see it, and the rows it draws."""

    name: str
    question: str
    figure: go.Figure
    alt: str
    rows: Callable[[], pd.DataFrame]
    formats: dict[str, str] = field(default_factory=dict)


def show(chart: Chart) -> None:
    """The chart under its question, its rows and their file one click away."""
    with st.container(border=True, key=f"chart-{chart.name}", height="stretch"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(f"**{chart.question}**", width="content")
            tables.behind(chart.rows, name=chart.name, formats=chart.formats)
        st.plotly_chart(chart.figure, key=f"{chart.name}-figure", config=CONFIG, alt=chart.alt)


def show_in_pairs(several: Sequence[Chart], *, at_once: int | None = None) -> None:
    """Two in a line; on a narrow screen one below the other.

    Those behind the first `at_once` have but their room kept: a browser takes longest over charts, and who opens a page
    need not wait for those further down, which come when it refreshes.
    """
    for start in range(0, len(several), 2):
        for column, chart in zip(st.columns(2), several[start : start + 2], strict=False):
            with column:
                if at_once is None or start < at_once:
                    show(chart)
                else:
                    st.container(border=True, height=ROOM_PIXELS, key=f"room-{chart.name}")


def of_the_overview(overview: Overview) -> list[Chart]:
    """The overview's charts, in their order."""
    now, before = in_steps(overview.daily), in_steps(overview.previous_daily)
    return [
        success_rate(now, before, overview.incidents),
        failures_by_cause(
            overview.figures["failures_by_category"], overview.previous["failures_by_category"], overview.currency
        ),
        volume(now, before, overview.currency),
        disputes(now, before, overview.currency),
    ]


def success_rate(now: Sequence[Day], before: Sequence[Day], incidents: Sequence[Mapping[str, Any]] = ()) -> Chart:
    """The share of payments that succeeded, against the target."""
    figure = _framed("% of payments")
    figure.update_layout(margin_r=52)
    days = [each.day for each in now]
    for series, style, name in ((before, _faint(), "before"), (now, _solid(NOW), "now")):
        shares = [None if each.success_rate is None else each.success_rate * 100 for each in series]
        figure.add_scatter(
            x=days,
            y=shares,
            name=name,
            mode="lines+markers" if None in shares or len(days) < 3 else "lines",
            connectgaps=False,
            customdata=[[f"{each.day:%a %-d %b %Y}", each.succeeded, each.payments] for each in series],
            hovertemplate="%{customdata[0]}: %{y:.1f}% (%{customdata[1]:,} of %{customdata[2]:,})<extra>"
            + name
            + "</extra>",
            **style,
        )
    target = SUCCESS_TARGET * 100
    figure.add_hline(target, line={"color": LINE, "dash": "dash", "width": 1.5})
    figure.add_annotation(
        x=1.01,
        xref="paper",
        y=target,
        text=f"target<br>{target:.0f}%",
        showarrow=False,
        xanchor="left",
        align="left",
        font={"color": LINE, "size": 11},
    )
    for day, titles in _by_day(incidents).items():
        figure.add_vline(day.isoformat(), line={"color": FAILURE, "dash": "dot", "width": 1})
        figure.add_annotation(
            x=day.isoformat(),
            y=1,
            yref="paper",
            text="▼",
            showarrow=False,
            hovertext="<br>".join(titles),
            font={"color": FAILURE, "size": 10},
        )
    rows = _rows(
        now,
        before,
        {
            "Payments": lambda each: each.payments,
            "Succeeded": lambda each: each.succeeded,
            "Failed": lambda each: each.failed,
            "Success rate": lambda each: None if each.success_rate is None else round(each.success_rate, 4),
        },
    )
    return Chart(
        "success-rate",
        f"Do enough payments succeed{_each_step(now)}?",
        figure,
        "Line chart of the share of payments that succeeded, with the period before and the target of 95 percent.",
        rows,
        _beside("Success rate", "percent"),
    )


def failures_by_cause(now: Sequence[dict[str, Any]], before: Sequence[dict[str, Any]], currency: str) -> Chart:
    """How many payments failed, by what would have helped."""
    figure = _framed("failed payments", horizontal=True)
    earlier = {each["key"]: each["count"] for each in before}
    keys = [each["key"] for each in now] + [key for key in earlier if key not in {each["key"] for each in now}]
    counts = {each["key"]: each["count"] for each in now}
    titles = [cause_title(key) for key in keys]
    for name, found, colour in (("before", earlier, BEFORE), ("now", counts, FAILURE)):
        figure.add_bar(
            y=titles,
            x=[found.get(key, 0) for key in keys],
            name=name,
            orientation="h",
            marker={"color": colour},
            hovertemplate="%{y}: %{x:,}<extra>" + name + "</extra>",
        )
    figure.update_layout(bargap=0.3, bargroupgap=0.05, legend_traceorder="reversed")
    figure.update_yaxes(autorange="reversed", automargin=True, ticklabelstandoff=6)
    if not keys:
        figure.update_xaxes(visible=False).update_yaxes(visible=False)
        figure.add_annotation(
            text="No payment failed, now or before.",
            showarrow=False,
            x=0.5,
            y=0.5,
            xref="paper",
            yref="paper",
            font={"color": LINE},
        )
    amounts = {each["key"]: each["amount"] for each in now}

    def rows() -> pd.DataFrame:
        return pd.DataFrame(
            {
                "Cause": titles,
                "Failed": [counts.get(key, 0) for key in keys],
                "Failed before": [earlier.get(key, 0) for key in keys],
                f"Amount ({currency.upper()})": [_major(amounts.get(key, 0), currency) for key in keys],
            }
        )

    return Chart(
        "failures",
        "Why do payments fail?",
        figure,
        "Bar chart of failed payments by cause, beside the period before.",
        rows,
        {f"Amount ({currency.upper()})": "accounting"},
    )


def volume(now: Sequence[Day], before: Sequence[Day], currency: str) -> Chart:
    """What succeeded payments came to, and how many there were."""
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.12, row_heights=[0.6, 0.4])
    days, width = [each.day for each in now], _bar_width(now)
    for place, colour, unit, read, written in (
        (
            1,
            MONEY,
            currency.upper(),
            lambda each: float(_major(each.amount_minor, currency)),
            lambda each: str(Money(each.amount_minor, currency)),
        ),
        (2, NOW, "payments", lambda each: each.succeeded, lambda each: f"{each.succeeded:,} payments"),
    ):
        _bars_over_line(figure, days, now, before, read, written, colour, width, place)
        figure.update_yaxes(title_text=unit, row=place, col=1, rangemode="tozero", nticks=4, tickformat="~s")
        if max((read(each) for each in [*now, *before]), default=0) < 4:
            figure.update_yaxes(dtick=1, row=place, col=1)  # no half payments on the axis
    _finish(figure)
    amount = f"Succeeded ({currency.upper()})"
    rows = _rows(
        now,
        before,
        {"Succeeded payments": lambda each: each.succeeded, amount: lambda each: _major(each.amount_minor, currency)},
    )
    return Chart(
        "volume",
        f"How much comes in{_each_step(now)}?",
        figure,
        f"Bar charts of what succeeded payments came to in {currency.upper()} and how many there were.",
        rows,
        _beside(amount, "accounting"),
    )


def disputes(now: Sequence[Day], before: Sequence[Day], currency: str) -> Chart:
    """How many disputes were opened, by the day they were opened."""
    figure = _framed("disputes opened")
    _bars_over_line(
        figure,
        [each.day for each in now],
        now,
        before,
        lambda each: each.disputes,
        lambda each: f"{each.disputes:,} disputes over {Money(each.disputed_minor, currency)}",
        FAILURE,
        _bar_width(now),
    )
    most = max((each.disputes for each in [*now, *before]), default=0)
    figure.update_yaxes(rangemode="tozero", tickformat=",d", dtick=1 if most <= 5 else None)
    if most == 0:
        figure.update_yaxes(range=[0, 4])
    rows = _rows(
        now,
        before,
        {
            "Disputes": lambda each: each.disputes,
            f"Disputed ({currency.upper()})": lambda each: _major(each.disputed_minor, currency),
        },
    )
    return Chart(
        "disputes",
        "Are disputes rising?",
        figure,
        "Bar chart of disputes opened, with the period before.",
        rows,
        _beside(f"Disputed ({currency.upper()})", "accounting"),
    )


def disputes_by_reason(found: Sequence[dict[str, Any]], currency: str) -> Chart:
    """How disputes ended, a bar a reason; those not decided yet are part of it."""
    figure = _framed("disputes opened", horizontal=True)
    titles = [each["title"] for each in found]
    open_ones = [each["disputes"] - each["won"] - each["lost"] for each in found]
    for name, counts, colour in (
        ("won", [each["won"] for each in found], NOW),
        ("lost", [each["lost"] for each in found], FAILURE),
        ("not decided", open_ones, BEFORE),
    ):
        figure.add_bar(
            y=titles,
            x=counts,
            name=name,
            orientation="h",
            marker={"color": colour},
            hovertemplate="%{y}: %{x:,} " + name + "<extra></extra>",
        )
    figure.update_layout(barmode="stack", bargap=0.35)
    figure.update_yaxes(autorange="reversed", automargin=True, ticklabelstandoff=6)
    figure.update_xaxes(tickformat=",d", dtick=1 if max((each["disputes"] for each in found), default=0) <= 5 else None)
    if not found:
        figure.update_xaxes(visible=False).update_yaxes(visible=False)
        figure.add_annotation(
            text="No dispute was opened.",
            showarrow=False,
            x=0.5,
            y=0.5,
            xref="paper",
            yref="paper",
            font={"color": LINE},
        )

    def rows() -> pd.DataFrame:
        return pd.DataFrame(
            {
                "Reason": titles,
                "Opened": [each["disputes"] for each in found],
                "Won": [each["won"] for each in found],
                "Lost": [each["lost"] for each in found],
                "Win rate": [each["win_rate"] for each in found],
                f"Amount ({currency.upper()})": [_major(each["amount_minor"], currency) for each in found],
            }
        )

    return Chart(
        "disputes-by-reason",
        "Which disputes do we win?",
        figure,
        "Bar chart of disputes by reason, with how many were won, lost and are not decided yet.",
        rows,
        {"Win rate": "percent", f"Amount ({currency.upper()})": "accounting"},
    )


def _bars_over_line(
    figure: go.Figure,
    days: Sequence[date],
    now: Sequence[Day],
    before: Sequence[Day],
    read: Callable[[Day], float],
    written: Callable[[Day], str],
    colour: str,
    width_ms: int,
    place: int | None = None,
) -> None:
    """The period as bars, the one before as a faint line over them; one legend however many rows."""
    where = {} if place is None else {"row": place, "col": 1}
    hover = "%{customdata}<extra></extra>"
    figure.add_bar(
        x=days,
        y=[read(each) for each in now],
        name="now",
        marker={"color": colour, "line": {"width": 0}},
        width=width_ms,
        customdata=[f"{each.day:%a %-d %b %Y}: {written(each)}" for each in now],
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
        **_faint(),
        **where,
    )


def _framed(unit: str, *, horizontal: bool = False) -> go.Figure:
    figure = go.Figure()
    (figure.update_xaxes if horizontal else figure.update_yaxes)(title_text=unit, title_standoff=6)
    return _finish(figure)


def _finish(figure: go.Figure) -> go.Figure:
    return figure.update_layout(
        height=HEIGHT_PIXELS,
        margin={"l": 8, "r": 8, "t": 26, "b": 8},
        hovermode="closest",
        uirevision="kept",
        legend={"orientation": "h", "y": 1.02, "x": 1, "xanchor": "right", "yanchor": "bottom"},
        bargap=0.2,
    )


def _rows(
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


def _beside(title: str, shown_as: str) -> dict[str, str]:
    """The format of a column and of the one beside it, which has the period before."""
    return {title: shown_as, f"{title} before": shown_as}


def _by_day(incidents: Sequence[Mapping[str, Any]]) -> dict[date, list[str]]:
    """What began on each day, as text that Plotly reads no markup from."""
    days: dict[date, list[str]] = {}
    for each in incidents:
        title = each["title"].replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        days.setdefault(date.fromisoformat(each["day"]), []).append(title)
    return days


def _each_step(days: Sequence[Day]) -> str:
    return " each week" if any(each.days > 1 for each in days) else " each day"


def _bar_width(days: Sequence[Day]) -> int:
    """Milliseconds of the axis that a bar takes: most of its day or week."""
    return int(max((each.days for each in days), default=1) * 86_400_000 * 0.8)


def _major(minor: int, currency: str) -> float:
    return round(minor / float(10 ** exponent(currency)), exponent(currency))


def _solid(colour: str) -> dict[str, Any]:
    return {"line": {"color": colour, "width": 2}}


def _faint() -> dict[str, Any]:
    return {"line": {"color": BEFORE, "width": 1.5}}
