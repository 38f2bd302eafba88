"""The live system: processes, connections, Stripe, queues, the last sweep and the mirror; it refreshes by itself."""

from functools import partial

import streamlit as st

from core.monitoring import live_system
from core.ui import session
from core.ui.kit import cards, freshness, rows, shared_cache
from core.ui.kit.rows import Column
from core.ui.text import literal

REFRESH_SECONDS = 5
QUEUES = (
    Column("queue", "Queue", read=lambda one: live_system.QUEUES.get(one["queue"], one["queue"]), width=190),
    Column("depth", "Waiting", "count", width=65),
    Column("since", "Oldest since", "moment"),
)
PROCESSES = (
    Column("kind", "Process", read=lambda one: {"api": "API", "worker": "Worker"}.get(one["kind"], one["kind"])),
    Column("process", "Where", read=lambda one: one["process"].rpartition(":")[0]),
    Column("alive", "State", read=lambda one: "running" if one["alive"] else "silent"),
    Column("silent_seconds", "Heard", read=lambda one: f"{one['silent_seconds']:.0f} s ago"),
    Column("up_seconds", "Up", read=lambda one: _uptime(one["up_seconds"])),
    Column("pool", "Connections", read=lambda one: _pool(one["pool"])),
)


@st.fragment(run_every=REFRESH_SECONDS)
def show() -> None:
    """Show the present state or, while the database does not answer, the last known one."""
    freshness.reader_role()
    running = session.services()
    now = running.clock()
    found = shared_cache.answers().get("live-system", partial(live_system.load, running.db, now), ttl_seconds=3)
    freshness.warn(stale=found.stale)
    system = found.answer
    st.markdown(f"## {literal(system.sentence)}")
    cards.show_plain(system.cells, across=4)
    queues, processes = st.columns(2)
    with queues:
        st.markdown("**Queues**")
        rows.show(system.queues, QUEUES, key="queues", file="queues")
    with processes:
        st.markdown("**Processes**")
        if system.processes:
            rows.show(system.processes, PROCESSES, key="processes", file="processes")
        else:
            st.caption("No process has reported yet. The API and each worker do so every ten seconds.")
    st.caption(f"Refreshes every {REFRESH_SECONDS} seconds.")


def _uptime(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{seconds / 60:.0f} min"


def _pool(pool: dict[str, int]) -> str:
    if not pool:
        return "none"
    size = pool.get("pool_size", 0)
    return f"{size - pool.get('pool_available', 0)} of {size} in use, {pool.get('requests_waiting', 0)} waiting"
