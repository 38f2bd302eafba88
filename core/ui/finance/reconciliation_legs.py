"""The parts of a reconciliation, from ledger to bank: a waterfall from opening to closing balance, and tables."""

from collections.abc import Sequence
from functools import partial

import pandas as pd  # type: ignore[import-untyped]
import streamlit as st

from core.exports.table import Table
from core.figures.wording import counted
from core.finance import payouts
from core.finance.reconciliation import DEPOSIT_STATES, LINES, Figures, Stage, stages, unknown_rates
from core.money import Money
from core.periods import Period
from core.ui import in_view, session
from core.ui.finance import ledger_table
from core.ui.finance.revenue_charts import waterfall
from core.ui.kit import charts, export_panel, rows
from core.ui.kit.charts import Chart
from core.ui.kit.rows import Column
from core.ui.text import literal

SIDES = (
    Column("title", "Line"),
    Column("ours_minor", "Our ledger", "money"),
    Column("ours_entries", "Entries", "count"),
    Column("stripe_minor", "Stripe's balance", "money"),
    Column("stripe_transactions", "Transactions", "count"),
    Column(
        "timing_minor",
        "Other day",
        "money",
        help="Booked on another day: ours in this period, Stripe's in another, or not yet.",
    ),
    Column("conversion_minor", "Other currency", "money", help="Settled in another currency."),
    Column("mismatch_minor", "Mismatches", "money"),
    Column("remainder_minor", "Remainder", "money", help="The unexplained difference. It should be zero."),
)
CATEGORIES = (
    Column("category", "Reporting category", read=lambda one: one["category"].replace("_", " ").capitalize()),
    Column("transactions", "Transactions", "count"),
    Column("amount_minor", "Amount", "money"),
    Column("fee_minor", "Fee", "money"),
    Column("net_minor", "Net", "money"),
)
MOVEMENTS = (
    Column("created", "Booked", "moment"),
    Column("share_minor", "In this bar", "money", total=True),
    Column("reporting_category", "Category", read=lambda one: one["reporting_category"].replace("_", " ")),
    Column("amount_minor", "Amount", "money"),
    Column("fee_minor", "Fee", "money"),
    Column("net_minor", "Net", "money"),
    Column("payment_intent_id", "Payment", links_to="payments?payment={}"),
    Column("source_id", "Object", "id"),
    Column("id", "Balance transaction", "id"),
)
STEP, AT_ONCE = "step", 1_000


def show(figures: Figures, period: Period) -> None:
    """Show one currency's reconciliation; `?step=Refunds` lists the movements that a bar of the waterfall adds up."""
    found = stages(figures)
    charts.show(_from_opening_to_closing(figures, found), on_pick=lambda point: _choose(found[point["point_index"]]))
    if chosen := next((each for each in found if each.categories and each.name == st.query_params.get(STEP)), None):
        _show_stage(chosen, figures, period)
    currency = figures["currency"]
    lines = [
        {**line, "id": line["line"], "title": LINES[line["line"]], "currency": currency} for line in figures["lines"]
    ]
    st.markdown("**Our ledger beside Stripe's balance**")
    ledger_table.show(lines, SIDES, name=f"ledger-and-balance-{currency}")
    categories = st.expander("Stripe's balance by reporting category", on_change="rerun", key=f"categories-{currency}")
    if categories.open:
        with categories:
            rows.show(
                [{**each, "currency": currency} for each in figures["categories"]],
                CATEGORIES,
                key=f"moved-{currency}",
                file=f"balance-by-category-{currency}",
            )
    if said := unknown_rates(figures):
        st.warning(literal(said), icon=":material/currency_exchange:")
    st.markdown("\n".join(f"- {literal(sentence)}" for sentence in payout_sentences(figures)))


def payout_sentences(figures: Figures) -> list[str]:
    """Sentences on what the payouts contain, and how much of them arrived at the bank."""
    currency, payouts, states = figures["currency"], figures["payouts"], figures["payout_states"]
    if not payouts["payouts"]:
        return ["No payouts in this period."]
    amount, remainder = Money(payouts["amount_minor"], currency), Money(payouts["remainder_minor"], currency)
    how_many = counted(payouts["payouts"], "payout")
    said = [f"{how_many} came to {amount}; their transactions differ from that by {remainder}."]
    if states["not_listed"]:
        said.append(
            f"{counted(states['not_listed'], 'payout')} manual or instant: Stripe lists no transactions of these. They "
            "are matched with the bank by amount and day alone."
        )
    if states["pending"]:
        said.append(f"{counted(states['pending'], 'payout')} without a list of transactions yet.")
    said += [
        f"{counted(each['count'], 'payout')} {DEPOSIT_STATES[each['key']]}: {Money(each['amount'], currency)}."
        for each in states["by_deposit"]
    ]
    deposits = figures["deposits"]
    if deposits["entries"]:
        booked = Money(deposits["amount_minor"], currency)
        said.append(f"The bank booked {counted(deposits['entries'], 'entry', 'entries')} of Stripe's, {booked} in all.")
    return said


def _choose(stage: Stage) -> None:
    if stage.categories:
        st.query_params[STEP] = stage.name
        in_view.ask(STEP)


def _close() -> None:
    st.query_params.pop(STEP, None)


def _show_stage(stage: Stage, figures: Figures, period: Period) -> None:
    """Show the movements that a bar adds up, the oldest first."""
    currency = figures["currency"]
    batches = partial(payouts.movements_of_stage, session.db(), stage, figures, period)
    in_view.here(STEP)
    with st.container(border=True, key="movements-of-a-bar"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(f"**{literal(stage.name)}: {literal(Money(stage.minor, currency))}**", width="content")
            st.button("Close", type="tertiary", icon=":material/close:", on_click=_close)
        many = sum(each["transactions"] for each in figures["categories"] if each["category"] in stage.categories)
        if not many:
            st.caption("Nothing moved the balance here in this period.")
            return
        rows.show(next(batches(most=AT_ONCE)), MOVEMENTS, key="movements-of-a-bar")
        if many > AT_ONCE:
            st.caption(f"The first {AT_ONCE:,} movements are shown; the files have all.")
        name = f"balance-{stage.name.lower().replace(' ', '-')}-{currency}"
        table = Table(name, f"{stage.name} on Stripe's balance", MOVEMENTS, batches, many, period)
        export_panel.show(lambda _: table, name=name, large=many > export_panel.LARGE_ROWS)


def _from_opening_to_closing(figures: Figures, found: Sequence[Stage]) -> Chart:
    currency = figures["currency"]
    steps = [(stage.name, stage.minor) for stage in found]
    figure, written = waterfall(currency.upper(), steps, currency)
    unit = f"Amount ({currency.upper()})"
    frame = pd.DataFrame(
        {"Step": [name for name, _ in steps], unit: [charts.major(minor, currency) for _, minor in steps]}
    )
    return Chart(
        f"legs-{currency}",
        "How did the balance get from its opening to its closing?",
        figure,
        f"Waterfall of Stripe's balance: {', '.join(written)}.",
        lambda: frame,
        {unit: "accounting"},
    )
