"""The chart of the events of the last hour."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pandas as pd  # type: ignore[import-untyped]
import plotly.graph_objects as go  # type: ignore[import-untyped]

from core.ui import session
from core.ui.kit.charts import FAILURE, NOW, Chart

HEIGHT_PIXELS = 224  # as high as the lines of the ticker beside it


def pulse(minutes: Sequence[Mapping[str, Any]]) -> Chart:
    """The events of each minute; failed and quarantined ones in their own colour."""
    zone = session.settings().business_zone
    at = [datetime.fromisoformat(each["minute"]).astimezone(zone).replace(tzinfo=None) for each in minutes]
    healthy = [each["events"] - each["spoiled"] for each in minutes]
    spoiled = [each["spoiled"] for each in minutes]
    figure = go.Figure(
        layout={
            "height": HEIGHT_PIXELS,
            "margin": {"l": 8, "r": 8, "t": 26, "b": 8},
            "bargap": 0.15,
            "barmode": "stack",
            "hovermode": "x unified",
            "uirevision": "kept",
            "legend": {"orientation": "h", "y": 1.02, "x": 1, "xanchor": "right", "yanchor": "bottom"},
        }
    )
    for name, counts, colour in (("handled", healthy, NOW), ("failed or quarantined", spoiled, FAILURE)):
        figure.add_bar(
            x=at,
            y=counts,
            name=name,
            marker={"color": colour, "line": {"width": 0}},
            customdata=[each["minute"] for each in minutes],
            hovertemplate="%{y:,} " + name + "<extra></extra>",
        )
    most = max((each["events"] for each in minutes), default=0)
    figure.update_yaxes(
        title_text="events", title_standoff=6, rangemode="tozero", nticks=4, range=[0, max(most, 4) * 1.1]
    )
    figure.update_xaxes(tickformat="%H:%M", nticks=7)
    return Chart(
        "pulse",
        "How many arrive each minute?",
        figure,
        "Bar chart of the events of each of the last 60 minutes.",
        lambda: pd.DataFrame({"Minute": at, "Handled": healthy, "Failed or quarantined": spoiled}),
    )
