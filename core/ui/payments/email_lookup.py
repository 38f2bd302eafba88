"""Looking up a customer at Stripe by e-mail address, for the Payments page."""

from collections.abc import Callable
from functools import partial

import streamlit as st

from core.payments import payments
from core.staff.roles import Actor
from core.ui import session
from core.ui.kit import actions
from core.ui.text import code

_FOUND = "of_email"


def field(look_for: Callable[[str | None], None]) -> None:
    """Draw the field for an address; if one customer has it, `look_for` is called to show their payments."""
    with (
        st.popover("By e-mail address", icon=":material/alternate_email:"),
        st.form("by-email", border=False, clear_on_submit=True),
    ):
        st.text_input("E-mail address", key="email", max_chars=320)
        st.caption("We look it up at Stripe and do not store it. The audit log says that you looked.")
        st.form_submit_button("Look up", on_click=actions.attempt, args=(partial(_look_up, look_for),))


def customers_found(look_for: Callable[[str | None], None]) -> None:
    """Show the customers with the address that was looked up last."""
    for customer in st.session_state.get(_FOUND, []):
        st.button(
            f"{code(customer.id)}, {customer.payments:,} payments",
            key=customer.id,
            type="tertiary",
            on_click=look_for,
            args=(customer.id,),
        )


def _look_up(look_for: Callable[[str | None], None], actor: Actor) -> str:
    context = session.services().payment_context
    found = payments.customers_of_email(context, actor, st.session_state.get("email") or "")
    st.session_state[_FOUND] = found
    if len(found) == 1:
        look_for(found[0].id)
    customers = "1 customer has" if len(found) == 1 else f"{len(found) or 'No'} customers have"
    return f"{customers} this address at Stripe. The address was not stored."
