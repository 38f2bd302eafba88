"""Consultations that were paid but not seen, or refunded but still open, each with what to do about it."""

from collections.abc import Sequence

import streamlit as st

from core.figures.wording import counted
from core.money import Money
from core.providers import assignment_figures
from core.providers.consultation_rows import CarePaymentMismatch
from core.staff.roles import Right, right
from core.ui import session
from core.ui.consultations import consultation_details, consultation_dialogs
from core.ui.kit import object_links
from core.ui.payments import refund_dialog
from core.ui.text import literal

SHOWN_FIRST, SHOWN_AT_MOST = 5, 100
ALL = "mismatches"


def show(mismatches: Sequence[CarePaymentMismatch]) -> None:
    """One row per consultation: what is wrong, how to fix it, and the button for it; the oldest few at first."""
    st.markdown(literal(_summary(mismatches)))
    most = SHOWN_AT_MOST if st.query_params.get(ALL) == "all" else SHOWN_FIRST
    for one in mismatches[:most]:
        with st.container(border=True, key=f"mismatch-{one['id']}"):
            what, fix, act = st.columns([6, 5, 2], vertical_alignment="center")
            what.markdown(f"**{literal(_problem(one))}**")
            consultation = object_links.inline("Consultation", one["id"])
            payment = object_links.inline("Payment", one["payment_intent_id"])
            what.caption(f"Consultation {consultation}  \nPayment {payment}")
            fix.markdown(literal(_fix(one)))
            with act.container(horizontal=True):
                _buttons(one)

    if len(mismatches) > most == SHOWN_FIRST:
        st.button(f"Show all {len(mismatches):,}", on_click=st.query_params.update, args=({ALL: "all"},))
    elif len(mismatches) > most:
        st.caption(f"The oldest {most:,} are shown.")


def _summary(mismatches: Sequence[CarePaymentMismatch]) -> str:
    """A sentence on how many there are of each kind, and the amount paid for consultations without a provider."""
    waiting = [one for one in mismatches if one["problem"] == "paid_but_waiting"]
    sums: dict[str, int] = {}
    for one in waiting:
        not_refunded = one["received_minor"] - one["refunded_minor"]
        sums[one["currency"]] = sums.get(one["currency"], 0) + not_refunded
    paid = " and ".join(str(Money(minor, currency)) for currency, minor in sums.items())
    said = []
    if waiting:
        have = "has" if len(waiting) == 1 else "have"
        said.append(f"{counted(len(waiting), 'consultation')} totalling {paid} {have} no provider.")
    if refunded := len(mismatches) - len(waiting):
        are = "is" if refunded == 1 else "are"
        said.append(f"{counted(refunded, 'consultation')} {are} fully refunded but still open.")
    return " ".join(said)


def _problem(one: CarePaymentMismatch) -> str:
    paid = Money(one["received_minor"], one["currency"])
    if one["problem"] == "refunded_but_open":
        holder = f"still assigned to {one['provider_name']}" if one["provider_name"] else "still waiting"
        return f"{paid} was refunded, but the consultation is {holder}"
    age = assignment_figures.waited(one["age_seconds"])
    return f"{paid} was paid, but no provider has the consultation after {age}"


def _fix(one: CarePaymentMismatch) -> str:
    if one["problem"] == "refunded_but_open":
        return "Cancel the consultation to free its provider's capacity."
    if one["provider_available"]:
        return "A provider is available now. Assign the consultation."
    states = consultation_details.vocabulary().states
    reason = assignment_figures.reason_in_words(one["reason"] or "", one["state"], states)
    return f"{reason} Refund the payment, or add a provider who is licensed there."


def _buttons(one: CarePaymentMismatch) -> None:
    may_act = right(session.actor().role, "assignments") >= Right.ACT
    if one["problem"] == "refunded_but_open":
        if may_act:
            st.button(
                "Cancel consultation",
                key=f"cancel {one['id']}",
                on_click=consultation_dialogs.end,
                args=(one["id"], "cancelled"),
            )
        return
    if may_act and one["provider_available"]:
        st.button("Assign", key=f"assign {one['id']}", on_click=consultation_dialogs.assign, args=(one["id"],))
    elif refund_dialog.may_refund():
        st.button("Refund", key=f"refund {one['id']}", on_click=refund_dialog.open, args=(one["payment_intent_id"],))
    elif may_act:
        st.button(
            "Cancel consultation",
            key=f"cancel {one['id']}",
            on_click=consultation_dialogs.end,
            args=(one["id"], "cancelled"),
        )
