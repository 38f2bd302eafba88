"""The payouts of a period, and one in detail: its movements by category, and how much of it arrived."""

from functools import partial

import streamlit as st

from core.db import Database
from core.exports.table import MOST_AT_ONCE, Table
from core.finance import mismatches, payouts
from core.finance.bank.wording import MATCHED_BY
from core.finance.reconciliation import DEPOSIT_STATES, Reconciliation
from core.money import Money
from core.staff.roles import Actor
from core.ui import navigation, session
from core.ui.finance.reconciliation_legs import CATEGORIES
from core.ui.kit import export_panel, rows
from core.ui.kit.rows import Column
from core.ui.text import code, literal

AT_ONCE = 2000  # the most payouts on the page; an export has all
CONTENTS = {
    "known": "",
    "pending": "not listed yet",
    "not_listed": "not listed by Stripe",
    "missing": "none",
}
COLUMNS = (
    Column("day", "Created", "day", width=95),
    Column("amount_minor", "Amount", "money", total=True, width=105),
    Column("kind", "Type", read=lambda one: one["kind"].capitalize(), width=85),
    Column("transactions", "Transactions", "count", width=95),
    Column(
        "remainder_minor", "Remainder", "money", help="The payout minus its transactions. It should be zero.", width=90
    ),
    Column("contents_state", "Contents", read=lambda one: CONTENTS[one["contents_state"]]),
    Column(
        "expected_on", "Expected at the bank", "day", help="Stripe's date, or the next day on which banks are open."
    ),
    Column("deposited_on", "Arrived", "day"),
    Column("deposit_state", "At the bank", read=lambda one: DEPOSIT_STATES[one["deposit_state"]].capitalize()),
    Column("payout_id", "Payout", "id"),
)
MOVEMENTS = (
    Column("created", "Booked", "moment"),
    Column("reporting_category", "Category", read=lambda one: one["reporting_category"].replace("_", " ")),
    Column("amount_minor", "Amount", "money", total=True),
    Column("fee_minor", "Fee", "money", total=True),
    Column("net_minor", "Net", "money", total=True),
    Column("source_id", "Object", "id"),
    Column("payment_intent_id", "Payment", "id"),
    Column("id", "Balance transaction", "id"),
)
DEPOSITS = (
    Column("booked_on", "Booked", "day"),
    Column("amount_minor", "Amount", "money"),
    Column("reference", "Reference"),
    Column("matched_by", "Matched by", read=lambda one: MATCHED_BY[one["matched_by"]]),
)


def show(found: Reconciliation, currency: str) -> None:
    """Show the table, and below it the selected payout."""
    listed = payouts.listed(session.db(), found.period, currency, most=AT_ONCE)
    if not listed:
        st.info("Payouts of the period appear here a moment after Stripe makes them.")
    else:
        rows.show(listed, COLUMNS, key="payouts", choose="payout", id_field="payout_id")
        rows.files(
            lambda _: payouts.listed(session.db(), found.period, currency, most=MOST_AT_ONCE),
            COLUMNS,
            name="payouts",
            period=found.period,
            large=len(listed) >= AT_ONCE,
        )
        rows.note_if_cut(listed, AT_ONCE, "newest")
    chosen = st.query_params.get("payout")
    if chosen and (payout := payouts.one(session.db(), chosen)):
        _details(payout)


def _details(payout: payouts.PayoutDetails) -> None:
    currency = payout["currency"]
    with st.container(border=True, key="chosen-payout"):
        st.markdown(f"## Payout of {literal(Money(payout['amount_minor'], currency))}")
        st.markdown(f"{code(payout['payout_id'])}, {literal(DEPOSIT_STATES[payout['deposit_state']])}")
        if payout["contents_state"] == "not_listed":
            st.info(
                "Stripe lists no transactions of a manual or instant payout. It is matched with the bank by amount and "
                "day."
            )
        else:
            rows.show(
                [{**each, "currency": currency} for each in payout["categories"]],
                CATEGORIES,
                key="payout-parts",
                file="payout-categories",
            )
            if payout["remainder_minor"] is not None:
                st.markdown(f"Remainder: **{literal(Money(payout['remainder_minor'], currency))}**")
        for each in mismatches.of_payout(session.db(), payout["payout_id"], now=session.services().clock()):
            st.warning(literal(mismatches.sentence(each)))
        if payout["deposits"]:
            rows.show(payout["deposits"], DEPOSITS, key="payout-deposits", file="payout-deposits")
        if payout["movements"]:
            moved = rows.show(payout["movements"], MOVEMENTS, key="payout-movements", choose="movement")
            many = payouts.movements_of(payout)
            if many > len(payout["movements"]):
                st.caption(f"The first {len(payout['movements']):,} of {many:,} movements; the files have all.")
            export_panel.show(
                partial(_movements, session.db(), payout),
                name=payout["payout_id"],
                large=many > export_panel.LARGE_ROWS,
            )
            for one in (each for each in payout["movements"] if each["id"] == moved and each["payment_intent_id"]):
                navigation.link(f"payments?payment={one['payment_intent_id']}", "See the payment", session.actor().role)


def _movements(db: Database, payout: payouts.PayoutDetails, _: Actor) -> Table:
    """A table to export, with all movements of the payout."""
    batches = payouts.movements(db, payout["payout_id"])
    return Table(payout["payout_id"], "Movements", MOVEMENTS, batches, payouts.movements_of(payout))
