"""Where care and payment do not fit, one row each with its fix."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from core.money import Money
from core.providers.assignment_figures import waited
from core.staff.roles import Right, right
from core.ui import session
from core.ui.consultations import consultation_dialogs
from core.ui.payments import refund_dialog
from core.ui.text import code, literal

AT_FIRST, AT_MOST = 5, 100
ALL = "mismatches"


def show(mismatches: Sequence[dict[str, Any]]) -> None:
    """A row each: what does not fit, what mends it, and the button that
    does; the oldest few until all are asked for.
    """
    st.markdown(literal(_in_short(mismatches)))
    most = AT_MOST if st.query_params.get(ALL) == "all" else AT_FIRST
    for one in mismatches[:most]:
        with st.container(border=True, key=f"mismatch-{one['id']}"):
            what, fix, act = st.columns([6, 5, 2], vertical_alignment="center")
            what.markdown(f"**{literal(_what(one))}**")
            what.caption(f"Consultation {code(one['id'])}  \nPayment {code(one['payment_intent_id'])}")
            fix.markdown(literal(_fix(one)))
            with act.container(horizontal=True):
                _buttons(one)

    if len(mismatches) > most == AT_FIRST:
        st.button(f"Show all {len(mismatches):,}", on_click=st.query_params.update, args=({ALL: "all"},))
    elif len(mismatches) > most:
        st.caption(f"The oldest {most:,} are shown.")


def _in_short(mismatches: Sequence[dict[str, Any]]) -> str:
    """How many of each kind there are, and what was paid for care that nobody gives."""
    waiting = [one for one in mismatches if one["problem"] == "paid_but_waiting"]
    sums: dict[str, int] = {}
    for one in waiting:
        kept = one["received_minor"] - one["refunded_minor"]
        sums[one["currency"]] = sums.get(one["currency"], 0) + kept
    paid = " and ".join(str(Money(minor, currency)) for currency, minor in sums.items())
    said = []
    if waiting:
        said.append(f"{len(waiting):,} paid {paid} in all and {'has' if len(waiting) == 1 else 'have'} nobody.")
    if back := len(mismatches) - len(waiting):
        said.append(f"{back:,} had all money back and {'is' if back == 1 else 'are'} still open.")
    return " ".join(said)


def _what(one: dict[str, Any]) -> str:
    paid = Money(one["received_minor"], one["currency"])
    if one["problem"] == "refunded_but_open":
        holder = f"still with {one['provider_name']}" if one["provider_name"] else "still waiting"
        return f"{paid} was given back, and the consultation is {holder}"
    return f"{paid} was paid, and nobody has the patient after {waited(one['age_seconds'])}"


def _fix(one: dict[str, Any]) -> str:
    if one["problem"] == "refunded_but_open":
        return "Cancel the consultation, so that its provider has capacity for another patient."
    if one["somebody"]:
        return "A provider is available now: assign it."
    return f"{one['reason']} Give the money back, or find a provider who may see patients there."


def _buttons(one: dict[str, Any]) -> None:
    may_act = right(session.actor().role, "assignments") >= Right.ACT
    if one["problem"] == "refunded_but_open":
        if may_act:
            st.button(
                "Cancel it", key=f"cancel {one['id']}", on_click=consultation_dialogs.end, args=(one["id"], "cancelled")
            )
        return
    if may_act and one["somebody"]:
        st.button("Assign", key=f"assign {one['id']}", on_click=consultation_dialogs.give, args=(one["id"],))
    elif refund_dialog.may_refund():
        st.button("Refund", key=f"refund {one['id']}", on_click=refund_dialog.open, args=(one["payment_intent_id"],))
    elif may_act:
        st.button(
            "Cancel it", key=f"cancel {one['id']}", on_click=consultation_dialogs.end, args=(one["id"], "cancelled")
        )
