"""Below the switches on the page Settings: the stop of all new payments, planned pauses, guards, and the history."""

from datetime import date, datetime, time, timedelta
from functools import partial

import streamlit as st

from core.figures.wording import counted
from core.monitoring.alerts.rules import RULES
from core.staff import audit_words, flag_plans
from core.staff.flags import LONGEST_SENTENCE, SUSPENDED, WORDS, Flow
from core.staff.roles import Actor
from core.ui import session
from core.ui.kit import actions, rows
from core.ui.kit.rows import Column
from core.ui.text import in_zone, literal, zone_name

TITLES: dict[str, str] = {name: rule.title for name, rule in RULES.items()}
HISTORY = (
    Column("at", "When", "moment"),
    Column("action", "What", read=lambda each: audit_words.action_name(each["action"])),
    Column("actor", "Who", read=lambda each: audit_words.actor_name(each["actor"])),
    Column("reason", "Reason", width="large"),
)
MEASURED = [name for name, rule in RULES.items() if rule.has_window]  # others are about one dispute, licence or payout
BOTH, PAUSE, RESUME = "Pause, then resume", "Pause", "Resume"
SENTENCE, WHY = "plan sentence", "plan why"


def show() -> None:
    """Show everything about the switches except the switches themselves."""
    found = flag_plans.read(session.db())
    with st.container(horizontal=True):
        st.button("Stop all new money", icon=":material/dangerous:", on_click=stop_new_money, key="stop new money")
        st.button("Plan a pause", icon=":material/schedule:", on_click=plan_pause, key="plan pause")
        st.button("Add a guard", icon=":material/shield:", on_click=add_guard, key="add guard")
    for plan in found["plans"]:
        _plan(plan)
    for guard in found["guards"]:
        _guard(guard)
    with st.expander("History of a switch"):
        flow = st.selectbox("Flow", list(Flow), format_func=lambda each: WORDS[each][0], key="history of")
        if flow is not None:
            _history(flow)


@st.dialog("Stop all new money")
def stop_new_money() -> None:
    """Pause checkout, single payments, subscriptions and retries together."""
    actions.end_dialog_if_over()
    st.markdown(
        "Pauses checkout, single payments, new subscriptions and our retries, everywhere within 5 seconds. "
        "Refunds, webhooks and the console go on, and Stripe goes on renewing existing subscriptions."
    )
    _sentence_and_reason()
    st.button("Stop all new money", type="primary", key="stop now", on_click=actions.attempt, args=(_stop,))
    actions.end_dialog_when_done()


@st.dialog("Plan a pause")
def plan_pause() -> None:
    """Pause a flow at a time, and resume it at another; or only one of both."""
    actions.end_dialog_if_over()
    st.selectbox("Flow", list(Flow), format_func=lambda each: WORDS[each][0], key="plan flow")
    what = st.segmented_control("What", (BOTH, PAUSE, RESUME), default=BOTH, required=True, key="plan what")
    zone, now = session.services().zone, session.services().clock()
    hour = now.astimezone(zone).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    for name, label, at in (("from", "Pause at", hour), ("until", "Resume at", hour + timedelta(hours=1))):
        if (name == "from" and what == RESUME) or (name == "until" and what == PAUSE):
            continue
        day, clock = st.columns(2)
        day.date_input(
            label, at.date(), format="YYYY-MM-DD", min_value=now.astimezone(zone).date(), key=f"plan {name} day"
        )
        clock.time_input("Time", at.time(), key=f"plan {name} time", label_visibility="hidden", step=300)
    st.caption(literal(f"Times in {zone_name(zone)}. A pause made by hand in the meantime is not lifted."))
    if what == RESUME:
        _reason()
    else:
        _sentence_and_reason()
    st.button("Plan", type="primary", key="plan now", on_click=actions.attempt, args=(_plan_chosen,))
    actions.end_dialog_when_done()


@st.dialog("Add a guard")
def add_guard() -> None:
    """Pause a flow automatically when an alert rule fires."""
    actions.end_dialog_if_over()
    st.selectbox("Flow", list(Flow), format_func=lambda each: WORDS[each][0], key="guard flow")
    st.selectbox("Pauses when this rule fires", MEASURED, format_func=lambda each: TITLES[each], key="guard rule")
    st.caption(
        "From the next time that the rule fires. If somebody then resumes the flow, it stays on until the rule fires "
        "again."
    )
    _sentence_and_reason()
    st.button("Add", type="primary", key="guard now", on_click=actions.attempt, args=(_add_guard,))
    actions.end_dialog_when_done()


def _sentence_and_reason() -> None:
    st.text_area("Sentence for customers", SUSPENDED, max_chars=LONGEST_SENTENCE, key=SENTENCE)
    _reason()


def _reason() -> None:
    st.text_input("Reason", key=WHY, max_chars=300, placeholder="For the audit log")


def _plan(plan: flag_plans.Plan) -> None:
    with st.container(border=True, key=f"plan-{plan['id']}"):
        what, act = st.columns([6, 1.5], vertical_alignment="center")
        done = "resumes" if plan["open"] else "pauses"
        at = in_zone(datetime.fromisoformat(plan["at"]), session.services().zone)
        who = audit_words.actor_name(plan["planned_by"])
        what.markdown(literal(f"{WORDS[Flow(plan['flow'])][0]}: {done} {at}. Planned by {who}: {plan['reason']}"))
        act.button(
            "Withdraw",
            key=f"withdraw plan {plan['id']}",
            width="stretch",
            on_click=actions.attempt,
            args=(partial(_withdraw, plan["id"]),),
        )


def _guard(guard: flag_plans.Guard) -> None:
    with st.container(border=True, key=f"guard-{guard['flow']}-{guard['rule']}"):
        what, act = st.columns([6, 1.5], vertical_alignment="center")
        rule, who = TITLES.get(guard["rule"], guard["rule"]), audit_words.actor_name(guard["set_by"])
        flow = WORDS[Flow(guard["flow"])][0]
        said = f"{flow}: pauses by itself when “{rule}” fires. Set by {who}: {guard['reason']}"
        what.markdown(literal(said))
        if not guard["rule_is_on"]:
            what.caption(":orange[:material/warning:] This rule is switched off, so the guard does nothing.")
        with act.popover("Remove", width="stretch"):
            why = f"why {guard['flow']} {guard['rule']}"
            st.text_input("Reason", key=why, max_chars=300, placeholder="For the audit log")
            st.button(
                "Remove the guard",
                key=f"remove {guard['flow']} {guard['rule']}",
                on_click=actions.attempt,
                args=(partial(_remove_guard, guard, why),),
            )


def _history(flow: Flow) -> None:
    found = flag_plans.history(session.db(), flow)
    if not found:
        st.info("This flow was never switched.")
        return
    rows.show(found, HISTORY, key=f"history-{flow}", file=f"switches-of-{flow}")


def _said() -> dict[str, str]:
    return {"sentence": st.session_state.get(SENTENCE) or "", "reason": st.session_state.get(WHY) or ""}


def _stop(actor: Actor) -> str:
    stopped = flag_plans.stop_new_money(session.db(), actor, **_said(), now=session.services().clock())
    return f"{counted(len(stopped), 'flow')} paused." if stopped else "Everything was paused already."


def _plan_chosen(actor: Actor) -> str:
    state, what = st.session_state, st.session_state.get("plan what") or BOTH
    flag_plans.plan(
        session.db(),
        actor,
        Flow(state["plan flow"]),
        pause_at=_chosen("from") if what != RESUME else None,
        resume_at=_chosen("until") if what != PAUSE else None,
        sentence=state.get(SENTENCE) or "",
        reason=state.get(WHY) or "",
        now=session.services().clock(),
    )
    return "Planned."


def _chosen(name: str) -> datetime:
    return _moment(st.session_state[f"plan {name} day"], st.session_state[f"plan {name} time"])


def _moment(day: date, at: time) -> datetime:
    return datetime.combine(day, at, session.services().zone)


def _withdraw(plan: int, actor: Actor) -> str:
    flag_plans.withdraw(session.db(), actor, plan, session.services().clock())
    return "The planned switch is withdrawn."


def _add_guard(actor: Actor) -> str:
    state = st.session_state
    flag_plans.guard(
        session.db(),
        actor,
        Flow(state["guard flow"]),
        state["guard rule"],
        **_said(),
        now=session.services().clock(),
    )
    return f"{WORDS[Flow(state['guard flow'])][0]} pauses by itself from now on when the rule fires."


def _remove_guard(guard: flag_plans.Guard, why: str, actor: Actor) -> str:
    flag_plans.remove_guard(
        session.db(),
        actor,
        Flow(guard["flow"]),
        guard["rule"],
        reason=st.session_state.get(why) or "",
        now=session.services().clock(),
    )
    return "The guard is removed."
