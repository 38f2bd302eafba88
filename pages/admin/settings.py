"""The switches of the payment flows, with who paused what and why; and which webhook secrets are in use."""

from datetime import timedelta
from functools import partial

import streamlit as st

from core.checklist import first_steps
from core.errors import Refused, Unavailable
from core.staff import audit_words, flag_plans, flags
from core.staff.flag_scope import SCOPES
from core.staff.flags import EFFECT_SECONDS, LONGEST_SENTENCE, SUSPENDED, WORDS, Flag, Flow
from core.staff.roles import Actor
from core.ui import session
from core.ui.finance import export_schedules
from core.ui.kit import actions, freshness
from core.ui.staff import checklist_view, first_steps_view, flag_plans_view, private_text_view, webhook_secrets_view
from core.ui.text import ago, in_zone, literal

REFRESH_SECONDS = 2
AGAIN = {"By hand": None, "In 1 hour": 1, "In 4 hours": 4, "In 24 hours": 24}
db, clock, zone = session.db(), session.services().clock, session.settings().business_zone


def switch(flow: Flow, actor: Actor, *, open: bool) -> str:
    sentence, reason = st.session_state.get(f"sentence {flow}") or "", st.session_state[f"why {flow}"] or ""
    now, hours = clock(), None if open else AGAIN[st.session_state[f"again {flow}"]]
    flags.switch(db, actor, flow, open=open, sentence=sentence, reason=reason, now=now)
    done = (
        f"{WORDS[flow][0]}: {'resumed' if open else 'paused'}. Every process follows within {EFFECT_SECONDS} seconds."
    )
    if hours is None:
        return done
    at = now + timedelta(hours=hours)
    try:
        flag_plans.plan(db, actor, flow, resume_at=at, reason=reason, now=now)
    except Refused as refused:
        return f"{done} It must be resumed by hand: {refused.detail}"
    return f"{done} It resumes by itself {in_zone(at, zone)}, unless somebody pauses it again."


@st.dialog("Pause or resume")
def ask(flag: Flag) -> None:
    actions.end_dialog_if_over()
    title, meaning = WORDS[flag.flow]
    if flag.open:
        stops = SCOPES[flag.flow].stops
        warning = f":red[:material/warning: **Stops {stops}.**]  \n" if stops else ""
        st.markdown(f"{warning}**{_label(flag)}.** {literal(meaning)}  \n{literal(SCOPES[flag.flow].in_words())}")
        st.text_area(
            "Sentence for customers",
            flag.sentence or SUSPENDED,
            max_chars=LONGEST_SENTENCE,
            key=f"sentence {flag.flow}",
        )
        st.selectbox("Resumes", list(AGAIN), key=f"again {flag.flow}", help="A resume ahead of time can be withdrawn.")
    else:
        st.markdown(f"**{_label(flag)}.** {title} work again within {EFFECT_SECONDS} seconds.")
        st.session_state[f"sentence {flag.flow}"] = flag.sentence
    st.text_input("Reason", key=f"why {flag.flow}", max_chars=300, placeholder="For the audit log")
    st.button(
        _label(flag), type="primary", on_click=actions.attempt, args=(partial(switch, flag.flow, open=not flag.open),)
    )
    actions.end_dialog_when_done()


@st.fragment(run_every=REFRESH_SECONDS)
def flows() -> None:
    """The switches as they are now; while the database does not answer, the last known ones."""
    freshness.reader_role()
    try:
        found = flags.read(db)
    except Unavailable:
        found = session.services().payment_context.flags.all()
        st.warning("The database does not answer. These are the last known switches, which every process follows.")
    paused = [WORDS[flow][0].lower() for flow, flag in found.items() if not flag.open]
    if session.settings().payments_suspended:
        st.error(
            "PAYMENTS_SUSPENDED is set: every new payment, subscription, retry and refund is refused, whatever the "
            f"switches below say. Customers see: “{literal(SUSPENDED)}”"
        )
    said = f"Paused: {', '.join(paused)}" if paused else "Nothing is paused"
    stopped = any(not flag.open and SCOPES[flow].stops for flow, flag in found.items())
    st.markdown(f"## :red[{literal(said)}]" if stopped else f"## {literal(said)}")
    for flow, flag in found.items():
        with st.container(border=True, key=f"flow-{flow}"):
            what, about, act = st.columns([2, 4, 2], vertical_alignment="center")
            what.markdown(f"**{WORDS[flow][0]}**  \n{_state(flag)}")
            about.markdown("  \n".join([*([_about(flag)] if flag.changed_by else []), _scope(flow)]))
            if act.button(_label(flag), key=f"switch {flow}", width="stretch"):
                st.session_state["switched"] = flag
                st.rerun()  # the whole page: a dialog of this fragment would close when it refreshes


def _label(flag: Flag) -> str:
    return f"{'Pause' if flag.open else 'Resume'} {WORDS[flag.flow][0].lower()}"


def _state(flag: Flag) -> str:
    stops = f": stops {SCOPES[flag.flow].stops}" if SCOPES[flag.flow].stops else ""
    return ":material/check_circle: Running" if flag.open else f":red[:material/pause_circle: **Paused**{stops}]"


def _scope(flow: Flow) -> str:
    return f":small[{literal(SCOPES[flow].in_words())}]"


def _about(flag: Flag) -> str:
    assert flag.changed_at is not None
    done = "Resumed" if flag.open else "Paused"
    when = f"{in_zone(flag.changed_at, zone)}, {ago(flag.changed_at, clock())}"
    told = "" if flag.open else f"  \nCustomers see: “{literal(flag.sentence)}”"
    who = audit_words.actor_name(flag.changed_by)
    return f"{done} by {literal(who)} ({literal(when)}): {literal(flag.reason)}{told}"


st.title("Settings")
actions.show_result()
switches, webhook_secrets, private, steps, checklist, exported = st.tabs(
    ["Flags", "Secrets", "Private text", first_steps.TAB, "Deployment checklist", "Exports"],
    key="tab",
    on_change="rerun",
    bind="query-params",
)
with switches:
    flows()
    flag_plans_view.show()
    st.caption(
        f"A switch takes effect in every process within {EFFECT_SECONDS} seconds. Earlier "
        "changes are in the audit log, action “flag”."
    )
with webhook_secrets:
    webhook_secrets_view.show()
with private:
    private_text_view.show()
if steps.open:
    with steps:
        first_steps_view.show(session.services())
with checklist:
    checklist_view.show(session.services())
with exported:
    export_schedules.show()
if (switched := st.session_state.pop("switched", None)) is not None:
    ask(switched)
