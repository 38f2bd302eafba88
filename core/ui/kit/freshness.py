"""How fresh what is shown is, and who may go on reading it while the database is away."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import streamlit as st

from core.errors import Unavailable
from core.events.comparison import Comparison
from core.periods import Period, span_in_words
from core.staff.roles import Role
from core.ui import session

_READER = "reader_role"


def show(
    fresh_at: datetime | None,
    now: datetime,
    period: Period,
    *,
    known_since: date | None,
    stale: bool,
    mirror: Comparison | None = None,
) -> None:
    """The days shown, the last event they hold and how right the mirror was when it was last compared with Stripe.

    A warning where they are the last that could be had.
    """
    warn(stale=stale)
    days = f"{period.since:%-d %b %Y}" if period.days == 1 else f"{period.since:%-d %b %Y} to {period.until:%-d %b %Y}"
    # A colon would be read as the start of an icon's name.
    zone = f"{period.zone.key.replace('_', ' ')} time"
    fed = last_event(fresh_at, now, period.zone)
    before = period.previous()
    if known_since and before.since < known_since <= before.until:
        fed += f" What came before is known from {known_since:%-d %b %Y} on only."
    if mirror:
        at = mirror.done_at.astimezone(period.zone)
        fed += f" Compared with Stripe on {at:%-d %b at %H\\:%M}, {mirror.in_words()}."
    st.caption(f"{days}, {zone}. {fed}")


def last_event(fresh_at: datetime | None, now: datetime, zone: ZoneInfo) -> str:
    """Up to which event the figures count, as Markdown."""
    if fresh_at is None:
        return "No event has come in yet."
    seconds = max((now - fresh_at).total_seconds(), 0)
    age = "just now" if seconds < 10 else f"{span_in_words(now - fresh_at)} ago"
    return f"Last event at {fresh_at.astimezone(zone):%H\\:%M\\:%S %Z}, {age}."


def warn(*, stale: bool) -> None:
    """That what is shown is the last there was, where it is."""
    if stale:
        st.warning(
            "The database does not answer. These are the last figures there were; they go on by themselves when it is back.",
            icon=":material/cloud_off:",
        )


def reader_role() -> Role:
    """The role of whoever reads; while the database is away, the one this tab was last drawn for.

    A tab signed out meanwhile sees the sign-in form.
    """
    try:
        st.session_state[_READER] = session.actor().role
    except Unavailable:
        if _READER not in st.session_state:
            raise
    role: Role = st.session_state[_READER]
    return role
