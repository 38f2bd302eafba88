"""The use of each webhook secret, on the page Settings."""

import streamlit as st

from core.errors import Unavailable
from core.events import webhook_counters
from core.events.webhook_counters import UNUSED_AFTER, SecretUse
from core.figures.wording import counted
from core.periods import span_in_words
from core.ui import session
from core.ui.text import ago, code, in_zone, literal


def show() -> None:
    """Show which secrets verify Stripe's events, so that an old one can be removed once it is no longer used."""
    running = session.services()
    try:
        uses = webhook_counters.secret_uses(session.db(), running.webhook_secrets, running.clock())
    except Unavailable:
        st.warning("The database does not answer, so the use of the secrets is unknown.")
        return
    for use in uses:
        with st.container(border=True, key=f"secret-{use.number}"):
            which, about, state = st.columns([2, 3, 2], vertical_alignment="center")
            which.markdown(f"**Stripe webhook secret {use.number}**  \nFingerprint {code(use.fingerprint)}")
            about.markdown(_used(use))
            state.markdown(_verdict(use))
    if not uses:
        st.info("STRIPE_WEBHOOK_SECRETS is not set: events from Stripe are not accepted.")
    st.caption(
        "To roll a secret, roll it at Stripe and set STRIPE_WEBHOOK_SECRETS to the new "
        "secret, a comma and the old one. "
        f"Both verify events. Remove the old one when no event used it for {span_in_words(UNUSED_AFTER)}."
    )


def _used(use: SecretUse) -> str:
    if use.last_used_at is None:
        return "No event used it yet"
    when = f"{in_zone(use.last_used_at, session.services().zone)}, {ago(use.last_used_at, session.services().clock())}"
    return f"Last event {literal(when)}  \n{counted(use.times_in_30_days, 'event')} in 30 days"


def _verdict(use: SecretUse) -> str:
    if use.no_longer_used:
        return ":material/delete: **Unused: remove it**"
    return ":material/check_circle: In use" if use.last_used_at else ":material/hourglass_empty: Waiting"
