"""How payments go, how that compares with the period before, and what staff have to do."""

from datetime import datetime
from functools import partial

import streamlit as st

from core.events.repair import comparison
from core.monitoring import action_items, overview
from core.monitoring.overview import Overview
from core.periods import business_day
from core.ui import session
from core.ui.kit import actions, cards, charts, filters, freshness, shared_cache
from core.ui.kit.charts import Chart
from core.ui.overview import overview_charts
from core.ui.text import literal

REFRESH_SECONDS = 2
OPENS_WITH_SECONDS = 5  # a page opens with figures up to this old, until it refreshes

st.title("Overview")
actions.show_result()
running = session.services()
available = shared_cache.answers().get("currencies", partial(overview.currencies, running.db), ttl_seconds=0)
with st.container(horizontal=True, gap="medium"):
    period = filters.period()
    currency = filters.currency(available.answer)
drawn_on = business_day(running.clock(), period.zone)
opening = [True]


def load(now: datetime) -> tuple[Overview, list[Chart]]:
    """The figures and their charts, shared by everybody who looks at them."""
    found = overview.load(running.db, period, currency=currency, now=now)
    return found, overview_charts.of_the_overview(found)


@st.fragment(run_every=REFRESH_SECONDS)
def figures() -> None:
    now = running.clock()
    if business_day(now, period.zone) != drawn_on:
        st.rerun()  # past midnight the last 30 days have moved
    role = freshness.reader_role()
    kept = shared_cache.answers().get(
        ("overview", period, currency),
        partial(load, now),
        ttl_seconds=OPENS_WITH_SECONDS if opening else REFRESH_SECONDS / 2,
    )
    found, drawn = kept.answer
    mirror = shared_cache.answers().get("mirror", partial(comparison.last, running.db), ttl_seconds=10).answer
    freshness.show(found.fresh_at, now, period, known_since=found.known_since, stale=kept.stale, mirror=mirror)
    st.markdown(f"#### {literal(overview.sentence(found))}")
    items = action_items.in_words(found.action_items, now)
    cards.action_items_in_short(items)
    cards.show(found.readings(), role, filters.view(currency))
    if found.other_movements:
        others = overview.other_in_words(found.other_movements, currency)
        st.caption(f"Other movements of the Stripe balance, in no figure above: {literal(others)}")
    charts.show_in_pairs(drawn, at_once=2 if opening else None)
    cards.action_items(items, role)
    opening.clear()


figures()
