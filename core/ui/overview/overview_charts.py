"""The charts of the overview."""

from collections.abc import Callable, Collection, Sequence
from datetime import date
from functools import cache, partial
from typing import Any

import pandas as pd  # type: ignore[import-untyped]
from plotly.subplots import make_subplots  # type: ignore[import-untyped]

from core.figures.days import Day, in_steps
from core.figures.definitions import SUCCESS_TARGET
from core.money import Money
from core.monitoring.overview import Mark, Overview, cause_title, mark_in_words
from core.ui.disputes import dispute_charts
from core.ui.kit import charts

Drawn = dict[str, Any]


class Charts:
    """The overview's charts by their names, in order, each built when it is first drawn; `today` is not over yet."""

    def __init__(self, overview: Overview, *, today: date) -> None:
        now, before = in_steps(overview.daily), in_steps(overview.previous_daily)
        unfinished = overview.period.until >= today
        causes, earlier = (each["failures_by_category"] for each in (overview.figures, overview.previous))
        currency, marks = overview.currency, overview.marks
        self._build: dict[str, Callable[[], charts.Chart]] = {
            "success-rate": cache(partial(success_rate, now, before, marks, unfinished=unfinished)),
            "failures": cache(partial(failures_by_cause, causes, earlier, currency)),
            "volume": cache(partial(volume, now, before, currency, marks, unfinished=unfinished)),
            "disputes": cache(partial(dispute_charts.opened, now, before, currency, unfinished=unfinished)),
        }

    def named(self, names: Collection[str]) -> list[charts.Chart]:
        return [build() for name, build in self._build.items() if name in names]

    def but(self, names: Collection[str]) -> list[charts.Chart]:
        """All others."""
        return self.named(self._build.keys() - set(names))


def success_rate(
    now: Sequence[Day], before: Sequence[Day], marks: Sequence[Mark] = (), *, unfinished: bool = False
) -> charts.Chart:
    """The share of payments that succeeded, against the target."""
    target, days = SUCCESS_TARGET * 100, [each.day for each in now]
    lines, signs = _marked(marks, now)
    figure = charts.framed(
        "% of payments",
        over_days=True,
        margin={**charts.LAYOUT["margin"], **charts.ROOM_FOR_DAYS, "r": 52},
        shapes=[_line("x", y0=target, y1=target, color=charts.LINE, dash="dash", width=1.5), *lines],
        annotations=[_beside(target, f"target<br>{target:.0f}%"), *signs],
    )
    for series, style, name in ((before, charts.faint(), "before"), (now, charts.solid(charts.NOW), "now")):
        shares = [None if each.success_rate is None else each.success_rate * 100 for each in series]
        if unfinished and series is now and len(now) > 1:
            shares[-1] = None
        figure.add_scatter(
            x=days,
            y=shares,
            name=name,
            # A line alone has no points to click on.
            mode="lines+markers" if series is now or None in shares[:-1] or len(days) < 3 else "lines",
            marker={"size": 4},
            connectgaps=False,
            customdata=[[f"{each.day:%a %-d %b %Y}", each.succeeded, each.payments] for each in series],
            hovertemplate="%{customdata[0]}: %{y:.1f}% (%{customdata[1]:,} of %{customdata[2]:,})<extra>"
            + name
            + "</extra>",
            **style,
        )
    if unfinished and len(now) > 1 and now[-1].success_rate is not None:
        _open_end(figure, now)
    rows = charts.comparison_rows(
        now,
        before,
        {
            "Payments": lambda each: each.payments,
            "Succeeded": lambda each: each.succeeded,
            "Failed": lambda each: each.failed,
            "Success rate": lambda each: None if each.success_rate is None else round(each.success_rate, 4),
        },
    )
    return charts.Chart(
        "success-rate",
        f"Do enough payments succeed{charts.each_step(now)}?",
        figure,
        "Line chart of the share of payments that succeeded, with the previous period and the target of 95 percent.",
        rows,
        charts.with_previous("Success rate", "percent"),
    )


def failures_by_cause(now: Sequence[dict[str, Any]], before: Sequence[dict[str, Any]], currency: str) -> charts.Chart:
    """The number of failed payments by cause."""
    figure = charts.framed(
        "failed payments",
        horizontal=True,
        y={"autorange": "reversed", "automargin": True, "ticklabelstandoff": 6},
        bargap=0.3,
        bargroupgap=0.05,
        legend=charts.LAYOUT["legend"] | {"traceorder": "reversed"},
    )
    earlier = {each["key"]: each["count"] for each in before}
    keys = [each["key"] for each in now] + [key for key in earlier if key not in {each["key"] for each in now}]
    counts = {each["key"]: each["count"] for each in now}
    titles = [cause_title(key) for key in keys]
    for name, found, colour in (("before", earlier, charts.BEFORE), ("now", counts, charts.FAILURE)):
        figure.add_bar(
            y=titles,
            x=[found.get(key, 0) for key in keys],
            name=name,
            orientation="h",
            marker={"color": colour},
            hovertemplate="%{y}: %{x:,}<extra>" + name + "</extra>",
        )
    if not keys:
        charts.no_data(figure, "No payment failed in this or the previous period.")
    amounts = {each["key"]: each["amount"] for each in now}

    def rows() -> pd.DataFrame:
        return pd.DataFrame(
            {
                "Cause": titles,
                "Failed": [counts.get(key, 0) for key in keys],
                "Failed before": [earlier.get(key, 0) for key in keys],
                f"Amount ({currency.upper()})": [charts.major(amounts.get(key, 0), currency) for key in keys],
            }
        )

    return charts.Chart(
        "failures",
        "Why do payments fail?",
        figure,
        "Bar chart of failed payments by cause, beside the previous period.",
        rows,
        {f"Amount ({currency.upper()})": "accounting"},
    )


def volume(
    now: Sequence[Day],
    before: Sequence[Day],
    currency: str,
    marks: Sequence[Mark] = (),
    *,
    unfinished: bool = False,
) -> charts.Chart:
    """The amount collected and the number of succeeded payments."""
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.12, row_heights=[0.6, 0.4])
    days, width = [each.day for each in now], charts.bar_width(now)
    for place, colour, unit, read, written in (
        (
            1,
            charts.MONEY,
            currency.upper(),
            lambda each: float(charts.major(each.amount_minor, currency)),
            lambda each: str(Money(each.amount_minor, currency)),
        ),
        (2, charts.NOW, "payments", lambda each: each.succeeded, lambda each: f"{each.succeeded:,} payments"),
    ):
        charts.bars_over_line(figure, days, now, before, read, written, colour, width, place, unfinished=unfinished)
        figure.update_yaxes(title_text=unit, row=place, col=1, rangemode="tozero", nticks=4, tickformat="~s")
        if max((read(each) for each in [*now, *before]), default=0) < 4:
            figure.update_yaxes(dtick=1, row=place, col=1)  # counts are whole: no half payments on the axis
    charts.finish(figure)
    lines, signs = _marked(marks, now)
    figure.update_layout(shapes=lines, annotations=signs)
    amount = f"Succeeded ({currency.upper()})"
    rows = charts.comparison_rows(
        now,
        before,
        {
            "Succeeded payments": lambda each: each.succeeded,
            amount: lambda each: charts.major(each.amount_minor, currency),
        },
    )
    return charts.Chart(
        "volume",
        f"How much is collected{charts.each_step(now)}?",
        figure,
        f"Bar charts of the amount collected in {currency.upper()} and of the number of payments.",
        rows,
        charts.with_previous(amount, "accounting"),
    )


# The look of each kind of mark; its text is shown on hover.
SIGNS = {
    "incident": ("▼", charts.FAILURE),
    "paused": ("⏸", charts.LINE),
    "resumed": ("▶", charts.LINE),
    "deployed": ("◆", charts.MONEY),
}


def _open_end(figure: Any, now: Sequence[Day]) -> None:
    """The current day, drawn as an open point at the end of a dotted line because it is not over yet."""
    known = [each for each in now[:-1] if each.success_rate is not None]
    ends = [*known[-1:], now[-1]]
    figure.add_scatter(
        x=[each.day for each in ends],
        y=[(each.success_rate or 0) * 100 for each in ends],
        mode="lines+markers",
        marker={"symbol": "circle-open", "size": 7, "color": charts.NOW, "opacity": [0] * len(known[-1:]) + [1]},
        line={"color": charts.NOW, "width": 1.5, "dash": "dot"},
        customdata=[[f"{each.day:%a %-d %b %Y}", each.succeeded, each.payments] for each in ends],
        hovertemplate="%{customdata[0]} so far: %{y:.1f}% (%{customdata[1]:,} of %{customdata[2]:,})<extra></extra>",
        showlegend=False,
    )


def _marked(marks: Sequence[Mark], days: Sequence[Day]) -> tuple[list[Drawn], list[Drawn]]:
    """What happened, on the time axis: a line on its day, and a sign above it with its words under the pointer."""
    lines, above = [], []
    for day, happened in _by_step(marks, days).items():
        signs = list(dict.fromkeys(each["kind"] for each in happened))
        colour = SIGNS[signs[0]][1]
        lines.append(_line("y", x0=day.isoformat(), x1=day.isoformat(), color=colour, dash="dot", width=1))
        above.append(
            {
                "x": day.isoformat(),
                "y": 1,
                "yref": "paper",
                "yanchor": "bottom",
                "text": "".join(SIGNS[kind][0] for kind in signs),
                "showarrow": False,
                "hovertext": "<br>".join(_escaped(f"{mark_in_words(each)}") for each in happened),
                "font": {"color": colour, "size": 10},
            }
        )
    return lines, above


def _line(across: str, *, color: str, dash: str, width: float, **ends: Any) -> Drawn:
    """A line over the whole chart along one axis, at one place of the other."""
    whole = {f"{across}ref": "paper", f"{across}0": 0, f"{across}1": 1}
    return {"type": "line", "line": {"color": color, "dash": dash, "width": width}, **whole, **ends}


def _beside(level: float, text: str) -> Drawn:
    font = {"color": charts.LINE, "size": 11}
    place = {"x": 1.01, "xref": "paper", "xanchor": "left", "y": level}
    return {"text": text, "align": "left", "showarrow": False, "font": font, **place}


def _by_step(marks: Sequence[Mark], days: Sequence[Day]) -> dict[date, list[Mark]]:
    """The marks grouped by the days or weeks that the chart shows."""
    steps: dict[date, list[Mark]] = {}
    for each in marks:
        at = date.fromisoformat(each["day"])
        step = next((day.day for day in reversed(days) if day.day <= at), None)
        if step:
            steps.setdefault(step, []).append(each)
    return steps


def _escaped(text: str) -> str:
    """The text with markup escaped, since Plotly would interpret it."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
