"""The page of a review: the day or week, the headline, and each check with its chart, signature and comments."""

from datetime import date, timedelta
from functools import partial

import plotly.graph_objects as go  # type: ignore[import-untyped]
import streamlit as st

from core.errors import Refused
from core.figures.wording import counted
from core.periods import Period, business_day
from core.reviews import report, signing
from core.reviews.check import Bars, Cadence, Check, State, newest_period, period_of
from core.reviews.report import TITLES, Report
from core.staff import audit_words
from core.staff.roles import Actor, Right, right
from core.ui import history_notice, session
from core.ui.kit import actions, charts, rows
from core.ui.kit.rows import Column
from core.ui.text import literal

STATES = {
    State.GOOD: ":green[:material/check_circle: Good]",
    State.LOOK: ":orange[:material/warning: Needs a look]",
    State.UNKNOWN: ":gray[:material/remove: No data]",
}
SHOWN_BEFORE = {Cadence.DAILY: 14, Cadence.WEEKLY: 12 * 7}
HTML_TYPE = "text/html"
EVIDENCE = (Column("what", "What"), Column("how", "How"))


def show(cadence: Cadence) -> None:
    """Show the whole page."""
    st.title(TITLES[cadence])
    actions.show_result()
    history_notice.show()
    running = session.services()
    day = _chosen_day(cadence)
    try:
        found = report.load(running.db, cadence, day, zone=running.zone, now=running.clock())
    except Refused as error:
        st.info(literal(error.detail))
        return
    st.markdown(f"## {literal(found.headline)}")
    st.caption(literal(f"{report.of_period(cadence, found.review.period)}. {_progress(found)}"))
    _history(cadence, found)
    rows.file(
        "Download as a page to print",
        lambda _: _page(found),
        f"{signing.PAGES[cadence]}-{found.review.day}.html",
        HTML_TYPE,
        type="secondary",
        icon=":material/print:",
    )
    for check in found.review.checks:
        _check(found, check)


def _chosen_day(cadence: Cadence) -> date:
    """The day in the URL, else the latest one that is over."""
    running = session.services()
    today = business_day(running.clock(), running.zone)
    newest = newest_period(cadence, today, running.zone)
    label = "Day" if cadence is Cadence.DAILY else "Week of"
    chosen = st.date_input(
        label, newest.since, max_value=newest.until, key="day", bind="query-params", format="YYYY-MM-DD"
    )
    return chosen if isinstance(chosen, date) else newest.since


def _progress(found: Report) -> str:
    signed, all_of_them = found.signed, len(found.review.checks)
    return "All checks are signed off." if signed == all_of_them else f"{signed} of {all_of_them} checks signed off."


def _history(cadence: Cadence, found: Report) -> None:
    """Show which of the last days or weeks are signed off."""
    last = found.review.period.until
    before = Period(last - timedelta(days=SHOWN_BEFORE[cadence] - 1), last, found.zone)
    done = signing.signed(session.db(), cadence, before)
    steps = sorted({period_of(cadence, day, found.zone).since for day in before})
    signed = [f"{day:%-d %b}" for day in steps if done.get(day, 0) >= len(found.review.checks)]
    days = "days" if cadence is Cadence.DAILY else "weeks"
    said = f"Of the last {len(steps)} {days}, {len(signed)} are signed off"
    st.caption(literal(f"{said}: {', '.join(signed)}." if signed else f"{said}."))


def _page(found: Report) -> bytes:
    return report.html(found).encode()


def _check(found: Report, check: Check) -> None:
    with st.container(border=True, key=f"check-{check.name}"):
        title, state = st.columns([4, 2], vertical_alignment="center")
        title.markdown(f"## {literal(check.title)}")
        state.markdown(STATES[check.state])
        st.markdown(literal(check.finding))
        if check.bars:
            st.plotly_chart(_chart(check.bars), key=f"chart-{check.name}", config={"displayModeBar": False})
        if check.facts:
            with st.expander("Evidence"):
                rows.show(
                    [{"what": name, "how": value} for name, value in check.facts],
                    EVIDENCE,
                    key=f"evidence-{check.name}",
                    file=f"evidence-{check.name}",
                )
        if check.link:
            st.markdown(f"[See the rows](/{check.link})")
        _signature(found, check)
        _comments(found, check)


def _chart(bars: Bars) -> go.Figure:
    """The bars, with the compared values as grey bars beside them."""
    figure = go.Figure()
    if bars.compared:
        figure.add_bar(
            y=bars.labels, x=bars.compared, orientation="h", name=bars.compared_name, marker_color=charts.BEFORE
        )
    figure.add_bar(y=bars.labels, x=bars.values, orientation="h", name=bars.name, marker_color=charts.NOW)
    figure.update_layout(
        title={"text": bars.title, "font": {"size": 14}},
        height=90 + 34 * len(bars.labels),
        margin={"l": 8, "r": 8, "t": 40, "b": 32},
        xaxis={"title": bars.unit, "rangemode": "tozero", **_whole_steps(bars)},
        yaxis={"autorange": "reversed", "automargin": True},
        showlegend=bool(bars.compared),
        legend={"orientation": "h", "y": 1.02, "x": 1, "xanchor": "right", "yanchor": "bottom"},
        barmode="group",
    )
    return figure


def _whole_steps(bars: Bars) -> dict[str, object]:
    """Ticks at whole numbers for an axis of counts, also if the compared values are averages."""
    longest = max([*bars.values, *bars.compared], default=0)
    if longest < 1 or not all(float(each).is_integer() for each in bars.values):
        return {}
    return {"tickformat": ",d", "dtick": 1 if longest <= 5 else None}


def _may_act(cadence: Cadence) -> bool:
    return right(session.actor().role, signing.PAGES[cadence]) >= Right.ACT


def _signature(found: Report, check: Check) -> None:
    signature = found.notes["signatures"].get(check.name)
    cadence = found.review.cadence
    if signature is None:
        if _may_act(cadence):
            st.button(
                "Sign off",
                key=f"sign {check.name}",
                icon=":material/draw:",
                on_click=actions.attempt,
                args=(partial(_sign, found, check),),
            )
        return
    when = report.moment(found, signature["signed_at"])
    who = audit_words.actor_name(signature["signed_by"])
    st.markdown(f":green[:material/verified:] Signed off by **{literal(who)}**, {literal(when)}")
    if signature["finding"] != check.finding:
        st.warning(literal(f"The finding at sign-off: {signature['finding']}"))
    if _may_act(cadence):
        with st.popover("Withdraw"):
            st.text_input("Reason", key=f"why {check.name}", max_chars=300, placeholder="For the audit log")
            st.button(
                "Withdraw the signature",
                key=f"withdraw {check.name}",
                on_click=actions.attempt,
                args=(partial(_withdraw, found, check),),
            )


def _comments(found: Report, check: Check) -> None:
    for each in found.notes["comments"]:
        if each["item"] == check.name:
            who = audit_words.actor_name(each["written_by"])
            st.markdown(
                f"**{literal(who)}**, {literal(report.moment(found, each['written_at']))}  \n{literal(each['comment'])}"
            )
    if _may_act(found.review.cadence):
        text, send = st.columns([6, 1.4], vertical_alignment="bottom")
        text.text_input(
            "Comment",
            key=f"comment {check.name}",
            max_chars=signing.LONGEST_COMMENT,
            label_visibility="collapsed",
            placeholder="Comment",
        )
        send.button(
            "Comment",
            key=f"send {check.name}",
            width="stretch",
            on_click=actions.attempt,
            args=(partial(_comment, found, check),),
        )


def _sign(found: Report, check: Check, actor: Actor) -> str:
    signing.sign(session.db(), actor, found.review, check, session.services().clock())
    left = len(found.review.checks) - found.signed - 1
    return f"{check.title} is signed off." + (f" {counted(left, 'check')} left." if left else " That was the last one.")


def _withdraw(found: Report, check: Check, actor: Actor) -> str:
    why = st.session_state.get(f"why {check.name}") or ""
    signing.withdraw(session.db(), actor, found.review, check, why, session.services().clock())
    return f"{check.title} is open again."


def _comment(found: Report, check: Check, actor: Actor) -> str:
    text = st.session_state.get(f"comment {check.name}") or ""
    signing.comment(session.db(), actor, found.review, check, text, session.services().clock())
    st.session_state[f"comment {check.name}"] = ""
    return "Comment added."
