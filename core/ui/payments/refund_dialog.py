"""The dialogs that refund a payment and that approve a refund."""

from functools import partial

import streamlit as st

from core.errors import Refused, Unavailable
from core.money import Money
from core.monitoring.alerts import staff_mail
from core.payments import private_text, refund_preview, refunds
from core.payments.actions import Action
from core.payments.refund_preview import Preview
from core.payments.refunds import REASONS, StripeReason
from core.staff.audit_words import actor_name
from core.staff.flags import Flow
from core.staff.roles import Actor, Right, right
from core.ui import session
from core.ui.kit import actions, object_links, paused
from core.ui.text import code, literal

ALL, PART = "all that is left", "a part"


def may_refund() -> bool:
    """Whether this role may refund at all, even if only up to a limit."""
    return right(session.actor().role, refunds.PAGE) >= Right.ACT_LIMITED


@st.dialog("Refund payment", width="medium")
def open(payment_intent_id: str, kind: StripeReason = StripeReason.REQUESTED) -> None:
    """The dialog to refund a payment. Open it from a button; the page shows the result with `actions.show_result`."""
    actions.end_dialog_if_over()
    context = session.services().payment_context
    try:
        found = refund_preview.preview(context, payment_intent_id)
    except Refused as refused:
        st.info(literal(refused.detail))
        return
    st.markdown(
        literal(f"{found.left} of {found.captured} can be refunded for payment") + f" {code(payment_intent_id)}."
    )
    if not found.refundable:
        st.info(literal(found.why_not))
        return
    amount = _amount(found)
    kinds = list(REASONS)
    st.selectbox(
        "Reason for Stripe",
        kinds,
        index=kinds.index(kind),
        format_func=lambda each: REASONS[each],
        key=_key(found, "kind"),
    )
    st.text_area(
        "Reason for the audit log",
        key=_key(found, "why"),
        max_chars=500,
        placeholder="What happened. Leave out health details and card numbers.",
    )
    if warning := private_text.warning(st.session_state.get(_key(found, "why"))):
        st.warning(warning)
    problem = refund_preview.problem_with(found, amount)
    asks = amount is not None and refunds.needs_approval(context, session.actor(), found, amount)
    with st.container(border=True):
        if amount is None and not st.session_state.get(_key(found, "amount")):
            st.markdown(literal(problem))  # nothing was entered yet, so nothing is wrong
        elif problem or amount is None:
            st.error(literal(problem))
        else:
            _show_consequences(found, amount, asks)
    actions.ask_who_it_is()
    # The id is created when the dialog is drawn, so that several clicks on the button make one refund.
    refund_id = st.session_state.setdefault(_key(found, "id"), refunds.new_id())
    if off := paused.why(Flow.REFUNDS):
        st.warning(literal(off), icon=":material/pause_circle:")
    label = "Refund" if problem else f"Request a refund of {amount}" if asks else f"Refund {amount}"
    st.button(
        literal(label),
        key=_key(found, "send"),
        type="primary",
        disabled=bool(problem or off),
        help=off or None,
        on_click=actions.attempt,
        args=(partial(_send, found, amount, refund_id),),
        kwargs={"confirmed": True},
    )
    actions.end_dialog_when_done()


def _show_consequences(found: Preview, amount: Money, asks: bool) -> None:
    if asks:
        said = f"**{literal(f'The refund of {amount} needs approval')}** by finance or an admin. {_allowance(found)}"
    else:
        said = f"**{literal(f'Refund {amount} to the original payment method')}**, within 5 to 10 business days."
    st.markdown(said)
    st.markdown("\n".join(f"- {literal(each)}" for each in refund_preview.consequences(found, amount)))


def _amount(found: Preview) -> Money | None:
    """The amount in the form; None if it is not an amount."""
    st.segmented_control("How much", [ALL, PART], default=ALL, required=True, key=_key(found, "how much"))
    if st.session_state[_key(found, "how much")] == PART:
        # A text, for a field of numbers makes 1250 of "12,50" and 12 of "11.999" without a word.
        st.text_input(
            f"Amount ({found.left.currency.upper()})",
            max_chars=20,
            placeholder=f"At most {found.left}",
            key=_key(found, "amount"),
        )
    return _asked(found)


def _asked(found: Preview) -> Money | None:
    """The amount in the form at the moment of the click, which may have changed since the form was drawn."""
    if st.session_state.get(_key(found, "how much")) != PART:
        return found.left
    return refund_preview.amount_of(st.session_state.get(_key(found, "amount")) or "", found.left.currency)


def _allowance(found: Preview) -> str:
    limit = Money(session.services().payment_context.refund_limit_minor, "usd")
    if found.left.currency != "usd":
        return literal(f"Support needs approval for every refund in {found.left.currency.upper()}.")
    used = f", and {Money(found.alone_minor, 'usd')} is already refunded" if found.alone_minor else ""
    return literal(f"Support can refund up to {limit} per payment without approval{used}.")


def _send(found: Preview, shown: Money | None, refund_id: str, actor: Actor) -> str:
    amount = _asked(found)
    if amount != shown:
        return actions.Failure("The amount was changed, so nothing was refunded. Look at what the button says now.")
    if amount is None or (problem := refund_preview.problem_with(found, amount)):
        return actions.Failure(problem if amount else "Enter an amount to refund.")
    done = refunds.issue(
        session.services().payment_context,
        actor,
        refund_id,
        found.payment_intent_id,
        amount.minor,
        reason=st.session_state.get(_key(found, "why")) or "",
        stripe_reason=st.session_state.get(_key(found, "kind")) or StripeReason.REQUESTED,
        seen_left_minor=found.left.minor,
    )
    st.session_state.pop(_key(found, "id"), None)
    said = refunds.in_words(done)
    return actions.Failure(said) if done.state == "refused" else said


def _key(found: Preview, what: str) -> str:
    return f"refund {what} {found.payment_intent_id}"


@st.dialog("Approve or reject the refund", width="medium", on_dismiss="rerun")
def decide(asked: Action) -> None:
    """The dialog to approve or reject a refund that another user requested."""
    actions.end_dialog_if_over()
    amount = Money(asked.amount_minor or 0, asked.currency or "usd")
    payment = object_links.inline("Payment", str(asked.payment_intent_id))
    by = literal(f", requested by {actor_name(asked.requested_by)}")
    st.markdown(f"**{literal(f'{amount} of')}** {payment}{by}")
    st.markdown(f"> {literal(asked.reason)}")
    found = refund_preview.preview(session.services().payment_context, str(asked.payment_intent_id))
    if found.left < amount or not found.refundable:
        st.warning(literal(found.why_not or f"Only {found.left} is left, so this refund cannot be approved."))
    else:
        told = refund_preview.consequences(found, amount, deciding=True)
        st.markdown("\n".join(f"- {literal(each)}" for each in told))
    actions.ask_who_it_is()
    if off := paused.why(Flow.REFUNDS):
        st.warning(literal(off), icon=":material/pause_circle:")
    st.text_input(
        "Reason for a rejection", key=f"reject why {asked.id}", max_chars=300, placeholder="The requester sees it"
    )
    impossible = bool(off) or found.left < amount or not found.refundable
    with st.container(horizontal=True):
        for label, approved in ((f"Approve {amount}", True), ("Reject", False)):
            st.button(
                literal(label),
                type="primary" if approved else "secondary",
                disabled=approved and impossible,
                on_click=actions.attempt,
                args=(partial(_decided, asked, approved),),
                kwargs={"confirmed": True},
            )
    actions.end_dialog_when_done()


def _reason_of(asked: Action, approved: bool) -> str | None:
    return None if approved else st.session_state.get(f"reject why {asked.id}") or ""


def _mailed(rejected: Action, actor: Actor, reason: str) -> bool:
    """Queue an e-mail to the requester and return whether that worked; the rejection stands either way."""
    running = session.services()
    try:
        return staff_mail.tell_of_rejection(
            running.db, actor, running.settings, rejected, reason=reason, now=running.clock()
        )
    except Unavailable:
        return False


def _decided(asked: Action, approved: bool, actor: Actor) -> str:
    done = refunds.decide(
        session.services().payment_context, actor, asked.id, approved=approved, reason=_reason_of(asked, approved)
    )
    said = refunds.in_words(done)
    if done.state == "rejected" and _mailed(done, actor, _reason_of(asked, approved) or ""):
        said += " They also get an e-mail."
    return actions.Failure(said) if done.state == "refused" else said
