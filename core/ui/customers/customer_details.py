"""One customer: what they paid, their subscriptions, disputes, refunds, care, saved cards, and colleagues' notes."""

from datetime import datetime
from functools import partial

import streamlit as st

from core.customers import customers
from core.customers import notes as customer_notes
from core.customers.rows import Life
from core.errors import PayopsError
from core.exports.table import Column
from core.payments import refunds, tables
from core.payments.payments import DISPUTED
from core.providers.states import name_of
from core.staff.roles import Actor, Right, right
from core.ui import navigation, session
from core.ui.customers import notes
from core.ui.kit import detail_view, rows, stripe_dashboard
from core.ui.text import in_zone, literal

PAYMENTS = tuple(each for each in tables.PAYMENTS if each.field not in ("customer_id", "patient_id"))
SUBSCRIPTIONS = (
    Column("created", "Since", "moment"),
    Column("status", "Status", read=lambda one: _words(one["status"])),
    Column("current_period_end", "Period ends", "moment"),
    Column("cancel_at", "Cancels on", "moment"),
    Column("id", "Subscription"),
)
DISPUTES = (
    Column("created", "Opened", "moment"),
    Column("amount_minor", "Amount", "money"),
    Column("status", "Status", read=lambda one: DISPUTED.get(one["status"], _words(one["status"]))),
    Column("reason", "Reason", read=lambda one: _words(one["reason"])),
    Column("evidence_due_by", "Evidence due", "moment"),
    Column("id", "Dispute"),
)
REFUNDS = (
    Column("created", "Created", "moment"),
    Column("amount_minor", "Amount", "money"),
    Column("status", "Status", read=lambda one: refunds.STATUSES.get(one["status"], _words(one["status"]))),
    Column("payment_intent_id", "Payment"),
    Column("id", "Refund"),
)
CONSULTATIONS = (
    Column("received_at", "Received", "moment"),
    Column("status", "Status", read=lambda one: _words(one["status"])),
    Column("provider", "Provider", read=lambda one: one["provider"] or "none yet"),
    Column("state", "State", read=lambda one: name_of(one["state"])),
    Column("specialty", "Specialty", read=lambda one: _words(one["specialty"])),
    Column("order_id", "Order"),
    Column("id", "Consultation"),
)


def show(found: Life) -> None:
    """Show everything about one customer, beginning with what needs attention."""
    st.markdown(f"## {literal(customers.sentence(found))}")
    if any(each["delinquent"] for each in found["customers"]):
        st.warning("The last invoice of this customer is not paid.", icon=":material/payments:")
    _facts(found)
    _lists(found)
    _cards(found)
    subject = found["customer_id"] or found["patient_id"]
    if subject:
        notes.show(found["notes"], add=partial(_add_note, subject), remove=_remove_note)


def _facts(found: Life) -> None:
    first = found["customers"][-1] if found["customers"] else None
    detail_view.facts(
        [
            ("Patient", found["patient_id"]),
            ("Customer at Stripe", ", ".join(each["id"] for each in found["customers"])),
            ("Customer since", first and _at(first["created"])),
        ],
        ids=("Patient", "Customer at Stripe"),
    )
    role = session.actor().role
    with st.container(horizontal=True, vertical_alignment="center"):
        name = found["customer_id"] or found["patient_id"]
        navigation.link("payments", "All payments", role, {"find": name} if name else None)
        for each in found["customers"][:3]:
            stripe_dashboard.link(f"customers/{each['id']}")


def _lists(found: Life) -> None:
    role = session.actor().role
    for title, items, columns, page, parameter in (
        ("Payments", found["payments"], PAYMENTS, "payments", "payment"),
        ("Subscriptions", found["subscriptions"], SUBSCRIPTIONS, "subscriptions", "subscription"),
        ("Disputes", found["disputes"], DISPUTES, "disputes", "dispute"),
        ("Refunds", found["refunds"], REFUNDS, "payments", "payment"),
        ("Consultations", found["consultations"], CONSULTATIONS, "assignments", "consultation"),
    ):
        if not items or right(role, page) < Right.SEE:
            continue
        many = " (the newest 50)" if len(items) == 50 else ""
        st.subheader(f"{title}{many}")
        id_field = "payment_intent_id" if title == "Refunds" else "id"
        picked = rows.show(
            items,
            columns,
            key=f"customer-{title}",
            choose=f"pick-{title.lower()}",
            id_field=id_field,
            file=f"customer-{title.lower()}",
        )
        if picked:
            st.query_params.pop(f"pick-{title.lower()}", None)
            navigation.open_page(page, {parameter: picked})


def _cards(found: Life) -> None:
    st.subheader("Saved cards")
    try:
        saved = customers.saved_cards(session.services().payment_context, session.actor(), found)
    except PayopsError as error:
        st.info(literal(f"The saved cards could not be read from Stripe. {error.detail}"))
        return
    if not saved:
        st.markdown("No card is saved. To collect a payment, send a payment link.")
    for card in saved:
        default = ", used by default" if card.is_default else ""
        st.markdown(literal(f"{card.name}, expires {card.expires}{default}"))


def _add_note(subject: str, note: str, actor: Actor) -> None:
    running = session.services()
    customer_notes.add_note(running.db, actor, subject, note, running.clock())


def _remove_note(note_id: int, actor: Actor) -> None:
    running = session.services()
    customer_notes.remove_note(running.db, actor, note_id, running.clock())


def _words(code: str | None) -> str:
    words = (code or "").replace("_", " ")
    return words[:1].upper() + words[1:]


def _at(moment: str) -> str:
    return in_zone(datetime.fromisoformat(moment), session.settings().business_zone)
