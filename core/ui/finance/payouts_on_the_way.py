"""Payouts that have not arrived, each with its expected bank day, and the amounts that become available next."""

import streamlit as st

from core.finance import revenue_figures
from core.finance.revenue import Revenue
from core.ui.kit import rows
from core.ui.kit.rows import Column
from core.ui.text import literal

COLUMNS = (
    Column(
        "expected_on", "Expected at the bank", "day", help="Stripe's date, or the next day on which banks are open."
    ),
    Column("amount_minor", "Amount", "money"),
    Column("status", "Status", read=lambda one: one["status"].replace("_", " ").capitalize()),
    Column("method", "Type", read=lambda one: (one["method"] or "standard").capitalize()),
    Column("created", "Created", "moment"),
    Column("id", "Payout"),
)


def show(revenue: Revenue) -> None:
    """Show the present state, whatever the page's period."""
    st.subheader("On the way to the bank", anchor="payouts")
    st.markdown(literal(revenue_figures.payouts_in_words(revenue)))
    if revenue.payouts:
        listed = [
            vars(each)
            | {
                "created": each.created.isoformat(),
                "expected_on": each.expected_on.isoformat() if each.expected_on else None,
            }
            for each in revenue.payouts
        ]
        rows.show(listed, COLUMNS, key="payouts")
        rows.files(lambda _: listed, COLUMNS, name="payouts-on-the-way")
    if revenue.to_come:
        coming = " · ".join(literal(each) for each in revenue_figures.to_come_in_words(revenue))
        st.caption(f"Becomes available for a payout: {coming}")
