"""The switches of the payment flows, with who paused what and why; and which webhook secrets are in use."""

from functools import partial

import streamlit as st

from core.checklist import first_steps
from core.errors import Unavailable
from core.staff import audit_words, flags
from core.staff.flags import EFFECT_SECONDS, LONGEST_SENTENCE, SUSPENDED, WORDS, Flag, Flow
from core.staff.roles import Actor
from core.ui import session
from core.ui.finance import export_schedules
from core.ui.kit import actions, freshness
from core.ui.staff import checklist_view, first_steps_view, flag_plans_view, private_text_view, webhook_secrets_view
from core.ui.text import ago, in_zone, literal

REFRESH_SECONDS = 2
db, clock, zone = session.db(), session.services().clock, session.settings().business_zone


def switch(flow: Flow, actor: Actor, *, open: bool) -> str:
    sentence = st.session_state.get(f"sentence {flow}") or ""
    flags.switch(
        db, actor, flow, open=open, sentence=sentence, reason=st.session_state[f"why {flow}"] or "", now=clock()
    )
    return (
        f"{WORDS[flow][0]}: {'resumed' if open else 'paused'}. Every process follows within {EFFECT_SECONDS} seconds."
    )


@st.dialog("Pause or resume")
def ask(flag: Flag) -> None:
    actions.end_dialog_if_over()
    title, meaning = WORDS[flag.flow]
    if flag.open:
        st.markdown(f"**{_label(flag)}.** {literal(meaning)}")
        st.text_area(
            "Sentence for customers",
            flag.sentence or SUSPENDED,
            max_chars=LONGEST_SENTENCE,
            key=f"sentence {flag.flow}",
        )
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
    st.markdown(f"## {literal(said)}")
    for flow, flag in found.items():
        with st.container(border=True, key=f"flow-{flow}"):
            what, about, act = st.columns([2, 4, 2], vertical_alignment="center")
            title, meaning = WORDS[flow]
            state = ":material/check_circle: Running" if flag.open else ":red[:material/pause_circle: **Paused**]"
            what.markdown(f"**{title}**  \n{state}")
            about.markdown(
                _about(flag) if flag.changed_by else f"While paused: {literal(meaning[0].lower() + meaning[1:])}"
            )
            if act.button(_label(flag), key=f"switch {flow}", width="stretch"):
                st.session_state["switched"] = flag
                st.rerun()  # the whole page: a dialog of this fragment would close when it refreshes


def _label(flag: Flag) -> str:
    return f"{'Pause' if flag.open else 'Resume'} {WORDS[flag.flow][0].lower()}"


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
