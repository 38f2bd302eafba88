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
from core.ui.payments import payment_details
from core.ui.text import code, literal, zone_name

WORDS = {words.lower(): status for status, words in payments.STATUSES.items()}
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


def look_up(actor: Actor) -> str:
    found = payments.customers_of_email(running.payment_context, actor, st.session_state.get("email") or "")
    st.session_state["of_email"] = found
    if len(found) == 1:
        look_for(found[0].id)
    customers = "1 customer has" if len(found) == 1 else f"{len(found) or 'No'} customers have"
    return f"{customers} this address at Stripe. The address was not stored."


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
        with st.popover("By e-mail address", icon=":material/alternate_email:"):
            with st.form("by-email", border=False, clear_on_submit=True):
                st.text_input("E-mail address", key="email", max_chars=320)
                st.caption("We look it up at Stripe and do not store it. The audit log says that you looked.")
                st.form_submit_button("Look up", on_click=actions.attempt, args=(look_up,))
for customer in st.session_state.get("of_email", []) if not chosen else []:
    st.button(
        f"{code(customer.id)}, {customer.payments:,} payments",
        key=customer.id,
        type="tertiary",
        on_click=look_for,
        args=(customer.id,),
    )
if chosen:
    st.stop()

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
span = "in all time" if sought.everywhere else f"from {period.since:%-d %b %Y} to {period.until:%-d %b %Y}"
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
with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
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
