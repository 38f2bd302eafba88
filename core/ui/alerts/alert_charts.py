"""Charts of alerts: when each rule fired, and a rule's measure over the days of a dry run."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pandas as pd  # type: ignore[import-untyped]

from core.figures.wording import counted
from core.monitoring.alerts.board import Alert
from core.monitoring.alerts.dry_run import BELOW, DryRun
from core.monitoring.alerts.rule import Rule
from core.ui import session
from core.ui.alerts.alert_details import title_of
from core.ui.kit import charts
from core.ui.kit.charts import FAILURE, LINE, MONEY, NOW, Chart

ROW_PIXELS, FRAME_PIXELS = 26, 70
SHORTEST = timedelta(hours=5)  # a shorter bar could not be seen
PER_CENT = ("share", "points")


def history(found: Sequence[Alert], now: datetime) -> Chart:
    """One line for each rule, with a bar for each time that it fired."""
    titles = list(dict.fromkeys(title_of(alert["rule"]) for alert in found))
    spans = [(_local(alert["firing_since"]), _local(alert["resolved_at"] or now.isoformat())) for alert in found]
    figure = charts.framed("", horizontal=True)
    figure.add_bar(
        base=[min(since, until - SHORTEST) for since, until in spans],
        x=[max(until - since, SHORTEST) / timedelta(milliseconds=1) for since, until in spans],
        y=[title_of(alert["rule"]) for alert in found],
        orientation="h",
        width=0.5,
        marker={
            "color": [FAILURE if alert["severity"] != "warning" else MONEY for alert in found],
            "line": {"width": 0},
        },
        customdata=[
            f"{since:%-d %b, %H:%M} to {until:%-d %b, %H:%M}{'' if alert['resolved_at'] else ', still firing'}"
            for alert, (since, until) in zip(found, spans, strict=True)
        ],
        hovertemplate="%{customdata}<extra></extra>",
        showlegend=False,
    )
    figure.update_layout(height=FRAME_PIXELS + ROW_PIXELS * len(titles), margin_t=8, barmode="overlay")
    figure.update_yaxes(categoryorder="array", categoryarray=titles[::-1], automargin=True)
    figure.update_xaxes(
        type="date", range=[_local((now - timedelta(days=30)).isoformat()), _local(now.isoformat())], title_text=""
    )
    return Chart(
        "alert-history",
        "What fired when?",
        figure,
        f"Timeline of {counted(len(found), 'alert')} over 30 days, a line for each rule.",
        lambda: pd.DataFrame(
            {
                "Rule": [title_of(alert["rule"]) for alert in found],
                "Fired": [_local(alert["firing_since"]) for alert in found],
                "Resolved": [_local(alert["resolved_at"]) if alert["resolved_at"] else None for alert in found],
                "What it said": [alert["sentence"] for alert in found],
            }
        ),
    )


def dry_run(run: DryRun) -> Chart:
    """The measure over the days with its threshold; behind it, the times at which the rule would have fired."""
    rule = run.rule
    scale = 100 if rule.value_unit in PER_CENT else 1
    frame = _worst_of_each_hour(run, scale)
    figure = charts.framed(_unit(rule))
    figure.add_scatter(
        x=frame["at"],
        y=frame["value"],
        mode="lines" if len(frame) > 2 else "markers",
        line={"color": NOW, "width": 1.5},
        hovertemplate="%{x|%-d %b, %H:%M}: %{y:.1f}<extra></extra>",
        name="measured",
        connectgaps=False,
        showlegend=False,
    )
    if rule.unit == rule.value_unit:
        figure.add_hline(y=rule.threshold * scale, line={"color": LINE, "dash": "dot", "width": 1})
    for episode in run.episodes:
        since, until = episode.first.at, episode.until or run.moments[-1]
        figure.add_vrect(
            x0=_local(since.isoformat()),
            x1=_local(max(until, since + SHORTEST).isoformat()),
            fillcolor=FAILURE,
            opacity=0.28,
            line_width=0,
        )
    figure.update_xaxes(range=[_local(run.moments[0].isoformat()), _local(run.moments[-1].isoformat())])
    return Chart(
        "dry-run",
        "What was measured, and when would it have fired?",
        figure,
        f"Line of the measure over 30 days; {counted(len(run.episodes), 'span')} in which the rule would have fired.",
        lambda: frame.rename(columns={"at": "Hour", "value": _unit(rule)}),
    )


def _worst_of_each_hour(run: DryRun, scale: int) -> pd.DataFrame:
    """The worst value of each hour, since a screen cannot show more points; hours without a value stay gaps."""
    measured = [each for each in run.observed if each.value is not None and each.observations >= run.rule.minimum / 2]
    seen = pd.DataFrame(
        {
            "at": [_local(each.at.isoformat()) for each in measured],
            "value": [(each.value or 0) * scale for each in measured],
        }
    )
    hours = pd.date_range(_local(run.moments[0].isoformat()), _local(run.moments[-1].isoformat()), freq="1h")
    if seen.empty:
        return pd.DataFrame({"at": hours, "value": None})
    by_hour = seen.groupby(seen["at"].dt.floor("h"))["value"].agg("min" if run.rule.name in BELOW else "max")
    return pd.DataFrame({"at": hours, "value": by_hour.reindex(hours.floor("h")).to_numpy()})


def _unit(rule: Rule) -> str:
    return {"share": "%", "points": "%"}.get(rule.value_unit, rule.value_unit)


def _local(at: str) -> datetime:
    return datetime.fromisoformat(at).astimezone(session.settings().business_zone).replace(tzinfo=None)
