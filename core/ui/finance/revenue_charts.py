"""The charts of revenue: from gross to net, by day, by product, plan or card, and the cost of cards."""

from collections.abc import Sequence
from typing import Any

import pandas as pd  # type: ignore[import-untyped]

from core.billing.plans import EMPTY, Catalogue
from core.figures.wording import counted, percent
from core.finance.revenue import NO_PAYMENT, DaySums, Line, Revenue, Sums, in_steps
from core.finance.revenue_figures import title_of
from core.money import Money
from core.ui.kit import charts
from core.ui.kit.charts import BEFORE, FAILURE, LINE, MONEY, NOW, Chart

MOST_BARS = 10
AXIS_PIXELS, STEP_PIXELS = 74, 26
HOVER = "%{customdata}<extra></extra>"
COLUMNS = {
    "Gross": "gross_minor",
    "Refunds": "refunded_minor",
    "Disputes": "disputed_minor",
    "Fees": "fees_minor",
    "Taxes": "taxes_minor",
    "Net": "net_minor",
}


def from_gross_to_net(revenue: Revenue) -> Chart:
    """The waterfall from gross to net; its steps add up exactly."""
    sums, currency = revenue.totals or Sums(), revenue.currency
    steps = [("Gross", sums.gross_minor), ("Refunds", -sums.refunded_minor), ("Disputes", -sums.disputed_minor)]
    steps += [("Fees", -sums.fees_minor)] + ([("Taxes on fees", -sums.taxes_minor)] if sums.taxes_minor else [])
    steps.append(("Net", sums.net_minor))
    figure, written = waterfall(currency.upper(), steps, currency)
    unit = f"Amount ({currency.upper()})"
    frame = pd.DataFrame({"Step": [each for each, _ in steps], unit: [charts.major(a, currency) for _, a in steps]})
    return Chart(
        "gross-to-net",
        "What is left of gross?",
        figure,
        f"Waterfall from gross to net: {', '.join(written)}.",
        lambda: frame,
        {unit: "accounting"},
    )


def waterfall(unit: str, steps: Sequence[tuple[str, int]], currency: str) -> tuple[Any, list[str]]:
    """A waterfall chart of (title, minor units), and each step as text; the last step is the sum of all others.

    It runs from top to bottom, with each amount beside its title, so that it is as readable on a phone.
    """
    amounts = [str(Money(amount, currency)) for _, amount in steps]
    written = [f"{title} {amount}" for (title, _), amount in zip(steps, amounts, strict=True)]
    figure = charts.framed(
        unit,
        horizontal=True,
        x={"nticks": 5, "fixedrange": True},
        y={"autorange": "reversed", "automargin": True, "fixedrange": True},
        height=AXIS_PIXELS + STEP_PIXELS * len(steps),
    )
    figure.add_waterfall(
        orientation="h",
        x=[charts.major(amount, currency) for _, amount in steps],
        y=[f"{title}  <b>{amount}</b>" for (title, _), amount in zip(steps, amounts, strict=True)],
        measure=["absolute", *["relative"] * (len(steps) - 2), "total"],
        customdata=written,
        hovertemplate=HOVER,
        decreasing={"marker": {"color": FAILURE}},
        increasing={"marker": {"color": NOW}},
        totals={"marker": {"color": MONEY}},
        connector={"line": {"color": LINE, "width": 1}},
    )
    _zoom(figure, [amount for _, amount in steps], currency)
    return figure, written


def _zoom(figure: Any, amounts: Sequence[int], currency: str) -> None:
    """If the steps are small compared with start and end, begin the axis just below them, and say so in its title."""
    levels, level = [amounts[0]], amounts[0]
    for amount in amounts[1:-1]:
        level += amount
        levels.append(level)
    low, high = min(levels), max(levels)
    if low <= 0 or high - low > high / 3:
        figure.update_xaxes(rangemode="tozero")
        return
    step = 10 ** max(len(str(high - low)) - 1, 0) if high > low else max(low // 10, 1)
    begins = max(0, (low - (high - low)) // step * step)
    top = high + max(high - low, step) * 0.1
    figure.update_xaxes(range=[charts.major(begins, currency), charts.major(int(top), currency)])
    if begins:
        unit = figure.layout.xaxis.title.text
        figure.update_xaxes(title_text=f"{unit}, from {Money(begins, currency)}")


def each_day(revenue: Revenue) -> Chart:
    """Net by day as bars, gross as a line, and the net of the period before in the background."""
    now, before, currency = in_steps(revenue.daily), in_steps(revenue.previous_daily), revenue.currency
    days, weekly = [each.day for each in now], any(each.days > 1 for each in now)
    figure = charts.framed(currency.upper())
    figure.add_bar(
        x=days,
        y=[charts.major(each.sums.net_minor, currency) for each in now],
        name="net",
        marker={"color": NOW, "line": {"width": 0}},
        width=int(max((each.days for each in now), default=1) * 86_400_000 * 0.8),
        customdata=[_day_in_words(each, currency) for each in now],
        hovertemplate=HOVER,
    )
    _line(figure, "gross", days, now, "gross_minor", currency, charts.solid(MONEY))
    _line(figure, "net before", days, before, "net_minor", currency, charts.faint())
    figure.update_yaxes(nticks=5)

    def rows() -> pd.DataFrame:
        table: dict[str, list[object]] = {"Week from" if weekly else "Day": list(days)}
        table["Payments"] = [each.sums.payments for each in now]
        for title, name in COLUMNS.items():
            table[title] = [charts.major(getattr(each.sums, name), currency) for each in now]
        table["Net before"] = [charts.major(each.sums.net_minor, currency) for each in before[: len(now)]]
        return pd.DataFrame({title: pd.Series(values) for title, values in table.items()})

    return Chart(
        "revenue-days",
        f"How much comes in and stays each {'week' if weekly else 'day'}?",
        figure,
        f"Bars of net and a line of gross in {currency.upper()}, with the net of the period before.",
        rows,
        {title: "accounting" for title in [*COLUMNS, "Net before"]},
    )


def by(revenue: Revenue, dimension: str, title: str, names: Catalogue) -> Chart:
    """The rows of a breakdown with the largest net, and the sum of the others."""
    currency, lines = revenue.currency, revenue.breakdowns[dimension]
    shown = [(title_of(dimension, each.key, names), each.sums.net_minor, each.net_before_minor) for each in lines]
    largest, rest = shown[:MOST_BARS], shown[MOST_BARS:]
    if rest:
        largest.append((f"{counted(len(rest), 'other')}", sum(r[1] for r in rest), sum(r[2] for r in rest)))
    figure = charts.framed(currency.upper(), horizontal=True)
    for name, colour, amounts in (
        ("now", NOW, [each[1] for each in largest]),
        ("before", BEFORE, [each[2] for each in largest]),
    ):
        figure.add_bar(
            y=[_short(each[0]) for each in largest],
            x=[charts.major(amount, currency) for amount in amounts],
            name=name,
            orientation="h",
            marker={"color": colour, "line": {"width": 0}},
            customdata=[f"{e[0]}, {name}: {Money(a, currency)}" for e, a in zip(largest, amounts, strict=True)],
            hovertemplate=HOVER,
        )
    figure.update_yaxes(autorange="reversed", automargin=True)
    figure.update_layout(height=max(charts.HEIGHT_PIXELS, 60 + 34 * len(largest)), bargap=0.25)
    frame = pd.DataFrame(
        {
            title.capitalize(): [each[0] for each in shown],
            "Net": [charts.major(each[1], currency) for each in shown],
            "Net before": [charts.major(each[2], currency) for each in shown],
        }
    )
    return Chart(
        f"revenue-by-{dimension}",
        f"Where does net come from, by {title}?",
        figure,
        f"Bars of net by {title} in {currency.upper()}, with the period before.",
        lambda: frame,
        {"Net": "accounting", "Net before": "accounting"},
    )


def cost_of_cards(revenue: Revenue) -> Chart:
    """The effective rate by card brand and country, for those with the most gross."""
    lines = sorted(_cards(revenue.breakdowns["card"]), key=lambda each: -each.sums.gross_minor)[:MOST_BARS]
    lines.sort(key=lambda each: -(each.sums.effective_rate or 0))
    titles = [title_of("card", each.key, EMPTY) for each in lines]
    rates = [each.sums.effective_rate or 0.0 for each in lines]
    gross = [each.sums.gross_minor for each in lines]
    figure = charts.framed("fees ÷ gross", horizontal=True)
    figure.add_bar(
        y=titles,
        x=rates,
        orientation="h",
        marker={"color": MONEY, "line": {"width": 0}},
        text=[percent(rate, 2) for rate in rates],
        textposition="outside",
        cliponaxis=False,
        customdata=[
            f"{title}: {percent(rate, 2)} of {Money(minor, revenue.currency)}"
            for title, rate, minor in zip(titles, rates, gross, strict=True)
        ],
        hovertemplate=HOVER,
    )
    figure.update_xaxes(tickformat=".1%", rangemode="tozero", nticks=5)
    figure.update_yaxes(autorange="reversed", automargin=True)
    figure.update_layout(height=max(charts.HEIGHT_PIXELS, 60 + 30 * len(lines)))
    if not lines:
        charts.no_data(figure, "No card payments in this period.")
    unit = f"Gross ({revenue.currency.upper()})"
    frame = pd.DataFrame(
        {"Card": titles, "Effective rate": rates, unit: [charts.major(minor, revenue.currency) for minor in gross]}
    )
    return Chart(
        "cost-of-cards",
        "What do payments cost, by card and country?",
        figure,
        "Bars of the effective rate by card brand and country.",
        lambda: frame,
        {"Effective rate": "percent", unit: "accounting"},
    )


def _line(
    figure: Any, name: str, days: Sequence[Any], shown: Sequence[DaySums], field: str, currency: str, style: Any
) -> None:
    figure.add_scatter(
        x=days,
        y=[charts.major(getattr(each.sums, field), currency) for each in shown],
        name=name,
        mode="lines+markers" if len(days) < 3 else "lines",
        customdata=[_day_in_words(each, currency) for each in shown],
        hovertemplate=HOVER,
        **style,
    )


def _cards(lines: Sequence[Line]) -> list[Line]:
    return [each for each in lines if each.key != NO_PAYMENT and each.sums.gross_minor > 0]


def _day_in_words(each: DaySums, currency: str) -> str:
    sums = each.sums
    return (
        f"{each.day:%a %-d %b %Y}: net {Money(sums.net_minor, currency)} of {Money(sums.gross_minor, currency)} gross, "
        f"{counted(sums.payments, 'payment')}"
    )


def _short(title: str) -> str:
    return title if len(title) <= 38 else f"{title[:36]}…"
