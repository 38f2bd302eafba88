"""Sparklines: a figure's days as a line the size of a word."""

import base64
from collections.abc import Sequence
from html import escape

WIDTH, HEIGHT, MOST_POINTS = 120, 28, 60
_STYLE = (
    "polyline,path{fill:none;stroke:#2f9180;stroke-width:1.5;vector-effect:non-scaling-stroke}"
    "polyline.open{stroke-dasharray:2 2}path{stroke-width:5;stroke-linecap:round}"
)


def image(days: Sequence[float | None], *, unfinished: bool, described: str) -> str:
    """The sparkline as an HTML element; empty with fewer than two days."""
    drawn = svg(days, unfinished=unfinished)
    if not drawn:
        return ""
    encoded = base64.b64encode(drawn.encode()).decode()
    return f'<img class="payops-spark" src="data:image/svg+xml;base64,{encoded}" alt="{escape(described)}">'


def svg(days: Sequence[float | None], *, unfinished: bool) -> str:
    """The sparkline as SVG: gaps where there is no value, and today, which is not over yet, as a point."""
    known = [each for each in days if each is not None]
    if len(known) < 2:
        return ""
    low, high = min(known), max(known)
    points = _thinned(days)
    step = WIDTH / max(len(points) - 1, 1)

    def y(value: float) -> float:
        return HEIGHT - 3 - (value - low) / (high - low) * (HEIGHT - 6) if high > low else HEIGHT / 2

    placed = [None if each is None else (at * step, y(each)) for at, each in enumerate(points)]
    finished = placed[:-1] if unfinished else placed
    lines = "".join(f'<polyline points="{_joined(part)}"/>' for part in _parts(finished))
    last, before = placed[-1], placed[-2]
    if unfinished and last:
        lines += f'<path d="M{last[0] - 1:.1f},{last[1]:.1f}h0"/>'
        if before:
            lines += f'<polyline class="open" points="{_joined([before, last])}"/>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none">'
        f"<style>{_STYLE}</style>{lines}</svg>"
    )


def _thinned(days: Sequence[float | None]) -> list[float | None]:
    """At most `MOST_POINTS` points, each the mean of the days it stands for; the last day keeps a point of its own."""
    size = -(-len(days) // MOST_POINTS)
    first = len(days) % size
    starts = ([0] if first else []) + list(range(first, len(days), size))
    return [_mean(days[start : first if start < first else start + size]) for start in starts]


def _mean(days: Sequence[float | None]) -> float | None:
    known = [each for each in days if each is not None]
    return sum(known) / len(known) if known else None


def _parts(placed: Sequence[tuple[float, float] | None]) -> list[list[tuple[float, float]]]:
    """The runs of consecutive days that have a value."""
    parts: list[list[tuple[float, float]]] = [[]]
    for point in placed:
        if point is None:
            parts.append([])
        else:
            parts[-1].append(point)
    return [part for part in parts if len(part) > 1]


def _joined(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
