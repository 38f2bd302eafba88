"""The chart of refunds by day."""

from collections.abc import Sequence

import pandas as pd  # type: ignore[import-untyped]

from core.money import Money
from core.payments.refund_figures import RefundDay, RefundFigures, refunds_counted
from core.ui.kit.charts import BEFORE, MONEY, Chart, framed, no_data


def each_day(figures: RefundFigures) -> Chart:
    """The chart of refunds by day, with the previous period in the background."""
    currency, days = figures.currency, [each.day for each in figures.daily]
    figure = framed(currency.upper(), over_days=True, y={"rangemode": "tozero", "nticks": 5})
    hover = "%{customdata}<extra></extra>"
    figure.add_bar(
        x=days,
        y=_major(figures.daily, currency),
        name="now",
        marker={"color": MONEY, "line": {"width": 0}},
        customdata=_written(figures.daily, currency),
        hovertemplate=hover,
    )
    figure.add_scatter(
        x=days,
        y=_major(figures.previous_daily, currency),
        name="before",
        line={"color": BEFORE, "width": 1.5},
        mode="lines+markers" if len(days) < 3 else "lines",
        customdata=_written(figures.previous_daily, currency),
        hovertemplate=hover,
    )
    if not any(each.refunds for each in (*figures.daily, *figures.previous_daily)):
        no_data(figure, "Nothing was refunded in these days or before.")

    def rows() -> pd.DataFrame:
        return pd.DataFrame(
            {
                "Day": days,
                "Refunds": [each.refunds for each in figures.daily],
                f"Refunded ({currency.upper()})": _major(figures.daily, currency),
                f"Refunded before ({currency.upper()})": _major(figures.previous_daily, currency),
            }
        )

    return Chart(
        "refunded",
        "How much is refunded each day?",
        figure,
        f"Bar chart of the amount refunded in {currency.upper()}, with the previous period.",
        rows,
        {f"Refunded{part} ({currency.upper()})": "accounting" for part in ("", " before")},
    )


def _major(days: Sequence[RefundDay], currency: str) -> list[float]:
    return [float(Money(each.amount_minor, currency).major) for each in days]


def _written(days: Sequence[RefundDay], currency: str) -> list[str]:
    return [
        f"{each.day:%a %-d %b %Y}: {Money(each.amount_minor, currency)} in {refunds_counted(each.refunds)}"
        for each in days
    ]
