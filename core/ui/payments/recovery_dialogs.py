"""The dialogs about a failed payment: try it now or later, give the customer a link, stop trying."""

from datetime import datetime, timedelta
from functools import partial

import streamlit as st

from core.errors import Unavailable
from core.payments import recovery, recovery_links
from core.payments.recovery import Case
from core.payments.recovery_links import Card
from core.staff.roles import Actor, Role
from core.ui import session
from core.ui.kit import actions
from core.ui.text import in_zone, literal

LINK = "link_to_pay"


@st.dialog("Try to collect", width="medium")
def retry(case: Case) -> None:
    """Charge a saved card now, without the customer."""
    actions.end_dialog_if_over()
    cards = _choice_of_cards(case)
    if not cards:
        return
    card = st.selectbox("Card", cards, format_func=_named, key=_key(case, "card"))
    with st.container(border=True):
        st.markdown(f"**{literal(f'{case.failed.amount} is charged now to {_named(card)}')}**")
        st.markdown("\n".join(f"- {literal(each)}" for each in _about_to_try(case)))
    override = None
    if case.advice.limit_reached:
        if session.actor().role is not Role.ADMIN:
            st.error(literal(case.advice.warning))
            return
        override = st.text_input("Why the limit is passed over", key=_key(case, "override"), max_chars=300)
    actions.ask_who_it_is()
    action_id = st.session_state.setdefault(_key(case, "id"), recovery.new_id())
    st.button(
        literal(f"Charge {case.failed.amount}"),
        type="primary",
        key=_key(case, "send"),
        on_click=actions.attempt,
        args=(partial(_retry, case, action_id, override is not None),),
        kwargs={"confirmed": True},
    )
    actions.end_dialog_when_done()


@st.dialog("Schedule a retry", width="medium")
def schedule(case: Case) -> None:
    """Have a saved card charged at a moment to come."""
    actions.end_dialog_if_over()
    cards = _choice_of_cards(case)
    if not cards:
        return
    zone, now = session.settings().business_zone, session.services().clock()
    best = max(case.advice.advised_from or now, now + timedelta(hours=1)).astimezone(zone)
    st.selectbox("Card", cards, format_func=_named, key=_key(case, "later card"))
    day, hour = st.columns(2)
    day.date_input(
        "Day",
        best.date(),
        min_value=now.astimezone(zone).date(),
        max_value=(now + recovery.LATEST_SCHEDULE).date(),
        key=_key(case, "day"),
    )
    hour.time_input(f"Time ({best:%Z})", best.time().replace(second=0, microsecond=0), key=_key(case, "time"))
    st.text_input("Why then", key=_key(case, "later why"), max_chars=300, placeholder="For the record, such as payday")
    st.markdown(literal(f"{case.failed.amount} is charged then, once, unless it was paid before. {case.advice.meter}."))
    actions.ask_who_it_is()
    st.button(
        "Schedule",
        type="primary",
        on_click=actions.attempt,
        args=(partial(_schedule, case),),
        kwargs={"confirmed": True},
    )
    actions.end_dialog_when_done()


@st.dialog("A link to pay", width="medium")
def link(case: Case) -> None:
    """Let the customer pay by themselves."""
    actions.end_dialog_if_over()
    if case.failed.invoice_id:
        st.markdown(
            literal(
                f"Stripe sends the invoice over {case.failed.amount} to the customer's e-mail address, with a page to pay on. You can pass its address on as well."
            )
        )
    else:
        st.markdown(
            literal(
                f"A page to pay {case.failed.amount} on is made, open for a day. You pass its address on. A retry closes it first, so that nobody pays twice."
            )
        )
    actions.ask_who_it_is()
    action_id = st.session_state.setdefault(_key(case, "link id"), recovery.new_id())
    label = "Send the invoice" if case.failed.invoice_id else "Make the link"
    st.button(
        label,
        type="primary",
        on_click=actions.attempt,
        args=(partial(_link, case, action_id),),
        kwargs={"confirmed": True},
    )
    actions.end_dialog_when_done()


@st.dialog("Stop trying")
def stop(case: Case) -> None:
    """Give it up, or take that back."""
    actions.end_dialog_if_over()
    stopped = case.failed.state != "open"
    if stopped:
        st.markdown(
            literal(
                f"{case.failed.amount} waits to be collected again"
                + (
                    ", and Stripe goes on with its own tries."
                    if case.failed.invoice_id and case.failed.state == "stopped"
                    else "."
                )
            )
        )
    else:
        st.markdown(
            literal(f"Nobody tries to collect {case.failed.amount} any more. A link that was given out is closed.")
        )
        if case.failed.invoice_id:
            st.markdown(
                "Stripe's own tries for the invoice end as well. The invoice stays open, and the customer can still pay it."
            )
        st.text_input("Why", key=_key(case, "stop why"), max_chars=300, placeholder="For the audit log")
    actions.ask_who_it_is()
    st.button(
        "Open it again" if stopped else "Stop trying",
        type="primary",
        on_click=actions.attempt,
        args=(partial(_stop, case, stopped),),
        kwargs={"confirmed": True},
    )
    actions.end_dialog_when_done()


def _choice_of_cards(case: Case) -> list[Card | None]:
    """Those that may be tried, the one that makes most sense first; None leaves an invoice to its own card."""
    context, same = session.services().payment_context, case.advice.same_card
    try:
        saved = recovery_links.saved_cards(context, case.failed)
    except Unavailable as error:
        st.error(literal(error.detail))
        return []
    cards = [card for card in saved if same or not card.declined]
    # After a passing decline the declined card comes first, after a lasting one the customer's usual one.
    cards.sort(key=lambda card: (not card.declined, not card.is_default))
    if not cards:
        st.info("No card that may be tried is saved. Give the customer a link to pay with another one.")
    return [None, *cards] if same and case.failed.invoice_id and cards else [*cards]


def _named(card: Card | None) -> str:
    if card is None:
        return "the card that the invoice is paid with"
    return f"{card}{' (was declined)' if card.declined else ''}{' (usual card)' if card.is_default else ''}"


def _about_to_try(case: Case) -> list[str]:
    told = ["The customer is not there: where their bank asks for them, the try fails."]
    advised, now = case.advice.advised_from, session.services().clock()
    if advised and advised > now:
        told.append(f"It makes more sense from {in_zone(advised, session.settings().business_zone)} on.")
    if case.failed.stripe_tries_at:
        told.append(
            f"Stripe tries by itself at {in_zone(case.failed.stripe_tries_at, session.settings().business_zone)}."
        )
    if case.failed.told and case.failed.invoice_id is None:
        told.append("A link that was given out is closed first.")
    told.append(f"{case.advice.meter}.")
    return [*told, case.advice.warning] if case.advice.warning and not case.advice.limit_reached else told


def _retry(case: Case, action_id: str, override: bool, actor: Actor) -> str:
    card: Card | None = st.session_state.get(_key(case, "card"))
    done = recovery.retry(
        session.services().payment_context,
        actor,
        action_id,
        case.id,
        payment_method_id=card.id if card else None,
        override_reason=st.session_state.get(_key(case, "override")) or "" if override else None,
        seen_retries=case.failed.retries_here,
    )
    st.session_state.pop(_key(case, "id"), None)
    said = recovery.in_words(done, str(card) if card else "")
    return actions.Failure(said) if done.state == "refused" else said


def _schedule(case: Case, actor: Actor) -> str:
    zone, state = session.settings().business_zone, st.session_state
    at = datetime.combine(state[_key(case, "day")], state[_key(case, "time")], tzinfo=zone)
    card: Card | None = state.get(_key(case, "later card"))
    recovery.schedule(
        session.services().payment_context,
        actor,
        case.id,
        at,
        payment_method_id=card.id if card else None,
        reason=state.get(_key(case, "later why")) or "",
    )
    return f"Scheduled for {in_zone(at, zone)}."


def _link(case: Case, action_id: str, actor: Actor) -> str:
    origin = session.settings().checkout_return_origins[0]
    given = recovery_links.give(session.services().payment_context, actor, action_id, case.failed, origin)
    st.session_state.pop(_key(case, "link id"), None)
    if given.action is not None and given.action.state == "refused":
        return actions.Failure(f"No link was made: {given.action.problem}")
    if given.url is None:
        return "Stripe has not answered yet. The link will be here once it has."
    st.session_state[LINK] = (case.id, given.url)
    return (
        "Stripe sends the invoice. Its address is below."
        if given.sent
        else "The link is below: pass it on to the customer."
    )


def _stop(case: Case, stopped: bool, actor: Actor) -> str:
    context = session.services().payment_context
    if stopped:
        done = recovery.reopen(context, actor, case.id)
        said = "It waits to be collected again."
    else:
        done = recovery.stop(context, actor, case.id, reason=st.session_state.get(_key(case, "stop why")) or "")
        said = "Nobody tries this any more."
    if done is None or done.state == "done":
        return said
    return actions.Failure(f"{said} Stripe has not changed its own tries: {done.problem or 'it has not answered yet'}")


def _key(case: Case, what: str) -> str:
    return f"recovery {what} {case.id}"
