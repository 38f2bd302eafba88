"""Reconciliation: whether every cent of a month is explained, what is not, and closing the month."""

import streamlit as st

from core.figures.wording import counted
from core.finance import reconciliation
from core.ui import session
from core.ui.finance import (
    bank_upload,
    journal_panel,
    mismatch_panel,
    month_panel,
    payout_panel,
    period_choice,
    reconciliation_legs,
    stripe_report_panel,
)
from core.ui.kit import actions, filters, freshness
from core.ui.text import literal

running = session.services()

st.title("Reconciliation")
actions.show_result()
with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
    period = period_choice.month_or_days()
    found = reconciliation.load(running.db, period)
    currency = filters.currency([each["currency"] for each in found.currencies])
st.markdown(f"## {literal(reconciliation.headline(found))}")
if found.stale_days:
    st.info(f"{counted(found.stale_days, 'day')} of this period will be compared again in a moment.")
for month in found.changed_months:
    changed = counted(len(month["changes"]), "figure")
    st.error(f"{literal(month['month'][:7])} was closed and has changed since: {changed}. See the months below.")
for figures in (each for each in found.currencies if each["currency"] == currency):
    reconciliation_legs.show(figures)
mismatch_panel.show(found, currency)
payout_panel.show(found, currency)
bank_upload.show()
month_panel.show()
stripe_report_panel.show()
journal_panel.show(period)
fed = freshness.last_event(found.fresh_at, running.clock(), period.zone)
st.caption(f"Days end at midnight in {literal(period.zone.key)}; deposits are by the bank's own days. {fed}")
