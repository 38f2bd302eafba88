"""The sections of the reconciliation as tabs; only the open one is loaded. `?tab=Bank` opens a tab."""

from collections.abc import Callable, Mapping

import streamlit as st

TAB = "tab"
MISMATCHES, PAYOUTS, BANK, MONTHS, JOURNAL = "Mismatches", "Payouts", "Bank", "Months", "Journal"
STRIPE_REPORT = "Stripe's report"
# The query parameter of a selected row, and the tab that contains the row.
TAB_OF = {"mismatch": MISMATCHES, "payout": PAYOUTS, "deposit": BANK, "matched": BANK, "closing": MONTHS}


def show(sections: Mapping[str, Callable[[], None]]) -> None:
    """Show the tabs and the section of the open one."""
    if TAB not in st.session_state and TAB not in st.query_params:
        chosen = next((tab for parameter, tab in TAB_OF.items() if parameter in st.query_params), None)
        if chosen:
            st.session_state[TAB] = chosen
    for tab, draw in zip(st.tabs(list(sections), key=TAB, bind="query-params"), sections.values(), strict=True):
        if tab.open:
            with tab:
                draw()


def open_payout(payout_id: str) -> None:
    """Open the tab Payouts with this payout; for `on_click`."""
    st.query_params["payout"] = payout_id
    st.session_state[TAB] = PAYOUTS
