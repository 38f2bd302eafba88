"""The health of our webhook endpoint at Stripe, with the next step; read from the database, without asking Stripe."""

from functools import partial

import streamlit as st

from core.checklist import endpoint_health
from core.checklist.endpoint_health import Health
from core.checklist.stripe_checks import address_of
from core.ui import session
from core.ui.kit import shared_cache
from core.ui.text import ago, literal

WELL = ":green[:material/check_circle:] **Stripe's webhook endpoint works.**"
BAD = ":red[:material/error:] **Stripe's webhook endpoint needs attention.**"
UNKNOWN = ":material/help: **Stripe's webhook endpoint has not been checked yet.** The worker does every two minutes."


def show() -> None:
    """Show Stripe's last answer, and each problem with what to do about it."""
    running = session.services()
    now = running.clock()
    read = partial(endpoint_health.read, running.db, address_of(running), now)
    health = shared_cache.answers().get("webhook endpoint", read, ttl_seconds=5).answer
    with st.container(border=True, key="webhook-endpoint"):
        st.markdown("  \n".join(_lines(health)))


def _lines(health: Health) -> list[str]:
    now = session.services().clock()
    last = "No event came by webhook yet."
    if health.last_delivery_at:
        last = f"Last delivery: {ago(health.last_delivery_at, now)}."
    arrived = literal(f"{last} {health.requests()}")
    silence = []
    if health.silence:
        silence = [
            f":orange[:material/warning:] {literal(f'Stripe did not answer when it was last asked: {health.silence}')}"
        ]
    if health.answered_at is None:
        return [UNKNOWN, *silence, arrived]
    lines = [BAD if health.problems else WELL, *silence]
    for problem in health.problems:
        lines.append(f"{literal(problem.detail)} **Next:** {literal(problem.mend)}")
    if not health.problems:
        lines.append("It is enabled, with every type of event and the API version that payops reads.")
    return [*lines, f"{arrived} {literal(health.undelivered())} Asked {ago(health.answered_at, now)}."]
