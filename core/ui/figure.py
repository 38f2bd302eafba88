"""A Plotly figure that is written down as it is told, without Plotly's checks and copies, which cost most of its time.

It knows what our charts use. A test gives every chart to Plotly's own figure, which checks it.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from functools import cache
from typing import Any

import plotly.graph_objects as go  # type: ignore[import-untyped]
import plotly.io  # type: ignore[import-untyped]
from plotly.basedatatypes import BaseFigure  # type: ignore[import-untyped]
from plotly.subplots import make_subplots  # type: ignore[import-untyped]

Tree = dict[str, Any]
# Names that have an underline in them; any other one leads to a part: `title_text` to the text of `title`.
_WHOLE = frozenset({"paper_bgcolor", "plot_bgcolor"})


class Figure(BaseFigure):  # type: ignore[misc]  # as one, Streamlit takes it as it is
    """Called like Plotly's own; `rows` of subplots lie below each other and share the horizontal axis."""

    def __init__(self, layout: Mapping[str, Any] | None = None, *, rows: Sequence[float] = ()):
        self._traces: list[Tree] = []
        self._drawn: Tree = {}
        self._rows = max(len(rows), 1)
        if rows:
            self._drawn = deepcopy(_subplots(tuple(rows)))
        self.update_layout(**layout or {})

    @property
    def data(self) -> Any:
        """The traces, checked by Plotly."""
        return go.Figure(self.to_dict()).data

    @property
    def layout(self) -> Any:
        """The layout, checked by Plotly."""
        return go.Figure(self.to_dict()).layout

    @property
    def traces(self) -> list[Tree]:
        """The traces as they were told, to be changed in place."""
        return self._traces

    def to_dict(self) -> Tree:
        return {"data": self._traces, "layout": {"template": _template(plotly.io.templates.default), **self._drawn}}

    def add_bar(self, *, row: int | None = None, col: int | None = None, **said: Any) -> None:
        self._add("bar", row, said)

    def add_scatter(self, *, row: int | None = None, col: int | None = None, **said: Any) -> None:
        self._add("scatter", row, said)

    def add_heatmap(self, **said: Any) -> None:
        self._add("heatmap", None, said)

    def add_waterfall(self, **said: Any) -> None:
        self._add("waterfall", None, said)

    def update_layout(self, **said: Any) -> "Figure":
        _merge(self._drawn, said)
        return self

    def update_xaxes(self, *, row: int | None = None, col: int | None = None, **said: Any) -> "Figure":
        return self._update_axes("xaxis", row, said)

    def update_yaxes(self, *, row: int | None = None, col: int | None = None, **said: Any) -> "Figure":
        return self._update_axes("yaxis", row, said)

    def add_annotation(self, **said: Any) -> None:
        self._drawn.setdefault("annotations", []).append(_merge({}, said))

    def add_hline(self, y: Any, **said: Any) -> None:
        for axis in self._axes():
            self._add_shape({"type": "line", "x0": 0, "x1": 1, "xref": f"x{axis} domain", "y0": y, "y1": y}, said, axis)

    def add_vline(self, x: Any, **said: Any) -> None:
        for axis in self._axes():
            self._add_shape({"type": "line", "x0": x, "x1": x, "y0": 0, "y1": 1}, said, axis)

    def add_vrect(self, x0: Any, x1: Any, **said: Any) -> None:
        for axis in self._axes():
            self._add_shape({"type": "rect", "x0": x0, "x1": x1, "y0": 0, "y1": 1}, said, axis)

    def _add(self, kind: str, row: int | None, said: Mapping[str, Any]) -> None:
        trace = _merge({"type": kind}, said)
        if row is not None:
            trace |= {"xaxis": f"x{_number(row)}", "yaxis": f"y{_number(row)}"}
        self._traces.append(trace)

    def _add_shape(self, shape: Tree, said: Mapping[str, Any], axis: str) -> None:
        places = {"xref": f"x{axis}", "yref": f"y{axis}" + ("" if "xref" in shape else " domain")}
        self._drawn.setdefault("shapes", []).append(_merge(places | shape, said))

    def _axes(self) -> list[str]:
        return [_number(row) for row in range(1, self._rows + 1)]

    def _update_axes(self, which: str, row: int | None, said: Mapping[str, Any]) -> "Figure":
        for number in self._axes() if row is None else [_number(row)]:
            _merge(self._drawn.setdefault(f"{which}{number}", {}), said)
        return self


def _number(row: int) -> str:
    """How Plotly numbers the axes of this row."""
    return "" if row == 1 else str(row)


def _merge(into: Tree, said: Mapping[str, Any]) -> Tree:
    """What is said, in its place; None takes away."""
    for name, value in said.items():
        head, _, rest = (name, "", "") if name in _WHOLE else name.partition("_")
        if rest:
            _merge(into.setdefault(head, {}), {rest: value})
        elif isinstance(value, Mapping):
            _merge(into.setdefault(head, {}), value)
        elif value is None:
            into.pop(head, None)
        else:
            into[head] = value
    return into


@cache
def _template(name: str) -> Tree:
    """What Streamlit's theme is put into."""
    found: Tree = plotly.io.templates[name].to_plotly_json()
    return found


@cache
def _subplots(heights: tuple[float, ...]) -> Tree:
    drawn = make_subplots(
        rows=len(heights), cols=1, shared_xaxes=True, vertical_spacing=0.12, row_heights=list(heights)
    )
    found: Tree = drawn.to_dict()["layout"]
    return {name: part for name, part in found.items() if name != "template"}
