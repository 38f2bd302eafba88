"""How fresh the shown data is, and which role applies while the database is unreachable."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import streamlit as st

from core.db.replica import ReplicaReads
from core.errors import Unavailable
from core.events.repair.comparison import Comparison
from core.periods import Period, span_in_words
from core.staff.roles import Role
from core.ui import session
from core.ui.text import zone_name

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
    """The period, the last event it includes, and the result of the last comparison with Stripe.

    With a warning if the figures are stale.
    """
    warn(stale=stale)
    days = f"{period.since:%-d %b %Y}" if period.days == 1 else f"{period.since:%-d %b %Y} to {period.until:%-d %b %Y}"
    # Streamlit's Markdown reads a colon as the start of an icon's name.
    zone = f"{zone_name(period.zone)} time"
    fed = last_event(fresh_at, now, period.zone)
    before = period.previous()
    if known_since and before.since < known_since <= before.until:
        fed += f" The previous period is only known from {known_since:%-d %b %Y} on."
    if mirror:
        at = mirror.done_at.astimezone(period.zone)
        fed += f" Compared with Stripe on {at:%-d %b at %H\\:%M}, {mirror.in_words()}."
    st.caption(f"{days}, {zone}. {fed}")


def last_event(fresh_at: datetime | None, now: datetime, zone: ZoneInfo) -> str:
    """The last event that the figures include, as Markdown."""
    if fresh_at is None:
        return "No event has arrived yet."
    seconds = max((now - fresh_at).total_seconds(), 0)
    age = "just now" if seconds < 10 else f"{span_in_words(now - fresh_at)} ago"
    return f"Last event at {fresh_at.astimezone(zone):%H\\:%M\\:%S %Z}, {age}.{_replica()}"


def _replica() -> str:
    """How far the replica is behind, where pages read one."""
    db = session.db()
    lag = db.lag_seconds() if isinstance(db, ReplicaReads) else None
    return "" if lag is None else f" Read from a replica, {lag:.0f} s behind."


def warn(*, stale: bool) -> None:
    """A warning if the database is unreachable and older data is shown."""
    if stale:
        st.warning(
            (
                "The database does not answer. These are the last known figures; they update by "
                "themselves once it is back."
            ),
            icon=":material/cloud_off:",
        )


def reader_role() -> Role:
    """The reader's role; while the database is unreachable, the role this tab was last drawn for.

    A tab that was signed out meanwhile shows the sign-in form.
    """
    try:
        st.session_state[_READER] = session.actor().role
    except Unavailable:
        if _READER not in st.session_state:
            raise
    role: Role = st.session_state[_READER]
    return role
