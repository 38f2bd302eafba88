"""The chart of each provider's consultations compared with their fair share."""

from collections.abc import Sequence

import pandas as pd  # type: ignore[import-untyped]
import plotly.graph_objects as go  # type: ignore[import-untyped]

from core.providers.consultation_rows import MeasuredDistribution, ProviderShare
from core.ui.kit.charts import LINE, NOW, Chart

MOST_BARS = 20
MOST_TICKS = 5  # so many whole numbers are on an axis that plotly would divide into halves
BAR_PIXELS = 22


def distribution(spread: MeasuredDistribution) -> Chart:
    """The providers with the most consultations, each with a mark at the fair share; the table has all providers."""
    shown = spread["items"][:MOST_BARS]
    names = [f"{place}" for place in range(len(shown))]
    figure = go.Figure()
    figure.add_bar(
        y=names,
        x=[each["assigned"] for each in shown],
        name="assigned",
        orientation="h",
        marker={"color": NOW, "line": {"width": 0}},
        customdata=[
            _plain(f"{each['name']}: {each['assigned']:,}, of which {each['fallbacks']:,} outside the specialty")
            for each in shown
        ],
        hovertemplate="%{customdata}<extra></extra>",
    )
    figure.add_scatter(
        y=names,
        x=[each["fair_share"] for each in shown],
        name="fair share",
        mode="markers",
        marker={"symbol": "line-ns", "size": 15, "line": {"width": 3, "color": LINE}},
        customdata=[_plain(f"{each['name']}: the fair share is {each['fair_share']:.1f}") for each in shown],
        hovertemplate="%{customdata}<extra></extra>",
    )
    figure.update_yaxes(
        tickvals=names,
        ticktext=[_plain(_short(each["name"])) for each in shown],
        autorange="reversed",
        automargin=True,
        ticklabelstandoff=6,
    )
    figure.update_xaxes(
        title_text="consultations", title_standoff=6, rangemode="tozero", tickformat=",d", dtick=_whole(shown)
    )
    figure.update_layout(
        height=90 + BAR_PIXELS * max(len(shown), 4),
        margin={"l": 8, "r": 8, "t": 26, "b": 8},
        hovermode="closest",
        uirevision="kept",
        bargap=0.35,
        legend={"orientation": "h", "y": 1.0, "x": 1, "xanchor": "right", "yanchor": "bottom"},
    )
    more = len(spread["items"]) - len(shown)
    who = f"the top {len(shown)} providers" if more > 0 else "each provider"
    return Chart(
        "distribution",
        "Is the workload balanced?" + (f" The top {len(shown)} providers" if more > 0 else ""),
        figure,
        f"Bar chart of the consultations of {who}, each beside the fair share.",
        lambda: _rows(spread),
    )


def _rows(spread: MeasuredDistribution) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "Provider": each["name"],
                "Assigned": each["assigned"],
                "Fair share": round(each["fair_share"], 1),
                "Outside the specialty": each["fallbacks"],
                "Open consultations": each["pending"],
                "Capacity": each["capacity"],
            }
            for each in spread["items"]
        ]
    )


def _short(name: str) -> str:
    return name if len(name) <= 24 else f"{name[:23]}…"


def _plain(text: str) -> str:
    """The text with markup escaped for Plotly."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _whole(shown: Sequence[ProviderShare]) -> int | None:
    """The step of the axis: one consultation where there are few, so that no tick lies between two."""
    longest = max((max(each["assigned"], each["fair_share"]) for each in shown), default=0)
    return 1 if longest <= MOST_TICKS else None
