"""Failed payments and past-due invoices: why they failed, the next step, and retrying or sending a payment link."""

from functools import partial

import streamlit as st

from core.exports.table import MOST_AT_ONCE
from core.monitoring import overview
from core.payments.recovery import recovery, recovery_cases, recovery_figures
from core.payments.recovery.retry_advice import Step
from core.staff.flags import Flow
from core.staff.roles import Right, right
from core.ui import history_notice, session
from core.ui.kit import actions, cards, charts, drawer, filters, paused, rows
from core.ui.payments import recovery_bulk, recovery_drawer, recovery_view
from core.ui.text import literal

SHOWN_AT_ONCE = 1000
running = session.services()
role = session.actor().role
may_act = right(role, recovery.PAGE) >= Right.ACT

st.title("Failed payments")
ordered = rows.order_of("recovery", {column.field for column in recovery_view.COLUMNS})
waiting = recovery_cases.waiting(running.payment_context, limit=MOST_AT_ONCE if ordered else SHOWN_AT_ONCE)
drawer.show("Failed payment", "payment", partial(recovery_drawer.show, waiting))
actions.show_result()
history_notice.show()
paused.notice(Flow.RETRIES)
off = paused.why(Flow.RETRIES)
asked_for = st.query_params.get("payment")
its_currency = next((each.failed.currency for each in waiting.cases if each.id == asked_for), "usd")
with st.container(horizontal=True, gap="medium"):
    currency = filters.currency(overview.currencies(running.db), its_currency)
    period = filters.period()
figures = recovery_figures.load(running.db, period, currency=currency)
cases = [each for each in waiting.cases if each.failed.currency == currency]

st.markdown(f"## {literal(recovery_figures.sentence(cases, currency))}")
if waiting.total > len(waiting.cases):
    st.caption(f"The {len(waiting.cases):,} largest of {waiting.total:,}.")
cards.show(recovery_figures.readings(figures, cases), role, filters.view(currency))
charts.show(
    recovery_view.chart(cases, currency),
    on_pick=lambda point: st.session_state.update(next=point["label"][:1].lower() + point["label"][1:]),
)

with st.container(horizontal=True, vertical_alignment="bottom"):
    step = st.selectbox(
        "Next step",
        [filters.ALL, *(str(each) for each in Step), *recovery_figures.GROUPS],
        key="next",
        bind="query-params",
    )
    found_by = st.text_input(
        "Find", key="find", max_chars=100, bind="query-params", placeholder="A payment, customer, patient or order"
    )
    due = recovery_cases.can_be_retried(cases)
    if may_act and due:
        st.button(
            f"Retry all that are due ({len(due):,})",
            disabled=bool(off),
            help=off or None,
            on_click=st.session_state.update,
            args=({"trying": True},),
        )
recovery_bulk.go_on()
if st.session_state.pop("trying", False):
    recovery_bulk.ask(due)


def fits(case: recovery_cases.Case) -> bool:
    of_step = step == filters.ALL or case.advice.step in recovery_figures.steps_of(step)
    return case.failed.currency == currency and of_step and case.matches(found_by or "")


listed = [each for each in cases if fits(each)]
if not listed:
    st.info("No failed payments found. Payments that fail and invoices that become past due appear here.")
    st.stop()
table = [recovery_view.as_row(each) for each in listed]
rows.show(table, recovery_view.COLUMNS, key="recovery", choose="payment")
rows.files(
    lambda _: [
        recovery_view.as_row(each)
        for each in recovery_cases.waiting(running.payment_context, limit=MOST_AT_ONCE).cases
        if fits(each)
    ],
    recovery_view.COLUMNS,
    name="failed-payments",
    large=waiting.total > len(waiting.cases),
)
