"""The distance to the card networks' limits this month, and setting a limit that a network changed."""

from collections.abc import Sequence
from datetime import date
from functools import partial

import streamlit as st

from core.errors import Refused
from core.payments.disputes import networks
from core.payments.disputes.networks import Limit, NetworkMonth
from core.staff.roles import Actor
from core.ui import session
from core.ui.kit import actions
from core.ui.text import literal

NEAR = 0.8
_STYLE = """<style>
.payops-limit { height: .45rem; border-radius: .25rem; background: rgba(128,132,145,.25); overflow: hidden; }
.payops-limit i { display: block; height: 100%; background: #2f9180; }
.payops-limit.near i { background: #b7791f; } .payops-limit.over i { background: #c0392b; }
</style>"""


def show(months: Sequence[NetworkMonth], day: date, currency: str, *, may_set: bool) -> None:
    """One box per network: its ratio this month, and how many more events reach each of its limits."""
    st.subheader("Distance to the card networks' limits")
    for column, month in zip(st.columns(len(months)), months, strict=True):
        with column, st.container(border=True, height="stretch"):
            _month(month, day)
    totals = ", ".join(f"{each.title} {each.events_in_all_currencies:,}" for each in months)
    st.caption(
        literal(
            f"Payments in {currency.upper()}, {day:%B %Y} up to day {day.day}. Networks count all currencies "
            f"together: {totals}."
        )
    )
    if may_set:
        st.button("Set a limit", icon=":material/rule:", type="tertiary", on_click=_ask, args=(day,))


def _month(month: NetworkMonth, day: date) -> None:
    what = "disputes and fraud warnings" if month.network == "visa" else "chargebacks"
    counted_month = "this month's" if month.network == "visa" else "last month's"
    ratio = "no payments" if month.ratio is None else f"{month.ratio:.2%}"
    st.metric(month.title, ratio)
    st.caption(literal(f"{month.events:,} {what} against {month.payments:,} of {counted_month} payments"))
    for limit in month.limits:
        _bar(_reached(month, limit), f"{limit.name.capitalize()}: {_headroom(month, limit)}")
        share = f"{limit.ratio:.2%}"
        st.caption(
            f"{share} and {limit.events:,} events, since {limit.since:%-d %b %Y} ([source]({_address(limit)}))"
            if _address(limit)
            else literal(f"{share} and {limit.events:,} events, since {limit.since:%-d %b %Y}, {limit.source}")
        )


def _bar(reached: float, words: str) -> None:
    """A bar with the used part of the limit: amber from 80%, red from 100%."""
    level = "over" if reached >= 1 else "near" if reached >= NEAR else "far"
    st.markdown(words)
    st.html(
        f"{_STYLE}<div class='payops-limit {level}' role='img' aria-label='{reached:.0%} of the limit'>"
        f"<i style='width:{reached:.1%}'></i></div>"
    )


def _headroom(month: NetworkMonth, limit: Limit) -> str:
    if limit.left == 0 and month.payments:
        return "**reached** :material/warning:"
    return "1 more event reaches it" if limit.left == 1 else f"{limit.left:,} more events reach it"


def _reached(month: NetworkMonth, limit: Limit) -> float:
    """The used share of the limit; 1 when it is reached."""
    total = month.events + limit.left
    return min(month.events / total, 1.0) if total else 0.0


def _address(limit: Limit) -> str | None:
    """The limit's source, if it is a URL that is safe in a link."""
    plain = limit.source.startswith("https://") and not set(limit.source) & set(" ()<>[]\\\"'`")
    return limit.source if plain else None


@st.dialog("Set a network's limit")
def _ask(day: date) -> None:
    actions.end_dialog_if_over()
    titles = {
        f"{networks.PROGRAMS[network]}, {name}": (network, level) for (network, level), name in networks.LEVELS.items()
    }
    st.selectbox("Limit", list(titles), key="limit which")
    # The fields have no limits: Streamlit would not send a number beyond them, and the last valid one would be set.
    share = st.number_input("Share of payments (%)", value=1.0, step=0.05, format="%.2f", key="limit share")
    events = st.number_input("Minimum events per month", value=100, step=1, key="limit events")
    st.date_input("From", day, format="YYYY-MM-DD", key="limit since")
    st.text_input("Source (where it is published)", key="limit source", max_chars=300)
    st.caption("Earlier months keep the limit that applied then.")
    problem = _problem(share, events)
    if problem:
        st.error(problem)
    st.button(
        "Set limit",
        type="primary",
        disabled=bool(problem),
        on_click=actions.attempt,
        args=(partial(_set, titles),),
    )
    actions.end_dialog_when_done()


def _problem(share: float | None, events: int | None) -> str:
    if share is None or not 0 < share < 100:
        return "The share is above 0 and below 100%."
    return "" if events is not None and events >= 1 else "At least 1 event per month."


def _set(titles: dict[str, tuple[str, str]], actor: Actor) -> str:
    running, state = session.services(), st.session_state
    if problem := _problem(state["limit share"], state["limit events"]):  # changed after the dialog was drawn
        raise Refused("bad_number", problem)
    network, level = titles[state["limit which"]]
    networks.set_limit(
        running.db,
        actor,
        network,
        level,
        ratio=round(state["limit share"] / 100, 6),
        events=int(state["limit events"]),
        since=state["limit since"],
        source=state["limit source"],
        now=running.clock(),
    )
    return f"{state['limit which']} is set."
