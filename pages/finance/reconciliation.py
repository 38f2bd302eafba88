"""Reconciliation: whether every cent of a month is explained, what is not, and closing the month."""

from functools import partial

import streamlit as st

from core.figures.wording import counted
from core.finance import reconciliation
from core.ui import history_notice, session
from core.ui.finance import (
    bank_upload,
    journal_panel,
    mismatch_panel,
    month_panel,
    payout_panel,
    period_choice,
    reconciliation_legs,
    sections,
    stripe_report_panel,
)
from core.ui.kit import actions, filters, freshness
from core.ui.text import literal, zone_name

running = session.services()

st.title("Reconciliation")
actions.show_result()
history_notice.show()
with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
    period = period_choice.month_or_days()
    found = reconciliation.load(running.db, period)
    currency = filters.currency([each["currency"] for each in found.currencies])
st.markdown(f"## {literal(reconciliation.headline(found))}")
if found.stale_days:
    st.info(f"{counted(found.stale_days, 'day')} of this period will be compared again in a moment.")
for month in found.changed_months:
    st.error(f"{literal(reconciliation.changed_since_closed(month))} The tab Months says which.")
for figures in (each for each in found.currencies if each["currency"] == currency):
    reconciliation_legs.show(figures, period)
sections.show(
    {
        sections.MISMATCHES: partial(mismatch_panel.show, found, currency),
        sections.PAYOUTS: partial(payout_panel.show, found, currency),
        sections.BANK: bank_upload.show,
        sections.MONTHS: month_panel.show,
        sections.JOURNAL: partial(journal_panel.show, period, currency),
        sections.STRIPE_REPORT: stripe_report_panel.show,
    }
)
fed = freshness.last_event(found.fresh_at, running.clock(), period.zone)
st.caption(f"Days end at midnight in {literal(zone_name(period.zone))}; deposits are by the bank's booking date. {fed}")
