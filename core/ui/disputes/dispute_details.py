"""One dispute: its facts, the evidence it needs, and answering or accepting it."""

from datetime import datetime

import streamlit as st

from core.errors import Unavailable
from core.money import Money
from core.payments.disputes import dispute_statuses, disputes, evidence
from core.payments.disputes.rows import DisputeFacts
from core.payments.payment_methods import brand_name, paid_with
from core.staff.roles import Right, right
from core.ui import navigation, session
from core.ui.disputes import answer_dialog, evidence_form
from core.ui.kit import detail_view, stripe_dashboard
from core.ui.text import in_zone, literal


def may_answer() -> bool:
    return right(session.actor().role, disputes.PAGE) >= Right.ACT


def show(dispute_id: str) -> None:
    """Show everything about one dispute, with the evidence form for users who may answer it."""
    running = session.services()
    now = running.clock()
    facts = disputes.facts_of(running.db, dispute_id)
    if facts is None:
        st.info(f"There is no dispute {literal(dispute_id)}.")
        return
    dispute = facts["dispute"]
    amount, reason = (Money(dispute["amount_minor"], dispute["currency"]), evidence.reason_of(dispute["reason"]))
    left = dispute_statuses.time_left(dispute, now)
    due = {"": "", "overdue": ", overdue"}.get(left, f", {left} left")
    said = f"{amount}, {reason.title.lower()}: {dispute_statuses.in_words(dispute['status']).lower()}{due}"
    st.markdown(f"## {literal(said)}")
    if dispute["in_flight"]:
        st.warning("Stripe has not answered about this dispute yet. This is settled automatically, once.")
    _facts(facts)
    with st.container(horizontal=True, vertical_alignment="center"):
        if dispute["payment_intent_id"]:
            navigation.link("payments", "Open payment", session.actor().role, {"payment": dispute["payment_intent_id"]})
        stripe_dashboard.link(f"disputes/{dispute['id']}")
    if dispute["status"] in dispute_statuses.TO_ANSWER:
        asked = evidence.APPEAL if dispute["status"] == evidence.APPEALABLE else reason
        st.markdown(f"**What to show.** {literal(asked.show)}")
    if not may_answer():
        st.caption("Finance and admins answer disputes.")
    elif dispute_statuses.is_answerable(dispute, now):
        _answer(facts)


def _facts(facts: DisputeFacts) -> None:
    dispute, visit = facts["dispute"], facts["consultation"]
    brand = brand_name(dispute["card_brand"]) if dispute["card_brand"] else None
    detail_view.facts(
        [
            ("Response due", _at(dispute["evidence_due_by"])),
            ("Opened", _at(dispute["created"])),
            ("Network's reason code", " ".join(filter(None, (brand, dispute["network_reason_code"])))),
            ("Payment method", paid_with(facts["payment"] or {})),
            ("Paid", _at(facts["charged_at"])),
            ("Dispute fee", Money(facts["fee_minor"], facts["fee_currency"]) if facts["fee_minor"] else None),
            (
                "Evidence",
                "saved, not submitted" if dispute["has_evidence"] and not dispute["submission_count"] else None,
            ),
            ("Submissions", f"{dispute['submission_count']:,}"),
            ("Consultation", visit and f"{visit['status']}, {visit['provider'] or 'no provider'}"),
            ("Earlier payments without a dispute", f"{facts['undisputed_before']:,}"),
            ("Dispute", dispute["id"]),
            ("Charge", dispute["charge_id"]),
        ],
        ids=("Dispute", "Charge"),
    )


def _answer(facts: DisputeFacts) -> None:
    try:
        case = disputes.case_of(
            session.services().payment_context, session.actor(), facts, session.settings().business_zone
        )
    except Unavailable:
        st.warning("Stripe is not answering, so the evidence cannot be shown. Reload the page in a moment.")
        return
    # Not opened in the button's callback: leaving a field saves it in the same run, and that must come first.
    if kind := st.session_state.pop(answer_dialog.ASKED, None):
        answer_dialog.ask(case, kind)
    evidence_form.show(case)
    with st.container(horizontal=True):
        has_text = bool(case.known) or bool(evidence_form.unsaved(case))
        st.button(
            "Submit evidence",
            type="primary",
            disabled=not has_text,
            help=None if has_text else "Fill in a field or attach a file first.",
            on_click=st.session_state.update,
            args=({answer_dialog.ASKED: answer_dialog.SUBMIT},),
        )
        st.button(
            "Accept dispute",
            on_click=st.session_state.update,
            args=({answer_dialog.ASKED: answer_dialog.ACCEPT},),
        )


def _at(moment: str | None) -> str | None:
    if moment is None:
        return None
    return in_zone(datetime.fromisoformat(moment), session.settings().business_zone)
