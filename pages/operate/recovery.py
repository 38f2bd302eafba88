"""Failed payments and past-due invoices: why they failed, the next step, and retrying or sending a payment link."""

import streamlit as st

from core.monitoring import overview
from core.payments.recovery import recovery, recovery_figures
from core.payments.recovery.retry_advice import Step
from core.staff.roles import Right, right
from core.ui import session
from core.ui.kit import actions, cards, charts, filters, rows, stripe_dashboard
from core.ui.payments import recovery_bulk, recovery_dialogs, recovery_view
from core.ui.text import literal

running = session.services()
role = session.actor().role
may_act = right(role, recovery.PAGE) >= Right.ACT

st.title("Failed payments")
actions.show_result()
waiting = recovery.waiting(running.payment_context)
asked_for = st.query_params.get("payment")
its_currency = next((each.failed.currency for each in waiting.cases if each.id == asked_for), "usd")
with st.container(horizontal=True, gap="medium"):
    currency = filters.currency(overview.currencies(running.db), its_currency)
    period = filters.period()
figures = recovery_figures.load(running.db, period, currency=currency)
cases = [each for each in waiting.cases if each.failed.currency == currency]

st.markdown(f"#### {literal(recovery_figures.sentence(cases, currency))}")
if waiting.total > len(waiting.cases):
    st.caption(f"The {len(waiting.cases):,} largest of {waiting.total:,}.")
cards.show(recovery_figures.readings(figures, cases), role, filters.view(currency))
charts.show(recovery_view.chart(cases, currency))

with st.container(horizontal=True, vertical_alignment="bottom"):
    step = st.selectbox("Next step", [filters.ALL, *(str(each) for each in Step)], key="next", bind="query-params")
    found_by = st.text_input(
        "Find", key="find", max_chars=100, bind="query-params", placeholder="A payment, customer, patient or order"
    )
    due = recovery.worth_trying(cases)
    if may_act and due:
        st.button(f"Retry all that are due ({len(due):,})", on_click=st.session_state.update, args=({"trying": True},))
recovery_bulk.go_on()
if st.session_state.pop("trying", False):
    recovery_bulk.ask(due)
listed = [each for each in cases if step in (filters.ALL, each.advice.step) and each.goes_by(found_by or "")]
if asked_for and asked_for not in {each.id for each in cases}:
    st.info("The chosen payment no longer needs to be collected, or is in another currency.")
if not listed:
    st.info("No failed payments found. Payments that fail and invoices that become past due appear here.")
    st.stop()
table = [recovery_view.as_row(each) for each in listed]
chosen = rows.show(table, recovery_view.COLUMNS, key="recovery", choose="payment")
rows.files(lambda _: table, recovery_view.COLUMNS, name="failed-payments")

for case in (each for each in cases if each.id == chosen):
    with st.container(border=True, key="chosen"):
        recovery_view.details(case)
        linked, url = st.session_state.get(recovery_dialogs.LINK, ("", ""))
        if linked == case.id:
            st.markdown("**Payment link**")
            st.code(url, language=None)
        with st.container(horizontal=True):
            if may_act and not case.failed.in_flight:
                if case.failed.state != "stopped":
                    by_customer = case.advice.step is Step.CUSTOMER
                    st.button(
                        "Retry payment",
                        type="secondary" if by_customer else "primary",
                        on_click=st.session_state.update,
                        args=({"asked": "retry"},),
                    )
                    st.button("Schedule retry", on_click=st.session_state.update, args=({"asked": "schedule"},))
                    st.button(
                        "Payment link",
                        type="primary" if by_customer else "secondary",
                        on_click=st.session_state.update,
                        args=({"asked": "link"},),
                    )
                label = {"open": "Stop retries", "scheduled": "Cancel scheduled retry", "stopped": "Resume retries"}[
                    case.failed.state
                ]
                st.button(label, on_click=st.session_state.update, args=({"asked": "stop"},))
            stripe_dashboard.link(f"payments/{case.id}")
    if asked := st.session_state.pop("asked", None):
        getattr(recovery_dialogs, asked)(case)
