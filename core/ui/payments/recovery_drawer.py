"""One failed payment over the list: why it failed, the best next step, and the buttons that act on it."""

import streamlit as st

from core.payments.recovery import recovery
from core.payments.recovery.best_action import BestAction, Do, best_action
from core.payments.recovery.recovery_cases import Case, Cases
from core.staff.flags import Flow
from core.staff.roles import Right, right
from core.ui import navigation, session
from core.ui.kit import drawer, paused, stripe_dashboard
from core.ui.payments import recovery_dialogs, recovery_view
from core.ui.text import literal

GONE = "This payment no longer needs to be collected. It was paid or canceled, or it is not a failed payment."

DIALOGS = {Do.RETRY: recovery_dialogs.retry, Do.SCHEDULE: recovery_dialogs.schedule, Do.LINK: recovery_dialogs.link}


def show(waiting: Cases, payment_id: str) -> None:
    """Show the failed payment with this id, if it still has to be collected."""
    case = next((each for each in waiting.cases if each.id == payment_id), None)
    if case is None:
        st.info(GONE)
        _link_below(payment_id)
        navigation.link("payments", "Open payment", session.actor().role, {"payment": payment_id})
        return
    best = best_action(case)
    recovery_view.headline(case)
    st.markdown(f"**{literal(best.do)}.** {literal(best.why)}")
    if right(session.actor().role, recovery.PAGE) >= Right.ACT:
        _buttons(case, best)
    _link_below(case.id)
    recovery_view.details(case)
    with st.container(horizontal=True, vertical_alignment="center"):
        navigation.link("payments", "Open payment", session.actor().role, {"payment": case.id})
        stripe_dashboard.link(f"payments/{case.id}")


def _buttons(case: Case, best: BestAction) -> None:
    """Draw the best next step as the main button, then the other possible actions."""
    if case.failed.in_flight:
        return
    off = paused.why(Flow.RETRIES)
    with st.container(horizontal=True, key="recovery-actions"):
        if best.do is Do.REVIEW and st.button(str(Do.REVIEW), type="primary"):
            navigation.open_page("payments", {"payment": case.id})
        possible = [] if case.failed.state == "stopped" else sorted(DIALOGS, key=lambda each: each is not best.do)
        for each in possible:
            held = off if each is Do.RETRY else ""
            st.button(
                str(each),
                type="primary" if each is best.do else "secondary",
                disabled=bool(held),
                help=held or None,
                on_click=drawer.ask,
                args=(DIALOGS[each], case),
            )
        label = {"open": "Stop retries", "scheduled": "Cancel scheduled retry", "stopped": str(Do.RESUME)}
        st.button(
            label[case.failed.state],
            type="primary" if best.do is Do.RESUME else "secondary",
            on_click=drawer.ask,
            args=(recovery_dialogs.stop, case),
        )


def _link_below(payment_id: str) -> None:
    linked, url = st.session_state.get(recovery_dialogs.LINK, ("", ""))
    if linked == payment_id:
        st.markdown("**Payment link**")
        st.code(url, language=None)
