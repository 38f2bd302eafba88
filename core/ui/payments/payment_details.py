"""One payment: its status, the actions on it, its timeline, and colleagues' notes."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

import streamlit as st

from core.money import Money
from core.payments import payment_life, payments
from core.payments.payment_life import Life
from core.payments.payment_methods import paid_with
from core.payments.timeline import Side, timeline
from core.staff.roles import Actor
from core.ui import navigation, session
from core.ui.customers import notes
from core.ui.kit import detail_view, stripe_dashboard
from core.ui.payments import refund_dialog
from core.ui.text import in_zone, literal, zone_name


def show(payment_id: str, *, look_for: Callable[[str], None]) -> None:
    """Show everything about one payment; `look_for` opens the list of payments with the same id or reference."""
    running = session.services()
    life = payment_life.life(running.db, session.actor(), payment_id)
    if life is None:
        st.info(f"There is no payment {literal(payment_id)}. A new payment appears once its event arrives.")
        return
    one = life["payment"]
    said = f"{Money(one['amount_minor'], one['currency'])}: {payments.status_in_words(one)}"
    st.markdown(f"## {literal(said)}")
    for waiting in payment_life.open_actions(life):
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
    zone = zone_name(running.settings.business_zone)
    st.caption(f"Times are in {literal(zone)}. At most the newest 200 events, calls and staff actions are shown.")
    notes.show(life["notes"], add=partial(_add_note, payment_id), remove=_remove_note)


def _facts(life: Life) -> None:
    one = life["payment"]
    visit = next(iter(life["consultations"]), None)
    invoice = next(iter(life["invoices"]), None)

    detail_view.facts(
        [
            ("Payment", one["id"]),
            ("Created", _at(one["created"])),
            ("Payment method", paid_with(one)),
            ("Captured", Money(one.get("captured_minor") or 0, one["currency"])),
            ("Refunded", Money(one.get("refunded_minor") or 0, one["currency"])),
            ("Order", one["order_id"]),
            ("Invoice", invoice and invoice["id"]),
            ("Subscription", invoice and invoice["subscription_id"]),
            ("Customer", one["customer_id"]),
            ("Patient", one["patient_id"]),
            ("Consultation", visit and f"{visit['status'].capitalize()}, {visit['provider'] or 'no provider yet'}"),
        ],
        ids=("Payment", "Order", "Invoice", "Subscription", "Customer", "Patient"),
    )


def _what_may_be_done(life: Life, look_for: Callable[[str], None]) -> None:
    one, role = life["payment"], session.actor().role
    with st.container(horizontal=True, vertical_alignment="center"):
        if refund_dialog.may_refund() and one.get("captured_minor"):
            st.button("Refund", icon=":material/undo:", on_click=refund_dialog.open, args=(one["id"],))
        for dispute in life["disputes"]:
            navigation.link("disputes", "Open dispute", role, {"dispute": dispute["id"]})
        if one["status"] == "failed":
            navigation.link("recovery", "Collect payment", role, {"payment": one["id"]})
        if name := one["customer_id"] or one["patient_id"]:
            kind = "customer" if one["customer_id"] else "patient"
            navigation.link("customers", "Open customer", role, {kind: name})
            st.button(
                "All payments of this customer",
                type="tertiary",
                icon=":material/person:",
                on_click=look_for,
                args=(name,),
            )
        stripe_dashboard.link(f"payments/{one['id']}")


def _add_note(payment_id: str, note: str, actor: Actor) -> None:
    running = session.services()
    payment_life.add_note(running.db, actor, payment_id, note, running.clock())


def _remove_note(note_id: int, actor: Actor) -> None:
    running = session.services()
    payment_life.remove_note(running.db, actor, note_id, running.clock())


def _at(moment: str) -> str:
    return in_zone(datetime.fromisoformat(moment), session.settings().business_zone)
