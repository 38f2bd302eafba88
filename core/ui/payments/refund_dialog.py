"""The dialog that refunds a payment, the same wherever somebody looks at one."""

from decimal import Decimal
from functools import partial

import streamlit as st

from core.errors import Refused
from core.money import Money, exponent
from core.payments import refunds
from core.payments.actions import Action
from core.payments.refunds import REASONS, Preview, StripeReason
from core.staff.roles import Actor, Right, right
from core.ui import session
from core.ui.kit import actions
from core.ui.text import code, literal

ALL, PART = "all that is left", "a part"


def may_refund() -> bool:
    """Whether whoever looks at this page may refund at all, if only up to a limit."""
    return right(session.actor().role, refunds.PAGE) >= Right.ACT_LIMITED


@st.dialog("Refund", width="medium")
def open(payment_intent_id: str, kind: StripeReason = StripeReason.REQUESTED) -> None:
    """Call it where a button was clicked; the page says what became of it by `actions.show_result`."""
    actions.end_dialog_if_over()
    context = session.services().payment_context
    try:
        found = refunds.preview(context, payment_intent_id)
    except Refused as refused:
        st.info(literal(refused.detail))
        return
    st.markdown(
        literal(f"{found.left} of {found.captured} can be refunded. The payment is") + f" {code(payment_intent_id)}."
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
        "Why",
        key=_key(found, "why"),
        max_chars=500,
        placeholder="What happened, for the audit log. Nothing about health.",
    )
    asks = refunds.needs_approval(context, session.actor(), found, amount)
    with st.container(border=True):
        if asks:
            st.markdown(
                f"**{literal(f'{amount} needs the approval of another person')}**, from finance or an admin. {_allowance(found)}"
            )
        else:
            st.markdown(
                f"**{literal(f'{amount} goes back to the card it was paid with')}**, within 5 to 10 business days."
            )
        st.markdown("\n".join(f"- {literal(each)}" for each in refunds.consequences(found, amount)))
    actions.ask_who_it_is()
    # Bound when it is drawn: however often this button is clicked, it is this one refund.
    refund_id = st.session_state.setdefault(_key(found, "id"), refunds.new_id())
    st.button(
        literal(f"Ask for a refund of {amount}" if asks else f"Refund {amount}"),
        key=_key(found, "send"),
        type="primary",
        on_click=actions.attempt,
        args=(partial(_send, found, refund_id),),
        kwargs={"confirmed": True},
    )
    actions.end_dialog_when_done()


def _amount(found: Preview) -> Money:
    st.segmented_control("How much", [ALL, PART], default=ALL, required=True, key=_key(found, "how much"))
    if st.session_state[_key(found, "how much")] == PART:
        places = min(exponent(found.left.currency), 2)  # the last of three decimals is always 0
        least = Money.from_major(Decimal(1).scaleb(-places), found.left.currency)
        st.number_input(
            f"Amount ({found.left.currency.upper()})",
            min_value=float(least.major),
            max_value=float(found.left.major),
            value=float(found.left.major),
            step=float(least.major) if places == 0 else 1.0,
            format=f"%.{places}f",
            key=_key(found, "amount"),
        )
    return _asked(found)


def _asked(found: Preview) -> Money:
    """As it stands in the form at this moment, which may be later than when it was drawn."""
    if st.session_state.get(_key(found, "how much")) != PART:
        return found.left
    return Money.from_major(str(st.session_state[_key(found, "amount")]), found.left.currency)


def _allowance(found: Preview) -> str:
    limit = Money(session.services().payment_context.refund_limit_minor, "usd")
    if found.left.currency != "usd":
        return literal(f"Support refunds payments in {found.left.currency.upper()} with approval only.")
    gone = f", of which {Money(found.alone_minor, 'usd')} is gone" if found.alone_minor else ""
    return literal(f"Support refunds {limit} of one payment alone{gone}.")


def _send(found: Preview, refund_id: str, actor: Actor) -> str:
    done = refunds.issue(
        session.services().payment_context,
        actor,
        refund_id,
        found.payment_intent_id,
        _asked(found).minor,
        reason=st.session_state.get(_key(found, "why")) or "",
        stripe_reason=st.session_state.get(_key(found, "kind")) or StripeReason.REQUESTED,
        seen_left_minor=found.left.minor,
    )
    st.session_state.pop(_key(found, "id"), None)
    said = refunds.in_words(done)
    return actions.Failure(said) if done.state == "refused" else said


def _key(found: Preview, what: str) -> str:
    return f"refund {what} {found.payment_intent_id}"


@st.dialog("Decide about a refund", width="medium")
def decide(asked: Action) -> None:
    """Approve or reject what somebody else asked for."""
    actions.end_dialog_if_over()
    amount = Money(asked.amount_minor or 0, asked.currency or "usd")
    st.markdown(
        f"**{literal(f'{amount} of')}** {code(asked.payment_intent_id)}{literal(f', asked for by {asked.requested_by}')}"
    )
    st.markdown(f"> {literal(asked.reason)}")
    found = refunds.preview(session.services().payment_context, str(asked.payment_intent_id))
    if found.left < amount or not found.refundable:
        st.warning(literal(found.why_not or f"Only {found.left} is left by now: this cannot be approved any more."))
    else:
        st.markdown("\n".join(f"- {literal(each)}" for each in refunds.consequences(found, amount, deciding=True)))
    actions.ask_who_it_is()
    with st.container(horizontal=True):
        for label, approved in ((f"Approve {amount}", True), ("Reject", False)):
            st.button(
                literal(label),
                type="primary" if approved else "secondary",
                disabled=approved and (found.left < amount or not found.refundable),
                on_click=actions.attempt,
                args=(partial(_decided, asked, approved),),
                kwargs={"confirmed": True},
            )
    actions.end_dialog_when_done()


def _decided(asked: Action, approved: bool, actor: Actor) -> str:
    done = refunds.decide(session.services().payment_context, actor, asked.id, approved=approved)
    said = refunds.in_words(done)
    return actions.Failure(said) if done.state == "refused" else said
