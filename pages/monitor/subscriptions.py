"""Subscriptions: how recurring revenue moves, who stays and who leaves and why, and one subscription's life."""

from functools import partial

import streamlit as st

from core.billing import cohorts, recurring_revenue, subscription_figures
from core.periods import business_day
from core.ui import history_notice, session
from core.ui.kit import actions, cards, catalogue_names, charts, filters, freshness, shared_cache
from core.ui.subscriptions import (
    chart_rows,
    movement_bars,
    subscription_charts,
    subscription_details,
    subscription_table,
)
from core.ui.text import literal, zone_name

KEPT_SECONDS, MONTHS_KEPT_SECONDS = 5, 300


def leave() -> None:
    for each in ("subscription", "only"):
        st.query_params.pop(each, None)


running, role = session.services(), session.actor().role
shared, now, db = shared_cache.answers(), running.clock(), running.db
st.title("Subscriptions")
actions.show_result()
history_notice.show()
names = catalogue_names.known()
if chosen := st.query_params.get("subscription"):
    st.button("All subscriptions", icon=":material/arrow_back:", type="tertiary", on_click=leave)
    subscription_details.show(chosen, names)

# Below one subscription the filters stay, so that the way back leads to the same list.
with st.expander("Other subscriptions") if chosen else st.container(horizontal=True, gap="medium"):
    period = filters.period()
    known = shared.get("subscription currencies", partial(subscription_figures.currencies, db), ttl_seconds=60).answer
    currency = filters.currency(known)
if chosen:
    st.stop()

load = partial(subscription_figures.load, db, period, currency=currency, now=now)
kept = shared.get(("subscriptions", period, currency), load, ttl_seconds=KEPT_SECONDS)
figures = kept.answer
freshness.warn(stale=kept.stale)
st.markdown(f"## {literal(subscription_figures.sentence(figures))}")
cards.show(subscription_figures.readings(figures), role, filters.view(currency))
if paused := recurring_revenue.paused_collections(db, currency=currency, now=now):
    st.caption(literal(recurring_revenue.in_words(paused, currency)))

movement_bars.show(figures)
subscription_table.show(figures, names)

st.subheader("Why customers leave", anchor="losses")
if lost := subscription_figures.losses_in_words(figures):
    st.markdown(literal(f"{lost} left in this period."))
charts.show(subscription_charts.losses(figures), on_pick=partial(chart_rows.show_loss, figures))

st.subheader("The last 12 months", anchor="months")
by_month = shared.get(
    ("revenue months", currency, period.until),
    partial(cohorts.by_month, db, currency=currency, now=now),
    ttl_seconds=MONTHS_KEPT_SECONDS,
).answer
grown, moved = subscription_charts.growth(by_month, currency), subscription_charts.months(by_month, currency)
today = business_day(now, period.zone)
charts.show_in_pairs(
    [grown, moved],
    {
        grown.name: partial(chart_rows.show_end, by_month, today),
        moved.name: partial(chart_rows.show_movement, by_month, today),
    },
)
grid = shared.get(
    ("cohorts", currency), partial(cohorts.cohorts, db, currency=currency, now=now), ttl_seconds=MONTHS_KEPT_SECONDS
).answer
st.markdown(literal(cohorts.in_words(grid)))
charts.show(subscription_charts.cohorts(grid), on_pick=partial(chart_rows.show_cohort, grid))
st.caption(f"Times are {literal(zone_name(period.zone))}. {freshness.last_event(figures.fresh_at, now, period.zone)}")
