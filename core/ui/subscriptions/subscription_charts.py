"""The charts of subscriptions: the waterfall, the months, why customers left, and the retention of cohorts."""

from collections.abc import Sequence
from typing import Any

import pandas as pd  # type: ignore[import-untyped]

from core.billing.cohorts import Cohort, Month
from core.billing.subscription_figures import TITLES, Kind, Movement, SubscriptionFigures
from core.figures.wording import counted, percent
from core.money import Money
from core.ui.finance.revenue_charts import HOVER, waterfall
from core.ui.kit import charts
from core.ui.kit.charts import FAILURE, LINE, MONEY, NOW, Chart

COLOURS = {
    Movement.NEW: NOW,
    Movement.REACTIVATED: "#7fb8ac",
    Movement.EXPANSION: MONEY,
    Movement.CONTRACTION: "#d99a6c",
    Movement.CHURNED: FAILURE,
}
KINDS = {Kind.VOLUNTARY: MONEY, Kind.INVOLUNTARY: FAILURE, Kind.OTHER: LINE}


def movements(figures: SubscriptionFigures) -> Chart:
    """The waterfall from the recurring revenue at the start to that at the end."""
    currency = figures.currency
    steps = [(each.title, each.amount_minor) for each in figures.steps]
    figure, written = waterfall(f"{currency.upper()} a month", steps, currency)
    figure.data[0].customdata = [
        f"{words}, {counted(each.customers, 'customer')}" for words, each in zip(written, figures.steps, strict=True)
    ]
    figure.update_layout(clickmode="event+select", dragmode=False)
    unit = f"Amount ({currency.upper()})"
    frame = pd.DataFrame(
        {
            "Step": [each.title for each in figures.steps],
            unit: [charts.major(each.amount_minor, currency) for each in figures.steps],
            "Customers": [each.customers for each in figures.steps],
        }
    )
    return Chart(
        "movements",
        "What moved recurring revenue?",
        figure,
        f"Waterfall of monthly recurring revenue: {', '.join(written)}.",
        lambda: frame,
        {unit: "accounting"},
    )


def losses(figures: SubscriptionFigures) -> Chart:
    """The monthly recurring revenue of customers who left, by reason."""
    currency = figures.currency
    figure = charts.framed(
        f"{currency.upper()} a month",
        horizontal=True,
        y={"categoryorder": "total ascending", "automargin": True},
        barmode="stack",
    )
    for kind, colour in KINDS.items():
        these = [each for each in figures.losses if each.kind is kind]
        figure.add_bar(
            y=[each.title for each in these],
            x=[charts.major(each.amount_minor, currency) for each in these],
            name=kind,
            orientation="h",
            marker={"color": colour, "line": {"width": 0}},
            customdata=[
                f"{each.title}: {Money(each.amount_minor, currency)} of {counted(each.customers, 'customer')}"
                for each in these
            ],
            hovertemplate=HOVER,
        )
    if not figures.losses:
        charts.no_data(figure, "No customer left in this period.")
    unit = f"Monthly ({currency.upper()})"
    frame = pd.DataFrame(
        {
            "Reason": [each.title for each in figures.losses],
            "Kind": [str(each.kind) for each in figures.losses],
            "Customers": [each.customers for each in figures.losses],
            unit: [charts.major(each.amount_minor, currency) for each in figures.losses],
        }
    )
    return Chart(
        "losses",
        "Why did customers leave?",
        figure,
        "Bars of monthly revenue lost by reason, voluntary and involuntary.",
        lambda: frame,
        {unit: "accounting"},
    )


def months(found: Sequence[Month], currency: str) -> Chart:
    """Each month's movements as stacked bars."""
    figure = charts.framed(f"{currency.upper()} a month", y={"nticks": 6}, barmode="relative")
    titles = [f"{each.month:%b %y}" for each in found]
    for place, movement in enumerate(Movement, 1):
        figure.add_bar(
            x=titles,
            y=[charts.major(each.steps[place].amount_minor, currency) for each in found],
            name=TITLES[movement].lower(),
            marker={"color": COLOURS[movement], "line": {"width": 0}},
            customdata=[
                f"{title}: {TITLES[movement].lower()} {Money(each.steps[place].amount_minor, currency)}, "
                f"{counted(each.steps[place].customers, 'customer')}"
                for title, each in zip(titles, found, strict=True)
            ],
            hovertemplate=HOVER,
        )

    def rows() -> pd.DataFrame:
        table: dict[str, list[Any]] = {"Month": titles}
        for place, title in enumerate(["Start", *TITLES.values(), "End"]):
            table[title] = [charts.major(each.steps[place].amount_minor, currency) for each in found]
        return pd.DataFrame(table)

    return Chart(
        "revenue-months",
        "What moved it each month?",
        figure,
        f"Stacked bars of the movements of each month in {currency.upper()}.",
        rows,
        {title: "accounting" for title in ["Start", *TITLES.values(), "End"]},
    )


def growth(found: Sequence[Month], currency: str) -> Chart:
    """Recurring revenue at the end of each month."""
    figure = charts.framed(f"{currency.upper()} a month", y={"rangemode": "tozero", "nticks": 5})
    titles = [f"{each.month:%b %y}" for each in found]
    amounts = [each.steps[-1].amount_minor for each in found]
    figure.add_scatter(
        x=titles,
        y=[charts.major(minor, currency) for minor in amounts],
        mode="lines+markers",
        fill="tozeroy",
        fillcolor="rgba(47,145,128,.12)",
        customdata=[f"End of {title}: {Money(minor, currency)}" for title, minor in zip(titles, amounts, strict=True)],
        hovertemplate=HOVER,
        showlegend=False,
        **charts.solid(NOW),
    )
    unit = f"Recurring revenue ({currency.upper()})"
    frame = pd.DataFrame({"Month": titles, unit: [charts.major(minor, currency) for minor in amounts]})
    return Chart(
        "revenue-growth",
        "Does recurring revenue grow?",
        figure,
        f"Line of monthly recurring revenue in {currency.upper()} at the end of each month.",
        lambda: frame,
        {unit: "accounting"},
    )


def cohorts(found: Sequence[Cohort]) -> Chart:
    """The share of each month's new customers who still pay at the end of it and of each month since.

    Cells of a heat map cannot be clicked, so each has an invisible marker on it.
    """
    figure = charts.framed(
        "",
        x={
            "side": "top",
            "showgrid": False,
            "tickangle": 0,
            "type": "category",
            "title": {"text": "months since the first payment, in %"},
        },
        y={"autorange": "reversed", "automargin": True, "title": {"text": None}, "showgrid": False},
        height=max(charts.HEIGHT_PIXELS, 70 + 30 * len(found)),
    )
    most = max((len(each.paying) for each in found), default=0)
    titles = [f"{each.month:%b %y} ({each.customers:,})" for each in found]
    figure.add_heatmap(
        x=[str(n) for n in range(most)],
        y=titles,
        z=[[*each.shares, *[None] * (most - len(each.shares))] for each in found],
        zmin=0,
        zmax=1,
        colorscale=[[0, "#f0b08c"], [0.5, "#f6ead9"], [1, "#7cc4b4"]],  # dark text is readable on each
        textfont={"color": "#14302a", "size": 11},
        text=[[*[f"{100 * s:.0f}" for s in each.shares], *[""] * (most - len(each.shares))] for each in found],
        texttemplate="%{text}",
        hoverinfo="skip",
        hoverongaps=False,
        showscale=False,
        xgap=2,
        ygap=2,
    )
    figure.add_scatter(
        x=[str(later) for each in found for later in range(len(each.paying))],
        y=[title for title, each in zip(titles, found, strict=True) for _ in each.paying],
        mode="markers",
        marker={"symbol": "square", "size": 26, "color": "rgba(0,0,0,0)", "line": {"width": 0}},
        customdata=[
            f"Joined {each.month:%b %Y}: {n:,} of {counted(each.customers, 'customer')} ({percent(s)})"
            for each in found
            for n, s in zip(each.paying, each.shares, strict=True)
        ],
        hovertemplate=HOVER,
        showlegend=False,
    )
    if not found:
        charts.no_data(figure, "No customer has paid for a subscription yet.")

    def rows() -> pd.DataFrame:
        table: dict[str, list[object]] = {
            "First paid in": [f"{each.month:%b %Y}" for each in found],
            "Customers": [each.customers for each in found],
        }
        for n in range(most):
            table[f"Month {n}"] = [each.shares[n] if n < len(each.shares) else None for each in found]
        return pd.DataFrame(table)

    return Chart(
        "cohorts",
        "How many customers stay, by the month they joined?",
        figure,
        "Heat map of the share of customers who still pay, by the month of their first payment.",
        rows,
        {f"Month {n}": "percent" for n in range(most)},
    )
