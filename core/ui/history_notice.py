"""A notice above figures that are incomplete until everything at Stripe has been read."""

from functools import partial

import streamlit as st

from core.checklist.first_steps import TAB
from core.errors import Unavailable
from core.events.repair import backfill_job
from core.monitoring import overview
from core.settings import PaymentMode
from core.ui import navigation, session
from core.ui.kit import freshness, shared_cache
from core.ui.text import literal

KEPT_SECONDS = 10


def show() -> None:
    """Show the progress of the backfill, so that nobody takes a zero for a result; nothing once it is complete.

    If nothing has arrived in this installation yet, the page stops here.
    """
    reads = partial(backfill_job.reached, session.db())
    try:
        reached = shared_cache.answers().get("history", reads, ttl_seconds=KEPT_SECONDS).answer
    except Unavailable:  # the page itself reports that the database is away
        return
    if reached.complete_at is not None:
        return
    said = "Stripe's history has not been read completely yet, so figures of earlier days are too low."
    state = literal(reached.in_words()) if reached.kinds else "Until then only what Stripe's events say is counted."
    with st.container(border=True, horizontal=True, vertical_alignment="center", key="history-incomplete"):
        st.markdown(f":material/hourglass_top: **{said}** {state}")
        navigation.link("settings", TAB, freshness.reader_role(), {"tab": TAB})
    if not reached.kinds and session.settings().payment_mode is not PaymentMode.SANDBOX:
        _stop_before_the_first_payment()


def _stop_before_the_first_payment() -> None:
    known = shared_cache.answers().get("currencies", partial(overview.currencies, session.db()), ttl_seconds=0)
    if not known.answer:
        st.info("Nothing has come from Stripe yet. This page fills with the first payment.")
        st.stop()
