"""Customers: one of them with everything that belongs to them, or the newest."""

import streamlit as st

from core.customers import customers
from core.exports.table import Column
from core.ui import history_notice, session
from core.ui.customers import customer_details
from core.ui.kit import actions, rows
from core.ui.text import literal

NEWEST = (
    Column("created", "Customer since", "moment"),
    Column("id", "Customer"),
    Column("patient_id", "Patient"),
    Column("payments", "Payments", "count"),
    Column("subscriptions", "Subscriptions", "count"),
    Column("delinquent", "Last invoice", read=lambda one: "Not paid" if one["delinquent"] else ""),
)


def all_customers() -> None:
    for parameter in ("customer", "patient"):
        st.query_params.pop(parameter, None)


st.title("Customers")
actions.show_result()
history_notice.show()
db = session.db()
customer, patient = st.query_params.get("customer"), st.query_params.get("patient")
if customer or patient:
    st.button("All customers", icon=":material/arrow_back:", type="tertiary", on_click=all_customers)
    found = customers.life(db, session.actor(), customer_id=customer, patient_id=None if customer else patient)
    if found is None:
        st.info(f"There is no customer {literal(customer or patient)}. A new one appears once their event arrives.")
    else:
        customer_details.show(found)
    st.stop()

newest = customers.newest(db, session.actor())
if not newest:
    st.info("Customers appear here a moment after Stripe reports them.")
    st.stop()
st.markdown("## The newest customers")
st.caption("Find any other with the search in the sidebar: by customer, patient, order or e-mail address.")
rows.show(newest, NEWEST, key="customers", choose="customer", file="newest-customers")
