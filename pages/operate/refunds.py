"""Refunds: what was refunded, what is awaiting approval, and refunding a payment."""

from datetime import datetime
from functools import partial

import streamlit as st

from core.exports.table import Table, by_key
from core.money import Money
from core.monitoring import overview
from core.payments import refund_figures, refunds, tables
from core.payments.refunds import STATUSES, Sought
from core.staff.audit_words import actor_name
from core.staff.flags import Flow
from core.staff.roles import Actor, Right, right
from core.ui import history_notice, session
from core.ui.kit import actions, cards, charts, drawer, export_panel, filters, paused, rows, sorted_list
from core.ui.payments import refund_charts, refund_details, refund_dialog, refund_start
from core.ui.text import ago, literal

REFRESH_SECONDS = 5
GROUP_TITLES = {"on_the_way": "Not completed yet", "not_made": "Refused or rejected"}
running, actor = session.services(), session.actor()
context = running.payment_context


def forget_place() -> None:
    st.query_params.pop("after", None)


def exported(_: Actor) -> Table:
    return tables.refunds_found(context, sought, count=many, period=period, filters=filters_set)


st.title("Refunds")
drawer.show("Refund", "refund", refund_details.show)
actions.show_result()
history_notice.show()
paused.notice(Flow.REFUNDS)
with st.container(horizontal=True, gap="medium"):
    period = filters.period()
    currency = filters.currency(overview.currencies(running.db))
figures = refund_figures.load(running.db, period, currency=currency)


@st.fragment(run_every=REFRESH_SECONDS)
def awaiting_approval() -> None:
    """The refunds that are awaiting approval now."""
    reader = session.actor()
    waiting, now = refunds.awaiting(context), running.clock()
    st.markdown(f"## {literal(refund_figures.sentence(figures, waiting))}")
    for asked in waiting:
        with st.container(border=True, key=f"awaiting {asked.id}"):
            what, act = st.columns([4, 1], vertical_alignment="center")
            amount = Money(asked.amount_minor or 0, asked.currency or "usd")
            when = ago(datetime.fromisoformat(asked.requested_at), now)
            about = literal(
                f"for {asked.payment_intent_id}, requested by {actor_name(asked.requested_by)} {when}: {asked.reason}"
            )
            what.markdown(f"**{literal(amount)}** {about}")
            if asked.requested_by == reader.name:
                act.caption("You requested this. Somebody else has to decide.")
            elif right(reader.role, refunds.PAGE) >= Right.APPROVE:
                if act.button("Decide", key=f"decide {asked.id}", width="stretch"):
                    st.session_state["deciding"] = asked
                    st.rerun()  # of the whole page: a dialog of this part would close when it refreshes


awaiting_approval()
for rejected in refunds.rejected_of(context, actor.name):
    amount = Money(rejected["amount_minor"], rejected["currency"])
    by = actor_name(rejected["decided_by"] or "")
    st.info(
        literal(f"{by} rejected your refund of {amount} for {rejected['payment_intent_id']}: {rejected['problem']}")
    )
if (deciding := st.session_state.pop("deciding", None)) is not None:
    refund_dialog.decide(deciding)
cards.show(refund_figures.readings(figures), actor.role, filters.view(currency))
charts.show(refund_charts.each_day(figures), on_pick=partial(filters.show_step, figures.daily))

refund_start.show()

st.subheader("Refunds in this period", anchor="rows")
status = st.selectbox(
    "Status",
    ["all", *GROUP_TITLES, *STATUSES],
    format_func=lambda each: (GROUP_TITLES | STATUSES).get(each, "All"),
    key="status",
    bind="query-params",
    on_change=forget_place,
)
since, until = period.bounds()
sought = Sought(since, until, None if status == "all" else status, currency)
filters_set = export_panel.set_filters()
page = refunds.newest(context, sought, after_id=st.query_params.get("after"))
if not page.rows:
    st.info("No refunds found. Refunds made here or in Stripe appear here at once.")
    st.stop()
in_batches = by_key(partial(refunds.page_after, context, sought))
if not sorted_list.shown("refunds", tables.REFUNDS, in_batches, choose="refund"):
    rows.show(page.rows, tables.REFUNDS, key="refunds", choose="refund", ordered=sorted_list.sortable(tables.REFUNDS))
with st.container(horizontal=True, vertical_alignment="center"):
    st.button("Newest", disabled="after" not in st.query_params, on_click=forget_place)
    st.button(
        "Older",
        disabled=page.next_after_id is None,
        on_click=st.query_params.update,
        args=({"after": page.next_after_id or ""},),
    )
    many = sum(
        count
        for each, (count, _) in figures.by_status.items()
        if status == "all" or each in refunds.GROUPS.get(status, (status,))
    )
    export_panel.show(exported, name="refunds", large=many > export_panel.LARGE_ROWS)
