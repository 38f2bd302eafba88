"""The switches of the payment flows with who closed what and why; and which webhook secrets are still used."""

from functools import partial

import streamlit as st

from core.errors import Unavailable
from core.events import webhook_counters
from core.events.webhook_counters import UNUSED_AFTER, SecretUse
from core.periods import span_in_words
from core.staff import flags
from core.staff.flags import EFFECT_SECONDS, LONGEST_SENTENCE, SUSPENDED, WORDS, Flag, Flow
from core.staff.roles import Actor
from core.ui import session
from core.ui.kit import actions, freshness
from core.ui.text import ago, code, in_zone, literal

REFRESH_SECONDS = 2
db, clock, zone = session.db(), session.services().clock, session.settings().business_zone


def switch(flow: Flow, actor: Actor, *, open: bool) -> str:
    sentence = st.session_state.get(f"sentence {flow}") or ""
    flags.switch(
        db, actor, flow, open=open, sentence=sentence, reason=st.session_state[f"why {flow}"] or "", now=clock()
    )
    return f"{WORDS[flow][0]}: {'open' if open else 'closed'}. Every process follows within {EFFECT_SECONDS} seconds."


@st.dialog("Open or close a flow")
def ask(flag: Flag) -> None:
    title, meaning = WORDS[flag.flow]
    if flag.open:
        st.markdown(f"**Close {literal(title.lower())}.** {literal(meaning)}")
        st.text_area(
            "What customers are told meanwhile",
            flag.sentence or SUSPENDED,
            max_chars=LONGEST_SENTENCE,
            key=f"sentence {flag.flow}",
        )
    else:
        st.markdown(f"**Open {literal(title.lower())} again.**")
        st.session_state[f"sentence {flag.flow}"] = flag.sentence
    st.text_input("Why", key=f"why {flag.flow}", max_chars=300, placeholder="For the audit log")
    label = f"{'Close' if flag.open else 'Open'} {title.lower()}"
    st.button(label, type="primary", on_click=actions.attempt, args=(partial(switch, flag.flow, open=not flag.open),))
    actions.end_dialog_when_done()


@st.fragment(run_every=REFRESH_SECONDS)
def flows() -> None:
    """As they are at this moment, and while the database is away as they last were."""
    freshness.reader_role()
    try:
        found = flags.read(db)
    except Unavailable:
        found = session.services().payment_context.flags.all()
        st.warning("The database does not answer. These are the last known switches, and every process keeps to them.")
    closed = [WORDS[flow][0].lower() for flow, flag in found.items() if not flag.open]
    if session.settings().payments_suspended:
        st.error(
            "PAYMENTS_SUSPENDED is set where this console was started: every new payment, subscription, retry and refund is "
            f"refused, whatever the switches below say. Customers are told: “{literal(SUSPENDED)}”"
        )
    said = f"Closed: {', '.join(closed)}" if closed else "All flows are open"
    st.markdown(f"#### {literal(said)}")
    for flow, flag in found.items():
        with st.container(border=True, key=f"flow-{flow}"):
            what, about, act = st.columns([2, 4, 1], vertical_alignment="center")
            title, meaning = WORDS[flow]
            state = ":material/check_circle: Open" if flag.open else ":material/block: **Closed**"
            what.markdown(f"**{title}**  \n{state}")
            about.markdown(
                _about(flag) if flag.changed_by else f":gray[While closed: {literal(meaning[0].lower() + meaning[1:])}]"
            )
            if act.button("Close" if flag.open else "Open", key=f"switch {flow}", width="stretch"):
                st.session_state["switched"] = flag
                st.rerun()  # of the whole page: a dialog of this part would close when it refreshes


def _about(flag: Flag) -> str:
    assert flag.changed_at is not None
    done = "Opened" if flag.open else "Closed"
    when = f"{in_zone(flag.changed_at, zone)}, {ago(flag.changed_at, clock())}"
    told = "" if flag.open else f"  \nCustomers are told: “{literal(flag.sentence)}”"
    return f"{done} by {literal(flag.changed_by)} ({literal(when)}): {literal(flag.reason)}{told}"


def secrets() -> None:
    """Which of the secrets verified Stripe's events, so that a roll can be ended when the old one is silent."""
    try:
        uses = webhook_counters.secret_uses(db, session.services().webhook_secrets, clock())
    except Unavailable:
        st.warning("The database does not answer, so it is not known which secrets are used.")
        return
    for use in uses:
        with st.container(border=True, key=f"secret-{use.number}"):
            which, about, state = st.columns([2, 3, 2], vertical_alignment="center")
            which.markdown(f"**Stripe webhook secret {use.number}**  \nFingerprint {code(use.fingerprint)}")
            about.markdown(_used(use))
            state.markdown(_verdict(use))
    if not uses:
        st.info("STRIPE_WEBHOOK_SECRETS is not set: no event of Stripe's is taken.")
    st.caption(
        "To roll a secret, put the new one first in STRIPE_WEBHOOK_SECRETS, the old one behind it, and roll it at Stripe. "
        f"Both verify. The old one can go when nothing came with it for {span_in_words(UNUSED_AFTER)}."
    )


def _used(use: SecretUse) -> str:
    if use.last_used_at is None:
        return ":gray[No event came with it yet]"
    when = f"{in_zone(use.last_used_at, zone)}, {ago(use.last_used_at, clock())}"
    return f"Last event {literal(when)}  \n{use.times_in_30_days:,} in 30 days"


def _verdict(use: SecretUse) -> str:
    if use.no_longer_used:
        return ":material/delete: **No longer used: take it out**"
    return ":material/check_circle: In use" if use.last_used_at else ":material/hourglass_empty: Waiting"


st.title("Settings")
actions.show_result()
switches, kept = st.tabs(["Flags", "Secrets"])
with switches:
    flows()
    st.caption(
        f"A switch takes effect in every process within {EFFECT_SECONDS} seconds. Earlier changes are in the audit log, under “staff:flag”."
    )
with kept:
    secrets()
if (switched := st.session_state.pop("switched", None)) is not None:
    ask(switched)
