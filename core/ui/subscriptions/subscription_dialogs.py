"""The dialogs that cancel, resume or pause a subscription: each shows the consequences before it is done."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from functools import partial

import streamlit as st

from core.billing import subscription_actions, subscription_life
from core.billing.subscription_actions import Pause
from core.billing.subscription_figures import FEEDBACK
from core.billing.subscription_life import Life
from core.payments import private_text
from core.payments.actions import Action
from core.staff.roles import Actor
from core.ui import session
from core.ui.kit import actions
from core.ui.text import code, literal

NOW, AT_THE_END = "now", "at the end of the period"
PAUSES = {
    Pause.KEEP_AS_DRAFT: "Collect them after the pause",
    Pause.VOID: "Give the service for free",
    Pause.MARK_UNCOLLECTIBLE: "Mark them uncollectible",
}
Do = Callable[[Actor, str], Action]


@st.dialog("Cancel subscription", width="medium")
def cancel(subscription_id: str) -> None:
    """Cancel now, or at the period's end."""
    actions.end_dialog_if_over()
    if (life := opened(subscription_id)) is None:
        return
    may_wait = life.ends_at is None and life.status != "incomplete"
    choices = [AT_THE_END, NOW] if may_wait else [NOW]
    when = st.segmented_control("When", choices, default=choices[0], required=True, key=key(life, "when"))
    feedback = st.selectbox(
        "Why does the customer leave?",
        [None, *FEEDBACK],
        format_func=lambda each: FEEDBACK[each].capitalize() if each else "Not said",
        key=key(life, "feedback"),
    )
    later = when == AT_THE_END
    finish(
        life,
        subscription_actions.cancel_consequences(life, at_period_end=later),
        "Cancel at the end of the period" if later else "Cancel now",
        lambda actor, action_id: subscription_actions.cancel(
            session.services().payment_context,
            actor,
            action_id,
            life,
            at_period_end=later,
            feedback=feedback,
            reason=said(life),
        ),
    )


@st.dialog("Withdraw the cancellation", width="medium")
def resume(subscription_id: str) -> None:
    """Undo a scheduled cancellation, so that the subscription renews again."""
    actions.end_dialog_if_over()
    if (life := opened(subscription_id)) is None:
        return
    ends = life.ends_at
    finish(
        life,
        [f"It no longer ends on {ends:%-d %b %Y} and renews as before." if ends else "It renews as before."],
        "Withdraw cancellation",
        lambda actor, action_id: subscription_actions.resume(
            session.services().payment_context, actor, action_id, life, reason=said(life)
        ),
    )


@st.dialog("Pause collection", width="medium")
def pause(subscription_id: str) -> None:
    """Pause the collection of its invoices until a day, or until somebody resumes it."""
    actions.end_dialog_if_over()
    if (life := opened(subscription_id)) is None:
        return
    behavior = st.selectbox(
        "What happens to its invoices meanwhile?",
        list(PAUSES),
        format_func=lambda each: PAUSES[each],
        key=key(life, "behavior"),
    )
    context, zone = session.services().payment_context, session.settings().business_zone
    day = st.date_input(
        "Resumes on",
        value=None,
        format="YYYY-MM-DD",
        min_value=context.clock().astimezone(zone).date() + timedelta(days=1),
        key=key(life, "until"),
        help="Empty: until somebody resumes it.",
    )
    resumes_at = datetime.combine(day, time(), tzinfo=zone) if isinstance(day, date) else None
    until = f"It resumes on {resumes_at:%-d %b %Y}." if resumes_at else "It stays paused until somebody resumes it."
    finish(
        life,
        [*subscription_actions.pause_consequences(life, behavior), until],
        "Pause collection",
        lambda actor, action_id: subscription_actions.pause(
            context, actor, action_id, life, behavior=behavior, resumes_at=resumes_at, reason=said(life)
        ),
        problem=subscription_actions.pause_problem(context, resumes_at),
    )


@st.dialog("Resume collection", width="medium")
def resume_collection(subscription_id: str) -> None:
    """Resume the collection of its invoices."""
    actions.end_dialog_if_over()
    if (life := opened(subscription_id)) is None:
        return
    ends = life.period_ends_at
    finish(
        life,
        [
            f"The next invoice, on {ends:%-d %b %Y}, is collected again." if ends else "Invoices are collected again.",
            "Invoices kept as drafts are finalized at Stripe by hand; voided ones stay void.",
        ],
        "Resume collection",
        lambda actor, action_id: subscription_actions.resume_collection(
            session.services().payment_context, actor, action_id, life, reason=said(life)
        ),
    )


def opened(subscription_id: str) -> Life | None:
    """Load the subscription and show it at the top of its dialog; None, with a message, if it no longer exists."""
    life = subscription_life.load(session.db(), subscription_id, zone=session.settings().business_zone)
    if life is None:
        st.info("This subscription no longer exists.")
        return None
    st.markdown(f"{literal(subscription_life.sentence(life))} {code(life.id)}")
    return life


def finish(life: Life, consequences: Sequence[str], label: str, do: Do, *, problem: str = "", to_do: str = "") -> None:
    """Show the lower half of a dialog: the reason, the consequences, the identity check, and the button.

    The change's id is set when the dialog is drawn, so that several clicks on the button make only one change.
    """
    st.text_area(
        "Reason for the audit log",
        key=key(life, "why"),
        max_chars=500,
        height=80,
        placeholder="What happened. Leave out health details and card numbers.",
    )
    warning = private_text.warning(said(life))
    if warning:
        st.warning(warning)
    with st.container(border=True):
        if to_do:
            st.markdown(literal(to_do))
        elif problem:
            st.error(literal(problem))
        else:
            st.markdown("\n".join(f"- {literal(each)}" for each in consequences))
    actions.ask_who_it_is()
    action_id = st.session_state.setdefault(key(life, "id"), subscription_actions.new_id())
    st.button(
        literal(label),
        key=key(life, "send"),
        type="primary",
        disabled=bool(problem or to_do),
        on_click=actions.attempt,
        args=(partial(_change_subscription, life, action_id, do),),
        kwargs={"confirmed": True},
    )
    actions.end_dialog_when_done()


def said(life: Life) -> str:
    """The reason that is now in the field."""
    return (st.session_state.get(key(life, "why")) or "").strip()


def key(life: Life, what: str) -> str:
    return f"subscription {what} {life.id}"


def _change_subscription(life: Life, action_id: str, do: Do, actor: Actor) -> str:
    done = do(actor, action_id)
    st.session_state.pop(key(life, "id"), None)
    words = subscription_actions.in_words(done)
    return actions.Failure(words) if done.state == "refused" else words
