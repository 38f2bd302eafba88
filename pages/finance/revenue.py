"""Revenue: what came in, what refunds, disputes and fees took of it, by product, plan, state and card, and payouts."""

from functools import partial

import streamlit as st

from core.finance import revenue, revenue_figures
from core.monitoring import metrics
from core.monitoring.overview import other_in_words
from core.ui import history_notice, session
from core.ui.finance import breakdown, export_schedules, journal_panel, payouts_on_the_way, revenue_charts
from core.ui.kit import actions, cards, catalogue_names, charts, filters, freshness, shared_cache
from core.ui.text import literal, zone_name

KEPT_SECONDS = 5
running, role = session.services(), session.actor().role
shared, now = shared_cache.answers(), running.clock()

st.title("Revenue")
actions.show_result()
history_notice.show()
with st.container(horizontal=True, gap="medium"):
    period = filters.period()
    known = shared.get("settlement currencies", partial(revenue.currencies, running.db), ttl_seconds=0).answer
    currency = filters.currency(known)
kept = shared.get(
    ("revenue", period, currency),
    partial(revenue.load, running.db, period, currency=currency, now=now),
    ttl_seconds=KEPT_SECONDS,
)
found = kept.answer
freshness.warn(stale=kept.stale)
st.markdown(f"## {literal(revenue_figures.sentence(found))}")
if found.stale_days:
    st.info(f"{found.stale_days:,} days of these periods are still being counted. The figures settle in a moment.")
if found.totals is None:
    st.info("Charges, refunds and fees appear here once Stripe has booked them on the balance. Try a longer period.")
else:
    cards.show(revenue_figures.readings(found), role, filters.view(currency))
    by_day = revenue_charts.each_day(found)
    narrowed = partial(filters.show_step, revenue.in_steps(found.daily))
    charts.show_in_pairs([revenue_charts.from_gross_to_net(found), by_day], {by_day.name: narrowed})
    breakdown.show(found, catalogue_names.known())
    if others := metrics.other_movements(running.db, period, currency=currency):
        said = literal(other_in_words(others, currency))
        st.caption(f"Other movements of the Stripe balance, in no figure above: {said}")
payouts_on_the_way.show(found)
st.subheader("Journal", anchor="journal")
journal_panel.show(period, currency)
export_schedules.show()
fed = freshness.last_event(found.fresh_at, now, period.zone)
st.caption(
    "Amounts are in the currency that Stripe settles in, by the business day on which the balance moved. "
    f"Times are {literal(zone_name(period.zone))}. {fed}"
)
