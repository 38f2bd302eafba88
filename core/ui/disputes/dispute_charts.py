"""The charts of disputes: how many were opened, and how many of them we won."""

from collections.abc import Sequence

import pandas as pd  # type: ignore[import-untyped]

from core.figures.days import Day
from core.figures.wording import counted
from core.money import Money
from core.payments.disputes.rows import ReasonRow
from core.ui.kit import charts


def opened(now: Sequence[Day], before: Sequence[Day], currency: str, *, unfinished: bool = False) -> charts.Chart:
    """The number of disputes opened each day or week."""
    most = max((each.disputes for each in [*now, *before]), default=0)
    whole: dict[str, object] = {"rangemode": "tozero", "tickformat": ",d", "dtick": 1 if most <= 5 else None}
    figure = charts.framed("disputes opened", over_days=True, y=whole)
    charts.bars_over_line(
        figure,
        [each.day for each in now],
        now,
        before,
        lambda each: each.disputes,
        lambda each: f"{counted(each.disputes, 'dispute')}, {Money(each.disputed_minor, currency)}",
        charts.FAILURE,
        charts.bar_width(now),
        unfinished=unfinished,
    )
    if most == 0:
        charts.no_data(figure, "No dispute was opened in these days or before.")
    rows = charts.comparison_rows(
        now,
        before,
        {
            "Disputes": lambda each: each.disputes,
            f"Disputed ({currency.upper()})": lambda each: charts.major(each.disputed_minor, currency),
        },
    )
    return charts.Chart(
        "disputes",
        "Are disputes rising?",
        figure,
        "Bar chart of disputes opened, with the previous period.",
        rows,
        charts.with_previous(f"Disputed ({currency.upper()})", "accounting"),
    )


def by_reason(found: Sequence[ReasonRow], currency: str) -> charts.Chart:
    """The outcome of disputes by reason, undecided ones included."""
    most = max((each["disputes"] for each in found), default=0)
    figure = charts.framed(
        "disputes opened",
        horizontal=True,
        x={"tickformat": ",d", "dtick": 1 if most <= 5 else None},
        y={"autorange": "reversed", "automargin": True, "ticklabelstandoff": 6},
        barmode="stack",
        bargap=0.35,
    )
    titles = [each["title"] for each in found]
    open_ones = [each["disputes"] - each["won"] - each["lost"] for each in found]
    for name, counts, colour in (
        ("won", [each["won"] for each in found], charts.NOW),
        ("lost", [each["lost"] for each in found], charts.FAILURE),
        ("not decided", open_ones, charts.BEFORE),
    ):
        figure.add_bar(
            y=titles,
            x=counts,
            name=name,
            orientation="h",
            marker={"color": colour},
            hovertemplate="%{y}: %{x:,} " + name + "<extra></extra>",
        )
    if not found:
        charts.no_data(figure, "No dispute was opened in this period.")

    def rows() -> pd.DataFrame:
        return pd.DataFrame(
            {
                "Reason": titles,
                "Opened": [each["disputes"] for each in found],
                "Won": [each["won"] for each in found],
                "Lost": [each["lost"] for each in found],
                "Win rate": [each["win_rate"] for each in found],
                f"Amount ({currency.upper()})": [charts.major(each["amount_minor"], currency) for each in found],
            }
        )

    return charts.Chart(
        "disputes-by-reason",
        "Which disputes do we win?",
        figure,
        "Bar chart of disputes by reason, with how many were won, lost and are not decided yet.",
        rows,
        {"Win rate": "percent", f"Amount ({currency.upper()})": "accounting"},
    )
