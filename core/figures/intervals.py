"""Confidence intervals of rates with few observations."""

from decimal import Decimal
from math import sqrt
from typing import Any

from core.figures.definition import Unit
from core.figures.definitions import METRICS

Z_95 = 1.959963984540054


def with_intervals(counted: dict[str, Any]) -> dict[str, Any]:
    """The figures counted in SQL, each rate with its interval; rates and times are floats, money is integers."""
    return {name: _with_interval(name, figure) for name, figure in counted.items()}


def wilson(numerator: int, denominator: int) -> tuple[float, float] | None:
    """The Wilson score interval at 95% (E. B. Wilson, 1927); None where there is nothing to divide by."""
    if denominator == 0:
        return None
    share, z_squared = min(numerator / denominator, 1.0), Z_95 * Z_95
    middle = share + z_squared / (2 * denominator)
    spread = Z_95 * sqrt(share * (1 - share) / denominator + z_squared / (4 * denominator * denominator))
    scale = 1 + z_squared / denominator
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


def _with_interval(name: str, figure: Any) -> Any:
    if not isinstance(figure, dict):
        return figure
    figure = {part: float(value) if isinstance(value, Decimal) else value for part, value in figure.items()}
    if "denominator" not in figure:
        return figure
    counted = None if METRICS[name].unit is Unit.RATE_BY_AMOUNT else wilson(figure["numerator"], figure["denominator"])
    low, high = counted or (None, None)
    return figure | {"low": low, "high": high}
