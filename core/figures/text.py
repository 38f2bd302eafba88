"""Figures as a person reads them."""

from collections.abc import Iterator
from typing import Any

from core.money import Money

MONEY = frozenset({"gross", "refunded", "fees", "net"})


def lines(overview: dict[str, Any]) -> Iterator[str]:
    """One line a figure; a figure that nothing is counted for is left out."""
    yield f"{overview['since']} to {overview['until']} ({overview['timezone']}), {overview['currency']}"
    for name, figure in overview["metrics"].items():
        if figure is None:
            continue
        title = name.replace("_", " ")
        if isinstance(figure, list):
            yield f"{title}: " + (", ".join(f"{each['key']} {each['count']}" for each in figure) or "none")
        else:
            yield f"{title}: {_one(name, figure, overview['currency'])}"


def _one(name: str, figure: dict[str, Any], currency: str) -> str:
    if "p50_ms" in figure:
        return (
            f"p50 {figure['p50_ms']:.0f} ms, p95 {figure['p95_ms']:.0f} ms, n {figure['n']}" if figure["n"] else "none"
        )
    if figure["value"] is None:
        return "none"
    if "denominator" in figure:
        return f"{figure['value']:.1%} ({figure['numerator']} of {figure['denominator']})"
    if "amount" in figure:
        return f"{figure['value']} ({Money(figure['amount'], currency)} a month)"
    return str(Money(figure["value"], currency)) if name in MONEY or name.startswith("mrr") else str(figure["value"])
