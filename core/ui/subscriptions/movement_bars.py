"""The waterfall of recurring revenue, with links from its bars to the customers they count."""

from functools import partial

import streamlit as st

from core.billing.subscription_figures import SubscriptionFigures
from core.figures.wording import counted
from core.ui.kit import charts
from core.ui.subscriptions import chart_rows, subscription_charts, subscription_table
from core.ui.text import literal


def show(figures: SubscriptionFigures) -> None:
    """Show the waterfall; a click on a bar, or on its button below, shows its customers in the list."""
    chart = subscription_charts.movements(figures)
    charts.show(chart, on_pick=partial(chart_rows.show_step, figures))
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="movement-links"):
        st.caption("Show the customers:", width="content")
        for each in figures.steps:
            st.button(
                f"{literal(each.title)}: {counted(each.customers, 'customer')}",
                key=f"movement {each.name}",
                type="tertiary",
                disabled=not each.customers,
                on_click=subscription_table.choose,
                args=(each.name,),
            )
