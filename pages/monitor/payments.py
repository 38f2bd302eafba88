"""Payments: search, list and export them, or read everything about one of them."""

from functools import partial

import streamlit as st

from core.errors import Refused
from core.exports.table import Table, by_key
from core.monitoring import overview
from core.payments import payments, tables
from core.payments.declines import Category
from core.staff.roles import Actor
from core.ui import history_notice, session
from core.ui.kit import actions, export_panel, filters, freshness, rows, shared_cache, sorted_list
from core.ui.payments import email_lookup, payment_details
from core.ui.text import literal, zone_name

WORDS = {words.lower(): status for status, words in payments.STATUSES.items()}
CAUSES = [str(cause) for cause in overview.CAUSES]
SORTABLE = sorted_list.sortable(tables.PAYMENTS)
running = session.services()
db = running.db


def look_for(name: str | None = None) -> None:
    """Show the list from the start; with `name`, the payments with this ID or reference."""
    st.query_params.pop("payment", None)
    for each in ("before", "counted", "cause"):
        st.query_params.pop(each, None)
    if name:
        st.session_state["find"] = name


def show_cause() -> None:
    """Show the payments that failed for the chosen cause, from the start."""
    look_for()
    if cause := st.session_state["failed_for"]:
        st.query_params.update(counted="failed", cause=cause)


def exported(reader: Actor) -> Table:
    many = found.count if found.count < payments.COUNTED_AT_MOST else None
    span = None if sought.everywhere else period
    return tables.payments_found(db, reader, sought, count=many, period=span, filters=filters_set)


st.title("Payments")
actions.show_result()
history_notice.show()
chosen = st.query_params.get("payment")
if chosen:
    st.button("All payments", icon=":material/arrow_back:", type="tertiary", on_click=look_for)
    payment_details.show(chosen, look_for=look_for)

# Below one payment the filters stay, so that going back shows the same list.
with st.expander("Find another payment") if chosen else st.container(key="filters-in-pairs"):
    name, amount, last4, status, money = st.columns([5, 2, 2, 3, 2], vertical_alignment="bottom")
    typed = {
        "name": name.text_input(
            "Find",
            key="find",
            max_chars=200,
            bind="query-params",
            on_change=look_for,
            placeholder="Any ID: payment, order, customer …",
            help="The ID of a payment, charge, refund, dispute, invoice, checkout, subscription, order, "
            "customer, patient or "
            "consultation. The search covers all time.",
        ),
        "amount": amount.text_input(
            "Amount", key="amount", max_chars=20, bind="query-params", on_change=look_for, placeholder="49.00"
        ),
        "last4": last4.text_input(
            "Last four", key="last4", max_chars=4, bind="query-params", on_change=look_for, placeholder="4242"
        ),
    }
    with status:
        stands = st.selectbox("Status", [filters.ALL, *WORDS], key="status", bind="query-params", on_change=look_for)
    with money:
        known = shared_cache.answers().get("currencies", partial(overview.currencies, db), ttl_seconds=0).answer
        currency = filters.any_currency(known)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        period = filters.period()
        said = st.query_params.get("cause")
        st.session_state["failed_for"] = said if said in CAUSES else None
        st.selectbox(
            "Cause of failure",
            CAUSES,
            index=None,
            placeholder="Any cause",
            format_func=overview.cause_title,
            key="failed_for",
            on_change=show_cause,
            width=280,
        )
        email_lookup.field(look_for)
if chosen:
    st.stop()
email_lookup.customers_found(look_for)

counted, cause = st.query_params.get("counted"), st.query_params.get("cause")
try:
    if counted == "failed" and cause:
        sought = payments.failed_for(db, cause, period, currency, running.clock())
    elif counted:
        sought = payments.counted_in(counted, period, currency, running.clock())
    else:
        sought = payments.sought(**typed, status=WORDS.get(stands), currency=currency, bounds=period.bounds())
except Refused as refused:
    st.error(literal(refused.detail))
    st.stop()
filters_set = export_panel.set_filters()
before = payments.place_of(st.query_params.get("before"))
found = payments.find(db, session.actor(), sought, before=before)
span = "in all time" if sought.everywhere else payments.span(period)
st.markdown(f"## {literal(payments.sentence(found, span))}")
if counted:
    with st.container(horizontal=True, vertical_alignment="center"):
        why = f", because of {overview.CAUSES[Category(cause)]}" if cause and counted == "failed" else ""
        st.markdown(f"Only {literal(payments.COUNTED[counted] + why)}.", width="content")
        st.button("Show all payments", type="tertiary", on_click=look_for)
if not found.items:
    st.info("Payments appear here a moment after Stripe reports them. Widen the period or remove a filter.")
    st.stop()
in_batches = by_key(partial(payments.page_after, db, session.actor(), sought))
is_sorted = sorted_list.shown("payments", tables.PAYMENTS, in_batches, choose="payment")
if not is_sorted:
    rows.show(found.items, tables.PAYMENTS, key="payments", choose="payment", ordered=SORTABLE)
with st.container(horizontal=True, vertical_alignment="center"):
    with st.container(horizontal=True, width="content"):
        st.button("Newest", disabled=before is None, on_click=look_for)
        st.button(
            "Older",
            disabled=found.next is None or is_sorted,
            on_click=st.query_params.update,
            args=({"before": payments.place_in_words(found.next)},),
        )
    with st.container(width="content"):
        export_panel.show(exported, name="payments", large=found.count >= payments.COUNTED_AT_MOST)
fed = freshness.last_event(found.fresh_at, running.clock(), period.zone)
st.caption(f"Choose a row to see the payment. Times are in {literal(zone_name(period.zone))}. {fed}")
