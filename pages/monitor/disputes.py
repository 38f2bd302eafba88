"""Disputes: which need a response and by when, fraud warnings, and the distance to the card networks' limits."""

from functools import partial

import streamlit as st

from core.exports.table import MOST_AT_ONCE
from core.figures.days import in_steps
from core.monitoring import overview
from core.payments.disputes import dispute_figures, dispute_statuses, disputes, evidence, fraud_warnings, networks
from core.payments.disputes.dispute_statuses import Shown
from core.payments.payment_methods import brand_name
from core.periods import business_day
from core.ui import history_notice, session
from core.ui.disputes import dispute_charts, dispute_details, network_limits, policy_texts, warning_details
from core.ui.kit import actions, cards, charts, drawer, filters, freshness, rows, shared_cache
from core.ui.kit.rows import Column
from core.ui.text import literal, zone_name

AT_ONCE = 500  # rows on the page; a file has all
running = session.services()
db, now, role = running.db, running.clock(), session.actor().role
COLUMNS = (
    Column("evidence_due_by", "Evidence due", "moment"),
    Column("left", "Time left", read=lambda one: dispute_statuses.time_left(one, now), sort_by="evidence_due_by"),
    Column("amount_minor", "Amount", "money", total=True),
    Column("reason", "Reason", read=lambda one: evidence.reason_of(one["reason"]).title),
    Column("network_reason_code", "Reason code", help="The card network's own code for the reason."),
    Column("card_brand", "Card", read=lambda one: brand_name(one["card_brand"]) if one["card_brand"] else ""),
    Column("status", "Status", read=lambda one: dispute_statuses.in_words(one["status"])),
    Column("submission_count", "Submissions", "count"),
    Column("created", "Opened", "moment"),
    Column("payment_intent_id", "Payment", links_to="payments?payment={}"),
    Column("id", "Dispute"),
)
WARNED = (
    Column("created", "Reported", "moment"),
    Column("left_minor", "Cost if refunded", "money", total=True),
    Column("expected_minor", "Expected cost if not", "money"),
    Column("fraud_type", "Reported as"),
    Column("card", "Payment method"),
    Column("consultation", "Consultation", read=lambda one: (one["consultation"] or "").capitalize()),
    Column("payment_intent_id", "Payment", links_to="payments?payment={}"),
)


def leave() -> None:
    for each in ("dispute", "warning"):
        st.query_params.pop(each, None)


st.title("Disputes")
drawer.show("Fraud warning", "warning", warning_details.show)
actions.show_result()
history_notice.show()
chosen = st.query_params.get("dispute")
if chosen:
    st.button("All disputes", icon=":material/arrow_back:", type="tertiary", on_click=leave)
    dispute_details.show(chosen)
# Below one dispute the filters stay, so that going back shows the same list.
with st.expander("Other disputes") if chosen else st.container(horizontal=True, gap="medium"):
    choice = st.selectbox("Show", list(Shown), key="show", bind="query-params", width=200)
    shown = Shown(choice or Shown.TO_ANSWER)
    period = filters.period()
    known = shared_cache.answers().get("currencies", partial(overview.currencies, db), ttl_seconds=0).answer
    currency = filters.currency(known)
if chosen:
    st.stop()

waiting = disputes.listed(db, Shown.TO_ANSWER)
st.markdown(f"## {literal(disputes.sentence(waiting, now))}")
counted = dispute_figures.load(db, period, currency=currency)
today = business_day(now, period.zone)
cards.show(counted.readings(today), role, filters.view(currency))

if shown is Shown.WARNINGS:
    warned, history = fraud_warnings.listed(db, now, limit=AT_ONCE)
    many = "1 payment is" if len(warned) == 1 else f"{len(warned):,} payments are"
    st.subheader(f"{many} reported as fraud and can be refunded")
    st.caption(
        f"{literal(fraud_warnings.history_in_words(history))} A dispute also costs its fee, and Visa counts it as a "
        f"second event."
    )
    rows.show([each.row for each in warned], WARNED, key="warned", choose="warning")
    rows.files(
        lambda _: [each.row for each in fraud_warnings.listed(db, now, limit=MOST_AT_ONCE)[0]],
        WARNED,
        name="fraud-warnings",
        large=len(warned) >= AT_ONCE,
    )
else:
    is_sorted = rows.order_of("disputes", {column.field for column in COLUMNS}) is not None
    found = disputes.listed(db, shown, period=period, currency=currency, limit=MOST_AT_ONCE if is_sorted else AT_ONCE)
    st.subheader(f"{len(found):,} {shown}")
    if found:
        rows.show(found, COLUMNS, key="disputes", choose="dispute")
        rows.files(
            lambda _: disputes.listed(db, shown, period=period, currency=currency, limit=MOST_AT_ONCE),
            COLUMNS,
            name="disputes",
            large=len(found) >= AT_ONCE,
            period=period if shown in dispute_statuses.OF_A_PERIOD else None,
        )
    else:
        st.info("There are none. A dispute appears here a moment after a bank opens it.")

by_day = dispute_charts.opened(in_steps(counted.daily), in_steps(counted.previous_daily), currency)
charts.show_in_pairs(
    [by_day, dispute_charts.by_reason(disputes.by_reason(db, period, currency), currency)],
    {by_day.name: partial(filters.show_step, in_steps(counted.daily), show=Shown.OPENED.value)},
)
day = min(period.until, today)
network_limits.show(networks.month_counts(db, day, currency), day, currency, may_set=dispute_details.may_answer())
if dispute_details.may_answer():
    policy_texts.show()
st.caption(f"Times are {literal(zone_name(period.zone))}. {freshness.last_event(counted.fresh_at, now, period.zone)}")
