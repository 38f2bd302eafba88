"""The distance to the card networks' limits this month, and setting a limit that a network changed."""

from collections.abc import Sequence
from datetime import date

import streamlit as st

from core.errors import Refused
from core.payments.disputes import networks
from core.payments.disputes.networks import Line, Standing
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


def show(standings: Sequence[Standing], day: date, currency: str, *, may_set: bool) -> None:
    """One box per network: its ratio this month, and how many more events reach each of its limits."""
    st.subheader("Distance to the card networks' limits")
    for column, standing in zip(st.columns(len(standings)), standings, strict=True):
        with column, st.container(border=True, height="stretch"):
            _standing(standing, day)
    everywhere = ", ".join(f"{each.title} {each.everywhere:,}" for each in standings)
    st.caption(
        literal(
            f"Payments in {currency.upper()}, {day:%B %Y} up to day {day.day}. Networks count all currencies "
            f"together: {everywhere}."
        )
    )
    if may_set:
        st.button("Set a limit", icon=":material/rule:", type="tertiary", on_click=_ask, args=(day,))


def _standing(standing: Standing, day: date) -> None:
    what = "disputes and fraud warnings" if standing.network == "visa" else "chargebacks"
    month = "this month's" if standing.network == "visa" else "last month's"
    ratio = "no payments" if standing.ratio is None else f"{standing.ratio:.2%}"
    st.metric(standing.title, ratio)
    st.caption(literal(f"{standing.events:,} {what} against {standing.payments:,} of {month} payments"))
    for line in standing.lines:
        _bar(_reached(standing, line), f"{line.name.capitalize()}: {_headroom(standing, line)}")
        share = f"{line.ratio:.2%}"
        st.caption(
            f"{share} and {line.events:,} events, since {line.since:%-d %b %Y} ([source]({_address(line)}))"
            if _address(line)
            else literal(f"{share} and {line.events:,} events, since {line.since:%-d %b %Y}, {line.source}")
        )


def _bar(reached: float, words: str) -> None:
    """How much of the limit is used up: amber from four fifths on, red once it is reached."""
    level = "over" if reached >= 1 else "near" if reached >= NEAR else "far"
    st.markdown(words)
    st.html(
        f"{_STYLE}<div class='payops-limit {level}' role='img' aria-label='{reached:.0%} of the limit'>"
        f"<i style='width:{reached:.1%}'></i></div>"
    )


def _headroom(standing: Standing, line: Line) -> str:
    if line.left == 0 and standing.payments:
        return "**reached** :material/warning:"
    return "1 more event reaches it" if line.left == 1 else f"{line.left:,} more events reach it"


def _reached(standing: Standing, line: Line) -> float:
    """The share of the limit that is used up."""
    total = standing.events + line.left
    return min(standing.events / total, 1.0) if total else 0.0


def _address(line: Line) -> str | None:
    """The source, if it is an address that is safe in a link."""
    plain = line.source.startswith("https://") and not set(line.source) & set(" ()<>[]\\\"'`")
    return line.source if plain else None


@st.dialog("Set a network's limit")
def _ask(day: date) -> None:
    titles = {
        f"{networks.PROGRAMS[network]}, {name}": (network, line) for (network, line), name in networks.LINES.items()
    }
    st.selectbox("Limit", list(titles), key="line which")
    # No limits on the fields: they would keep a number beyond them to themselves, and the button set the last one.
    share = st.number_input("Share of payments (%)", value=1.0, step=0.05, format="%.2f", key="line share")
    events = st.number_input("Minimum events per month", value=100, step=1, key="line events")
    st.date_input("From", day, format="YYYY-MM-DD", key="line since")
    st.text_input("Source (where it is published)", key="line source", max_chars=300)
    st.caption("Earlier months keep the limit that applied then.")
    problem = _problem(share, events)
    if problem:
        st.error(problem)
    st.button(
        "Set limit",
        type="primary",
        disabled=bool(problem),
        on_click=actions.attempt,
        args=(lambda actor: _set(titles, actor),),
    )
    actions.end_dialog_when_done()


def _problem(share: float | None, events: int | None) -> str:
    if share is None or not 0 < share < 100:
        return "The share is above 0 and below 100 %."
    return "" if events is not None and events >= 1 else "At least 1 event per month."


def _set(titles: dict[str, tuple[str, str]], actor: Actor) -> str:
    running, state = session.services(), st.session_state
    if problem := _problem(state["line share"], state["line events"]):  # typed after the dialog was drawn
        raise Refused("bad_number", problem)
    network, line = titles[state["line which"]]
    networks.set_line(
        running.db,
        actor,
        network,
        line,
        ratio=round(state["line share"] / 100, 6),
        events=int(state["line events"]),
        since=state["line since"],
        source=state["line source"],
        now=running.clock(),
    )
    return f"{state['line which']} is set."
