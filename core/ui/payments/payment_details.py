"""One payment: its status, the actions on it, its timeline, and colleagues' notes."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import streamlit as st

from core.money import Money
from core.payments import payments
from core.payments.payment_methods import paid_with
from core.payments.timeline import Side, timeline
from core.staff.audit_words import actor_name
from core.staff.roles import Actor
from core.ui import session
from core.ui.kit import actions, cards, detail_view, stripe_dashboard
from core.ui.payments import refund_dialog
from core.ui.text import in_zone, literal


def show(payment_id: str, *, look_for: Callable[[str], None]) -> None:
    """Everything about one payment; `look_for` opens the list of payments with the same id or reference."""
    running = session.services()
    life = payments.life(running.db, session.actor(), payment_id)
    if life is None:
        st.info(f"There is no payment {literal(payment_id)}. A new payment appears once its event arrives.")
        return
    one = life["payment"]
    said = f"{Money(one['amount_minor'], one['currency'])}: {payments.status_in_words(one)}"
    st.markdown(f"#### {literal(said)}")
    for waiting in payments.open_actions(life):
        st.warning(literal(waiting))
    _facts(life)
    _what_may_be_done(life, look_for)
    st.subheader("Timeline")
    moments = timeline(life)
    sides = [side for side in Side if any(moment.side is side for moment in moments)]
    only = st.pills(
        "Show only", sides, selection_mode="multi", key="only", bind="query-params", label_visibility="collapsed"
    )
    detail_view.life([each for each in moments if each.side in (only or sides)], running.clock())
    zone = running.settings.business_zone.key
    st.caption(f"Times are in {literal(zone)}. At most the newest 200 events, calls and staff actions are shown.")
    _notes(payment_id, life["notes"])


def _facts(life: dict[str, Any]) -> None:
    one = life["payment"]
    visit = next(iter(life["consultations"]), None)
    invoice: dict[str, Any] = next(iter(life["invoices"]), {})

    def money(name: str) -> Money:
        return Money(one.get(name) or 0, one["currency"])

    detail_view.facts(
        [
            ("Payment", one["id"]),
            ("Created", _at(one["created"])),
            ("Paid with", paid_with(one)),
            ("Captured", money("captured_minor")),
            ("Refunded", money("refunded_minor")),
            ("Order", one["order_id"]),
            ("Invoice", invoice.get("id")),
            ("Subscription", invoice.get("subscription_id")),
            ("Customer", one["customer_id"]),
            ("Patient", one["patient_id"]),
            ("Consultation", visit and f"{visit['status'].capitalize()}, {visit['provider'] or 'no provider yet'}"),
        ],
        ids=("Payment", "Order", "Invoice", "Subscription", "Customer", "Patient"),
    )


def _what_may_be_done(life: dict[str, Any], look_for: Callable[[str], None]) -> None:
    one, role = life["payment"], session.actor().role
    with st.container(horizontal=True, vertical_alignment="center"):
        if refund_dialog.may_refund() and one.get("captured_minor"):
            st.button("Refund", icon=":material/undo:", on_click=refund_dialog.open, args=(one["id"],))
        for dispute in life["disputes"]:
            cards.link("disputes", "Open dispute", role, {"dispute": dispute["id"]})
        if one["status"] == "failed":
            cards.link("recovery", "Collect payment", role, {"payment": one["id"]})
        if name := one["customer_id"] or one["patient_id"]:
            st.button(
                "All payments of this customer",
                type="tertiary",
                icon=":material/person:",
                on_click=look_for,
                args=(name,),
            )
        stripe_dashboard.link(f"payments/{one['id']}")


def _notes(payment_id: str, notes: Sequence[dict[str, Any]]) -> None:
    st.subheader("Notes")
    for note in (each for each in notes if each["note"]):
        with st.container(border=True):
            st.markdown(literal(note["note"]))
            with st.container(horizontal=True, vertical_alignment="center"):
                st.caption(literal(f"{actor_name(note['written_by'])}, {_at(note['at'])}"), width="content")
                if payments.may_withdraw(session.actor(), note):
                    st.button(
                        "Remove",
                        key=f"note {note['id']}",
                        type="tertiary",
                        on_click=actions.attempt,
                        args=(partial(_withdraw, note["id"]),),
                    )
    with st.form("new-note", clear_on_submit=True):
        st.text_area("A note for colleagues", key="note", max_chars=2000, height=80)
        st.caption("Leave out health details and card numbers. This is not a medical record.")
        st.form_submit_button("Add note", on_click=actions.attempt, args=(partial(_add, payment_id),))


def _add(payment_id: str, actor: Actor) -> str:
    running = session.services()
    payments.add_note(running.db, actor, payment_id, st.session_state.get("note") or "", running.clock())
    return "Note added."


def _withdraw(note_id: int, actor: Actor) -> str:
    running = session.services()
    payments.withdraw_note(running.db, actor, note_id, running.clock())
    return "Note removed."


def _at(moment: str) -> str:
    return in_zone(datetime.fromisoformat(moment), session.settings().business_zone)
