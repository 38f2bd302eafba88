"""Revenue by product, plan, state and so on: a chart or map, the rows, their export, and their sum."""

import streamlit as st

from core.billing.plans import Catalogue
from core.finance import revenue_figures
from core.finance.revenue import DIMENSIONS, Revenue, Sums
from core.money import Money
from core.ui.finance import revenue_charts, revenue_tiles
from core.ui.kit import charts, rows
from core.ui.kit.rows import Column
from core.ui.text import literal

MONEY = (
    Column("gross_minor", "Gross", "money", total=True),
    Column("refunded_minor", "Refunds", "money", total=True),
    Column("refund_rate", "Refund rate", "share", help="Refunds of the period ÷ gross of the period."),
    Column("disputed_minor", "Disputes", "money", total=True),
    Column("fees_minor", "Fees", "money", total=True),
    Column("effective_rate", "Effective rate", "share", help="The fees on payments ÷ gross: what a payment costs."),
    Column("net_minor", "Net", "money", total=True),
    Column("net_before_minor", "Net before", "money", total=True, help="The period before, of the same length."),
)
ABROAD = (
    Column("presented", "Paid", help="What customers paid in their currency, before refunds."),
    Column("rate", "Exchange rate", help="Amount settled ÷ amount paid, with the lowest and highest rate of any."),
)


def show(revenue: Revenue, names: Catalogue) -> None:
    """Show the dimension that the URL names, such as `?by=state`."""
    st.subheader("Breakdown", anchor="breakdown")
    title = st.segmented_control(
        "By", list(DIMENSIONS), default="product", required=True, key="by", bind="query-params"
    )
    dimension = DIMENSIONS[title]
    if dimension == "state":
        with st.container(border=True, key="chart-revenue-by-state"):
            st.markdown("**Where does net come from, by the patient's state?**")
            revenue_tiles.show(revenue.breakdowns["state"], revenue.currency)
    elif dimension == "card":
        charts.show(revenue_charts.cost_of_cards(revenue))
    else:
        charts.show(revenue_charts.by(revenue, dimension, title, names))
    table = revenue_figures.table(revenue, dimension, names)
    columns = [Column("name", title.capitalize(), width="medium"), Column("payments", "Payments", "count")]
    columns += [*(ABROAD if dimension == "presentment" else ()), *MONEY]
    rows.show(table, columns, key=f"breakdown-{dimension}")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(literal(_sum_in_words(revenue)), width="content")
        with st.container(width="content"):
            rows.files(lambda _: table, columns, name=f"revenue-by-{dimension}", period=revenue.period)


def _sum_in_words(revenue: Revenue) -> str:
    sums = revenue.totals or Sums()
    parts = [
        f"{name} {Money(getattr(sums, field), revenue.currency)}"
        for name, field in (
            ("gross", "gross_minor"),
            ("refunds", "refunded_minor"),
            ("disputes", "disputed_minor"),
            ("fees", "fees_minor"),
            ("net", "net_minor"),
        )
    ]
    return f"The rows add up to {', '.join(parts)}."
