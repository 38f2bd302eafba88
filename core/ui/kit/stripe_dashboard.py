"""Links to Stripe's dashboard; in sandbox mode there is none."""

import streamlit as st

from core.settings import PaymentMode
from core.ui import session

_ADDRESS = {
    PaymentMode.DEVELOPMENT: "https://dashboard.stripe.com/test",
    PaymentMode.PRODUCTION: "https://dashboard.stripe.com",
}


def address(place: str) -> str | None:
    """The dashboard's address of an object, such as `payments/pi_1`; None in sandbox mode."""
    base = _ADDRESS.get(session.settings().payment_mode)
    return f"{base}/{place}" if base else None


def link(place: str) -> None:
    """A button to the object in Stripe's dashboard, if there is one."""
    if found := address(place):
        st.link_button("Open in Stripe", found, icon=":material/open_in_new:", type="tertiary", width="content")
