"""The United States as a grid of equal tiles: no map has to be fetched, and small states are seen."""

from collections.abc import Mapping

import plotly.graph_objects as go  # type: ignore[import-untyped]

ROWS = (
    "AK .. .. .. .. .. .. .. .. .. .. ME",
    ".. .. .. .. .. .. .. .. .. .. VT NH",
    "WA ID MT ND MN IL WI MI NY RI MA ..",
    "OR NV WY SD IA IN OH PA NJ CT .. ..",
    "CA UT CO NE MO KY WV VA MD DE .. ..",
    ".. AZ NM KS AR TN NC SC DC .. .. ..",
    ".. .. .. OK LA MS AL GA .. .. .. ..",
    "HI .. .. TX .. .. .. .. FL .. PR VI",
    "GU MP AS .. .. .. .. .. .. .. .. ..",
)
TILES = {code: (x, y) for y, row in enumerate(ROWS) for x, code in enumerate(row.split()) if code != ".."}


def grid(values: Mapping[str, float], words: Mapping[str, str]) -> go.Figure:
    """Each state's tile in the shade of its value, with what `words` says of it on hover."""
    cells: list[list[float | None]] = [[None] * 12 for _ in ROWS]
    texts, hovers = [[""] * 12 for _ in ROWS], [[""] * 12 for _ in ROWS]
    for code, (x, y) in TILES.items():
        cells[y][x] = values.get(code, 0)
        texts[y][x] = f"{code}<br>{values.get(code, 0):g}"
        hovers[y][x] = words.get(code, code)
    figure = go.Figure(
        go.Heatmap(
            z=cells,
            text=texts,
            customdata=hovers,
            texttemplate="%{text}",
            hovertemplate="%{customdata}<extra></extra>",
            colorscale="Blues",
            xgap=3,
            ygap=3,
            showscale=False,
        )
    )
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False, autorange="reversed", scaleanchor="x")
    return figure.update_layout(height=430, margin={"l": 0, "r": 0, "t": 0, "b": 0})
