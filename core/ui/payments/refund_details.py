"""The details of one refund: its payment, who requested and approved or rejected it, and its status."""

from datetime import datetime

import streamlit as st

from core.money import Money
from core.payments import refunds
from core.payments.actions import Action
from core.payments.refunds import STATUSES
from core.staff.audit_words import actor_name
from core.staff.roles import Right, right
from core.ui import navigation, session
from core.ui.kit import detail_view, drawer, stripe_dashboard
from core.ui.payments import refund_dialog
from core.ui.text import in_zone, literal


def show(refund_id: str) -> None:
    """Show the refund with this id, Stripe's or ours."""
    found = refunds.one(session.services().payment_context, refund_id)
    if found is None:
        st.info(f"There is no refund {literal(refund_id)}. A new one appears once its event arrives.")
        return
    amount, recorded = Money(found["amount_minor"], found["currency"]), found["action"]
    st.subheader(literal(f"{amount}: {STATUSES.get(found['status'], found['status'])}"))
    if recorded and recorded["state"] == "awaiting_approval":
        _decision(Action.of(dict(recorded)))
    if found["problem"]:
        st.error(literal(f"Problem: {found['problem']}"))
    requested = (recorded["requested_at"], recorded["requested_by"]) if recorded else (found["at"], None)
    detail_view.facts(
        [
            ("Requested", _step(*requested)),
            ("Decided", _step(recorded["decided_at"], recorded["decided_by"]) if recorded else None),
            ("Settled", _step(recorded["settled_at"], None) if recorded else None),
            ("Reason", refunds.reason_in_words(found["reason"])),
            ("Refund", found["id"]),
            ("Payment", found["payment_intent_id"]),
        ],
        ids=("Refund", "Payment"),
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        if payment := found["payment_intent_id"]:
            navigation.link("payments", "Open payment", session.actor().role, {"payment": payment})
        if found["id"] != found["action_id"]:
            stripe_dashboard.link(f"refunds/{found['id']}")


def _decision(asked: Action) -> None:
    reader = session.actor()
    if asked.requested_by == reader.name:
        st.caption("You requested this. Somebody else has to decide.")
    elif right(reader.role, refunds.PAGE) >= Right.APPROVE:
        st.button("Decide", type="primary", on_click=drawer.ask, args=(refund_dialog.decide, asked))
    else:
        st.caption("Finance or an admin has to decide.")


def _step(moment: str | None, who: str | None) -> str | None:
    if moment is None:
        return None
    at = in_zone(datetime.fromisoformat(moment), session.settings().business_zone)
    return f"{at}, by {actor_name(who)}" if who else at
