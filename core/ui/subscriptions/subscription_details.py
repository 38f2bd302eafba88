"""One subscription: its facts, its actions, its revenue over time, and its history."""

from datetime import datetime

import pandas as pd  # type: ignore[import-untyped]
import streamlit as st

from core.billing import subscription_actions, subscription_life
from core.billing.plans import Catalogue, item_in_words
from core.billing.subscription_life import STATUSES, Life
from core.money import Money
from core.payments.timeline import Side
from core.staff.roles import Right, right
from core.ui import navigation, session
from core.ui.kit import charts, detail_view, stripe_dashboard
from core.ui.kit.charts import BEFORE, FAILURE, HEIGHT_PIXELS, NOW, Chart
from core.ui.subscriptions import plan_dialog, subscription_dialogs
from core.ui.text import in_zone, literal, zone_name

BANDS = {"past_due": FAILURE, "unpaid": FAILURE, "paused": BEFORE, "trialing": BEFORE}


def show(subscription_id: str, names: Catalogue) -> None:
    """Show everything about one subscription, which the URL names: `?subscription=sub_…`."""
    running = session.services()
    life = subscription_life.load(running.db, subscription_id, zone=running.settings.business_zone)
    if life is None:
        st.info(f"There is no subscription {literal(subscription_id)}. A new one appears once its event arrives.")
        return
    st.markdown(f"## {literal(subscription_life.sentence(life))}")
    _facts(life, names)
    _what_may_be_done(life)
    if life.phases:
        charts.show(brought(life, running.clock()))
    st.subheader("Timeline")
    moments = subscription_life.moments(life, names)
    sides = [side for side in Side if any(moment.side is side for moment in moments)]
    only = st.pills(
        "Show only", sides, selection_mode="multi", key="only", bind="query-params", label_visibility="collapsed"
    )
    detail_view.life([each for each in moments if each.side in (only or sides)], running.clock())
    st.caption(f"Times are in {literal(zone_name(running.settings.business_zone))}.")


def _facts(life: Life, names: Catalogue) -> None:
    one, zone = life.subscription, session.settings().business_zone
    paid = sum(each["amount_paid_minor"] for each in life.invoices if each["currency"] == life.currency)
    starts = life.phases[0].starts_at if life.phases else None
    detail_view.facts(
        [
            ("Plan", ", ".join(item_in_words(each, life.currency, names) for each in one["items"])),
            ("Status", STATUSES.get(life.status, life.status)),
            ("MRR", Money(life.monthly_minor, life.currency)),
            ("Paid so far", Money(paid, life.currency)),
            ("Started", in_zone(starts, zone) if starts else None),
            ("Period ends", in_zone(life.period_ends_at, zone) if life.period_ends_at and not life.over else None),
            ("Set to end", in_zone(life.ends_at, zone) if life.ends_at and not life.over else None),
            ("Subscription", life.id),
            ("Customer", one["customer_id"]),
            ("Patient", life.patient_id),
            ("Order", one["order_id"]),
        ],
        ids=("Subscription", "Customer", "Patient", "Order"),
    )


def _what_may_be_done(life: Life) -> None:
    """Show the buttons that fit its state, if the user may act."""
    role = session.actor().role
    can = subscription_actions.possible(life)
    with st.container(horizontal=True, vertical_alignment="center", key="subscription-actions"):
        if right(role, subscription_actions.PAGE) >= Right.ACT:
            if can.change_plan:
                st.button("Change plan", type="primary", on_click=plan_dialog.open, args=(life.id,))
            if can.resume:
                st.button("Withdraw cancellation", on_click=subscription_dialogs.resume, args=(life.id,))
            if can.pause:
                st.button("Pause collection", on_click=subscription_dialogs.pause, args=(life.id,))
            if can.resume_collection:
                st.button("Resume collection", on_click=subscription_dialogs.resume_collection, args=(life.id,))
            if can.cancel:
                st.button("Cancel subscription", on_click=subscription_dialogs.cancel, args=(life.id,))
        if customer := life.subscription["customer_id"]:
            navigation.link("payments", "Payments of this customer", role, {"find": customer, "period": "365d"})
        stripe_dashboard.link(f"subscriptions/{life.id}")
    if can.why_not:
        st.caption(literal(can.why_not))


def brought(life: Life, now: datetime) -> Chart:
    """Its monthly revenue over time, with bands where it was on trial, past due, unpaid or paused."""
    now, currency = now.astimezone(life.zone), life.currency
    points = [(phase.starts_at, phase.monthly_minor, phase) for phase in life.phases]
    last = life.phases[-1]
    ends = last.ends_at or now
    points.append((ends, 0 if last.ends_at else last.monthly_minor, last))
    figure = charts.framed(f"{currency.upper()} a month")
    for phase in life.phases:
        status = "paused" if phase.pause else phase.status
        if status in BANDS:
            figure.add_vrect(
                x0=_on_axis(phase.starts_at),
                x1=_on_axis(phase.ends_at or now),
                fillcolor=BANDS[status],
                opacity=0.16,
                line_width=0,
            )
    for status in sorted({"paused" if phase.pause else phase.status for phase in life.phases} & set(BANDS)):
        figure.add_scatter(  # adds only the band's name to the legend
            x=[None],
            y=[None],
            mode="markers",
            marker={"symbol": "square", "size": 11, "color": BANDS[status], "opacity": 0.5},
            name=STATUSES.get(status, status).lower(),
        )
    figure.add_scatter(
        x=[_on_axis(at) for at, _, _ in points],
        y=[charts.major(minor, currency) for _, minor, _ in points],
        mode="lines+markers",
        line={"shape": "hv", "color": NOW, "width": 2},
        fill="tozeroy",
        fillcolor="rgba(47,145,128,.12)",
        customdata=[
            f"{at:%-d %b %Y}: {Money(minor, currency)} a month, {STATUSES.get(phase.status, phase.status).lower()}"
            for at, minor, phase in points
        ],
        hovertemplate="%{customdata}<extra></extra>",
        showlegend=False,
    )
    figure.update_xaxes(type="date")  # otherwise those traces, without dates, would make it an axis of numbers
    figure.update_yaxes(rangemode="tozero", nticks=4)
    figure.update_layout(height=HEIGHT_PIXELS - 60)
    frame = pd.DataFrame(
        {
            "From": [phase.starts_at.date() for phase in life.phases],
            "Status": [STATUSES.get(phase.status, phase.status) for phase in life.phases],
            f"Monthly ({currency.upper()})": [charts.major(each.monthly_minor, currency) for each in life.phases],
            f"Price ({currency.upper()})": [charts.major(each.price_minor, currency) for each in life.phases],
        }
    )
    return Chart(
        "brought",
        "Monthly revenue over time",
        figure,
        "Step line of the monthly revenue of the subscription.",
        lambda: frame,
        {f"{name} ({currency.upper()})": "accounting" for name in ("Monthly", "Price")},
    )


def _on_axis(at: datetime) -> datetime:
    """The local time without its zone, since Plotly would show a time with a zone in UTC."""
    return at.replace(tzinfo=None)
