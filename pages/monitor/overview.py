"""What needs a person, the four figures that matter, and how payments go; everything else is one click away."""

from datetime import datetime
from functools import partial

import streamlit as st

from core.events.repair import comparison
from core.monitoring import action_items, overview, overview_choice
from core.monitoring.overview import Overview
from core.periods import business_day
from core.staff.roles import Role
from core.ui import history_notice, session
from core.ui.kit import actions, cards, charts, filters, freshness, shared_cache
from core.ui.overview import action_list, chart_rows, figure_cards, overview_charts
from core.ui.staff import first_steps_view
from core.ui.text import literal

REFRESH_SECONDS = 2
OPENS_WITH_SECONDS = 5  # a page opens with figures up to this old, until it refreshes
SERIES_SECONDS = 60
FIRST = {Role.FINANCE: ("volume", "disputes")}  # the charts on the first screen; for all others, what fails and why

running = session.services()
available = shared_cache.answers().get("currencies", partial(overview.currencies, running.db), ttl_seconds=0)
with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
    st.title("Overview", width="content")
    with st.container(horizontal=True, gap="small", width="content", key="labels-unseen"):
        period = filters.period()
        currency = filters.currency(available.answer)
actions.show_result()
if not available.answer:
    first_steps_view.show_until_payments_come(running)
    st.stop()
history_notice.show()
drawn_on = business_day(running.clock(), period.zone)


def load(now: datetime) -> tuple[Overview, overview_charts.Charts]:
    """The figures and their charts, shared by everybody who looks at them."""
    found = overview.load(running.db, period, currency=currency, now=now)
    return found, overview_charts.Charts(found, today=business_day(now, period.zone))


def asked(ttl_seconds: float) -> shared_cache.Cached[tuple[Overview, overview_charts.Charts]]:
    return shared_cache.answers().get(
        ("overview", period, currency), partial(load, running.clock()), ttl_seconds=ttl_seconds
    )


def looks_like(found: Overview) -> str:
    """Everything of it that is drawn below the line on freshness: where this is the same, nothing is drawn again."""
    items = action_items.in_words(found.action_items, running.clock())
    return repr((found.readings(), found.daily, found.marks, found.other_movements, [(i.what, i.when) for i in items]))


kept = asked(OPENS_WITH_SECONDS)
found, drawn = kept.answer
opening = [True]


@st.fragment(run_every=REFRESH_SECONDS)
def fresh() -> None:
    """How fresh the figures are, again and again; the page below is drawn anew only when its data changed."""
    freshness.reader_role()
    now = running.clock()
    latest = kept if opening else asked(REFRESH_SECONDS / 2)
    opening.clear()
    moved = business_day(now, period.zone) != drawn_on  # past midnight the last 30 days are others
    if not latest.stale and (moved or looks_like(latest.answer[0]) != looks_like(found)):
        st.rerun()
    mirror = shared_cache.answers().get("mirror", partial(comparison.last, running.db), ttl_seconds=10).answer
    at, since = latest.answer[0].fresh_at, found.known_since
    freshness.show(at, now, period, known_since=since, stale=latest.stale, mirror=mirror)


fresh()
role = freshness.reader_role()
chart_rows.follow(found)
chosen = overview_choice.of_user(running.db, session.actor())
first, others = overview_choice.shown(found.readings(), chosen)
series = (
    shared_cache.answers()
    .get(
        ("series", period, currency, tuple(chosen)),
        partial(overview.series, running.db, period, currency, chosen),
        ttl_seconds=SERIES_SECONDS,
    )
    .answer
)
st.markdown(f"## {literal(overview.sentence(found))}")
action_list.show(action_items.in_words(found.action_items, running.clock()), role)
figure_cards.show(
    first, series | overview.of_days(found.daily), role, filters.view(currency), unfinished=period.until >= drawn_on
)
names = FIRST.get(role, ("success-rate", "failures"))
charts.show_in_pairs(drawn.named(names), chart_rows.picks())
more = st.expander("All figures", key="all-figures", on_change="rerun", icon=":material/expand_content:")
if more.open:
    with more:
        figure_cards.choose(chosen)
        cards.show(others, role, filters.view(currency))
        if found.other_movements:
            movements = overview.other_in_words(found.other_movements, currency)
            st.caption(f"Other movements of the Stripe balance, in no figure above: {literal(movements)}")
        charts.show_in_pairs(drawn.but(names), chart_rows.picks())
