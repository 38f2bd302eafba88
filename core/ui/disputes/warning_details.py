"""One early fraud warning in a drawer: the cost of a refund now and of a later dispute, and the refund button."""

import streamlit as st

from core.payments.disputes import fraud_warnings
from core.payments.refunds import StripeReason
from core.ui import navigation, session
from core.ui.kit import detail_view, drawer
from core.ui.payments import refund_dialog
from core.ui.text import literal

AT_MOST = 100_000


def show(warning_id: str) -> None:
    """Show the warning with this id, as long as its payment can be refunded."""
    running = session.services()
    warned, history = fraud_warnings.listed(running.db, running.clock(), limit=AT_MOST)
    found = next((each for each in warned if each.id == warning_id), None)
    if found is None:
        st.info("Nothing is left to do about this warning: its payment is refunded or disputed, or it is too old.")
        return
    st.subheader(literal(f"{found.left} reported as fraud"))
    if refund_dialog.may_refund():
        st.button(
            "Refund now",
            type="primary",
            on_click=drawer.ask,
            args=(refund_dialog.open, found.payment_intent_id, StripeReason.FRAUDULENT),
        )
    detail_view.facts(fraud_warnings.comparison(found, history), ids=("Payment",))
    navigation.link("payments", "Open payment", session.actor().role, {"payment": found.payment_intent_id})
