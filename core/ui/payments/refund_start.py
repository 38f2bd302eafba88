"""Starting a refund: find the payment by its order, customer, patient or any other id."""

import streamlit as st

from core.money import Money
from core.payments import payments
from core.payments.payment_methods import paid_with
from core.payments.payments import Sought
from core.payments.rows import PaymentRow
from core.staff.flags import Flow
from core.ui import session
from core.ui.kit import paused
from core.ui.payments import refund_dialog
from core.ui.text import code, in_zone_of, literal

SHOWN = 10
_LOOKED = "looked for a payment to refund"


def show() -> None:
    """Show the search and each payment found, with a refund button; open the dialog if it is the only one."""
    if not refund_dialog.may_refund():
        return
    typed = st.text_input(
        "Refund a payment",
        key="payment",
        bind="query-params",
        max_chars=200,
        placeholder="An order, payment, customer or patient",
        on_change=st.session_state.update,
        args=({_LOOKED: True},),
    )
    looked = st.session_state.pop(_LOOKED, False)
    if not typed or not typed.strip():
        return
    running = session.services()
    found = payments.find(running.db, session.actor(), Sought(name=typed.strip()), limit=SHOWN)
    if not found.items and typed.strip().startswith("pi_"):
        _offer(typed.strip(), "at Stripe, not in the mirror yet")
    elif not found.items:
        st.info("No payment has this order, ID, customer or patient.")
    for one in found.items:
        _offer(one["id"], _in_words(one))
    if looked and len(found.items) == 1 and not paused.why(Flow.REFUNDS):
        refund_dialog.open(found.items[0]["id"])
    if found.next:
        st.caption(f"The newest {SHOWN}. Enter an order to find one of the others.")


def _offer(payment_id: str, said: str) -> None:
    off = paused.why(Flow.REFUNDS)
    with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"refundable-{payment_id}"):
        st.markdown(f"{literal(said)} {code(payment_id)}", width="stretch")
        st.button(
            "Refund",
            key=f"refund {payment_id}",
            disabled=bool(off),
            help=off or None,
            on_click=refund_dialog.open,
            args=(payment_id,),
        )


def _in_words(one: PaymentRow) -> str:
    amount, status = Money(one["amount_minor"], one["currency"]), payments.status_in_words(one)
    at = in_zone_of(one["created"], session.settings().business_zone)
    order = f", order {one['order_id']}" if one["order_id"] else ""
    return f"{amount}, {status.lower()}, {at}, {paid_with(one)}{order}"
