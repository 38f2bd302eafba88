"""Refunds: what was refunded, what is awaiting approval, and refunding a payment."""

from datetime import datetime

import streamlit as st

from core.money import Money
from core.monitoring import overview
from core.payments import refund_figures, refunds
from core.payments.refunds import STATUSES, Sought
from core.staff.audit_words import actor_name
from core.staff.roles import Right, right
from core.ui import session
from core.ui.kit import actions, cards, charts, filters, rows
from core.ui.kit.rows import Column
from core.ui.payments import refund_charts, refund_dialog
from core.ui.text import ago, code, in_zone, literal

REFRESH_SECONDS = 5
running, actor, zone = session.services(), session.actor(), session.settings().business_zone
context = running.payment_context
COLUMNS = (
    Column("at", "Requested", "moment"),
    Column("amount_minor", "Amount", "money"),
    Column("status", "Status", read=lambda one: STATUSES.get(one["status"], one["status"])),
    Column(
        "requested_by",
        "Requested by",
        read=lambda one: actor_name(one["requested_by"]) if one["requested_by"] else "in Stripe",
    ),
    Column("decided_by", "Approved by", read=lambda one: actor_name(one["decided_by"]) if one["decided_by"] else ""),
    Column("reason", "Reason", read=lambda one: refunds.reason_in_words(one["reason"])),
    Column("problem", "Problem", read=lambda one: one["problem"] or ""),
    Column("payment_intent_id", "Payment"),
    Column("id", "Refund"),
)


def forget_place() -> None:
    st.query_params.pop("after", None)


st.title("Refunds")
actions.show_result()
with st.container(horizontal=True, gap="medium"):
    period = filters.period()
    currency = filters.currency(overview.currencies(running.db))
figures = refund_figures.load(running.db, period, currency=currency)


@st.fragment(run_every=REFRESH_SECONDS)
def awaiting_approval() -> None:
    """The refunds that are awaiting approval now."""
    reader = session.actor()
    waiting, now = refunds.awaiting(context), running.clock()
    st.markdown(f"#### {literal(refund_figures.sentence(figures, waiting))}")
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
if (deciding := st.session_state.pop("deciding", None)) is not None:
    refund_dialog.decide(deciding)
cards.show(refund_figures.readings(figures), actor.role, filters.view(currency))
charts.show(refund_charts.each_day(figures))

if refund_dialog.may_refund():
    with st.container(horizontal=True, vertical_alignment="bottom"):
        payment = st.text_input(
            "Refund a payment", key="payment", bind="query-params", placeholder="pi_…", max_chars=100
        )
        if st.button("Refund…", disabled=not payment):
            refund_dialog.open(payment.strip())

st.subheader("Refunds in this period", anchor="rows")
status = st.selectbox(
    "Status",
    ["all", *STATUSES],
    format_func=lambda each: STATUSES.get(each, "All"),
    key="status",
    bind="query-params",
    on_change=forget_place,
)
since, until = period.bounds()
sought = Sought(since, until, None if status == "all" else status, currency)
page = refunds.newest(context, sought, after_id=st.query_params.get("after"))
if not page.rows:
    st.info("No refunds found. Refunds made here or in Stripe appear here at once.")
    st.stop()
chosen = rows.show(page.rows, COLUMNS, key="refunds", choose="refund")
with st.container(horizontal=True, vertical_alignment="center"):
    st.button("Newest", disabled="after" not in st.query_params, on_click=forget_place)
    st.button(
        "Older",
        disabled=page.next_after_id is None,
        on_click=st.query_params.update,
        args=({"after": page.next_after_id or ""},),
    )
    rows.files(lambda _: refunds.newest(context, sought, limit=1000).rows, COLUMNS, name="refunds")

if chosen and (found := refunds.one(context, chosen)):
    with st.container(border=True, key="chosen"):
        amount = Money(found["amount_minor"], found["currency"])
        st.subheader(literal(f"{amount}: {STATUSES.get(found['status'], found['status'])}"))
        at = in_zone(datetime.fromisoformat(found["at"]), zone)
        st.markdown(f"{code(found['id'])} for payment {code(found['payment_intent_id'])}, {literal(at)}")
        asked = found["action"] or {}
        steps = (
            ("Requested", "requested_at", "requested_by"),
            ("Decided", "decided_at", "decided_by"),
            ("Settled", "settled_at", None),
        )
        for title, moment, who in steps:
            if asked.get(moment):
                by = f" by {actor_name(asked[who])}" if who else ""
                st.write(literal(f"{title}{by}, {in_zone(datetime.fromisoformat(asked[moment]), zone)}"))
        if found["reason"]:
            st.write(f"Reason: {literal(refunds.reason_in_words(found['reason']))}")
        if found["problem"]:
            st.error(literal(f"Problem: {found['problem']}"))
