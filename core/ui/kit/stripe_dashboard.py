"""Links to Stripe's dashboard; the sandbox has none."""

import streamlit as st

from core.settings import PaymentMode
from core.ui import session

_ADDRESS = {
    PaymentMode.DEVELOPMENT: "https://dashboard.stripe.com/test",
    PaymentMode.PRODUCTION: "https://dashboard.stripe.com",
}


def address(place: str) -> str | None:
    """Where Stripe shows this, such as `payments/pi_1`; None where there is no dashboard."""
    base = _ADDRESS.get(session.settings().payment_mode)
    return f"{base}/{place}" if base else None


def link(place: str) -> None:
    """A button to Stripe's page about this, where there is one."""
    if found := address(place):
        st.link_button("At Stripe", found, icon=":material/open_in_new:", type="tertiary", width="content")
