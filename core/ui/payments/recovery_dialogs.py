"""The dialogs for a failed payment: retry it now or later, create a payment link, stop retrying."""

from datetime import datetime, timedelta
from functools import partial

import streamlit as st

from core.errors import PayopsError, Unavailable
from core.monitoring.alerts import customer_mail
from core.payments.recovery import recovery, recovery_links
from core.payments.recovery.recovery_cases import Case
from core.payments.recovery.recovery_links import Card
from core.staff.roles import Actor, Role
from core.ui import session
from core.ui.kit import actions, drawer
from core.ui.text import in_zone, literal

LINK = "link_to_pay"
STRIPE_MAILS = (
    "Stripe's own e-mail about a failed renewal is a setting of its dashboard that its API does not show: “Send emails "
    "when card payments fail”, under Settings, Billing, Subscriptions and emails. It sends none about single payments."
)


@st.dialog("Retry payment", width="medium", on_dismiss="rerun")
def retry(case: Case) -> None:
    """The dialog to charge a saved card now, without the customer."""
    actions.end_dialog_if_over()
    cards = _choice_of_cards(case)
    if not cards:
        return
    card = st.selectbox("Card", cards, format_func=_named, key=_key(case, "card"))
    with st.container(border=True):
        st.markdown(f"**{literal(f'Charge {case.failed.amount} to {_charged(case, card)}')}**")
        st.markdown("\n".join(f"- {literal(each)}" for each in _about_to_try(case)))
    override = None
    if case.advice.limit_reached:
        if session.actor().role is not Role.ADMIN:
            st.error(literal(case.advice.warning))
            return
        override = st.text_input("Reason for exceeding the limit", key=_key(case, "override"), max_chars=300)
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


@st.dialog("Schedule a retry", width="medium", on_dismiss="rerun")
def schedule(case: Case) -> None:
    """The dialog to charge a saved card at a later time."""
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
        format="YYYY-MM-DD",
        min_value=now.astimezone(zone).date(),
        max_value=(now + recovery.LATEST_SCHEDULE).date(),
        key=_key(case, "day"),
    )
    hour.time_input(f"Time ({best:%Z})", best.time().replace(second=0, microsecond=0), key=_key(case, "time"))
    st.text_input("Reason", key=_key(case, "later why"), max_chars=300, placeholder="For the audit log, such as payday")
    st.markdown(
        literal(f"{case.failed.amount} will be charged once, unless it is paid before then. {case.advice.meter}.")
    )
    actions.ask_who_it_is()
    st.button(
        "Schedule retry",
        type="primary",
        on_click=actions.attempt,
        args=(partial(_schedule, case),),
        kwargs={"confirmed": True},
    )
    actions.end_dialog_when_done()


@st.dialog("Payment link", width="medium", on_dismiss="rerun")
def link(case: Case) -> None:
    """The dialog to let the customer pay with a payment link or their invoice."""
    actions.end_dialog_if_over()
    if case.failed.invoice_id:
        st.markdown(
            literal(
                f"Stripe sends the invoice for {case.failed.amount} to the customer's e-mail address, with a "
                f"page to pay it. "
                "You can also send them the link yourself."
            )
        )
        st.caption(STRIPE_MAILS)
    else:
        st.markdown(
            literal(
                f"We'll create a payment link for {case.failed.amount}, valid for 24 hours. Send it to the customer. "
                "A retry closes the link first, so the customer can't pay twice."
            )
        )
        if customer_mail.is_set_up(session.settings()):
            st.toggle(
                "E-mail it to the customer",
                value=True,
                key=_key(case, "mail link"),
                help="To their address at Stripe, which is not stored here. It says the amount, not what it is for.",
            )
        else:
            st.caption("payops can e-mail it to the customer once a mail server is in ALERT_URLS.")
    actions.ask_who_it_is()
    action_id = st.session_state.setdefault(_key(case, "link id"), recovery.new_id())
    label = "Send invoice" if case.failed.invoice_id else "Create link"
    st.button(
        label,
        type="primary",
        on_click=actions.attempt,
        args=(partial(_link, case, action_id),),
        kwargs={"confirmed": True},
    )
    actions.end_dialog_when_done()


@st.dialog("Stop retries", on_dismiss="rerun")
def stop(case: Case) -> None:
    """The dialog to stop all retries, or to resume them."""
    actions.end_dialog_if_over()
    stopped = case.failed.state != "open"
    if stopped:
        st.markdown(
            literal(
                f"Retries of {case.failed.amount} resume"
                + (
                    ", including Stripe's automatic retries."
                    if case.failed.invoice_id and case.failed.state == "stopped"
                    else "."
                )
            )
        )
    else:
        st.markdown(literal(f"{case.failed.amount} will not be retried anymore. An open payment link is closed."))
        if case.failed.invoice_id:
            st.markdown(
                "Stripe's automatic retries of the invoice stop too. The invoice stays open, and the customer can "
                "still pay it."
            )
        st.text_input("Reason", key=_key(case, "stop why"), max_chars=300, placeholder="For the audit log")
    actions.ask_who_it_is()
    st.button(
        "Resume retries" if stopped else "Stop retries",
        type="primary",
        on_click=actions.attempt,
        args=(partial(_stop, case, stopped),),
        kwargs={"confirmed": True},
    )
    actions.end_dialog_when_done()


def _choice_of_cards(case: Case) -> list[Card | None]:
    """The saved cards that may be charged, the best first; None lets Stripe use the invoice's own card."""
    context, same = session.services().payment_context, case.advice.same_card
    try:
        saved = recovery_links.saved_cards(context, case.failed)
    except Unavailable as error:
        st.error(literal(error.detail))
        return []
    cards = [card for card in saved if same or not card.declined]
    # After a temporary decline the declined card comes first, otherwise the customer's default card.
    cards.sort(key=lambda card: (not card.declined, not card.is_default))
    if not cards:
        st.info("No other card is saved, so only the customer can pay, with a payment link.")
        st.button("Payment link", type="primary", on_click=drawer.ask, args=(link, case))
    return [None, *cards] if same and case.failed.invoice_id and cards else [*cards]


def _named(card: Card | None) -> str:
    if card is None:
        return "The invoice's own card"
    marks = [mark for mark, holds in (("declined", card.declined), ("default", card.is_default)) if holds]
    return f"{card}, {card.expiry}" + (f" ({', '.join(marks)})" if marks else "")


def _charged(case: Case, card: Card | None) -> str:
    """The card as named in the sentence that says what will be charged."""
    return str(card) if card else case.failed.card or "the invoice's own card"


def _about_to_try(case: Case) -> list[str]:
    told = ["The customer isn't present, so the charge fails if their bank requires authentication."]
    advised, now = case.advice.advised_from, session.services().clock()
    if advised and advised > now:
        told.append(f"A retry is more likely to succeed after {in_zone(advised, session.settings().business_zone)}.")
    if case.failed.stripe_retries_at:
        zone = session.settings().business_zone
        told.append(f"Stripe retries automatically on {in_zone(case.failed.stripe_retries_at, zone)}.")
    if case.failed.links_sent and case.failed.invoice_id is None:
        told.append("An open payment link is closed first.")
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
    return f"Retry scheduled for {in_zone(at, zone)}."


def _link(case: Case, action_id: str, actor: Actor) -> str:
    origin = session.settings().checkout_return_origins[0]
    given = recovery_links.give(session.services().payment_context, actor, action_id, case.failed, origin)
    st.session_state.pop(_key(case, "link id"), None)
    if given.action is not None and given.action.state == "refused":
        return actions.Failure(f"The link was not created: {given.action.problem}")
    if given.url is None:
        return "Stripe has not answered yet. The link appears here once it does."
    st.session_state[LINK] = (case.id, given.url)
    if not given.sent and st.session_state.get(_key(case, "mail link")):
        return _mailed(case, given.url, actor)
    return (
        "Stripe sends the invoice. Its link is below."
        if given.sent
        else "Payment link created. Send it to the customer."
    )


def _mailed(case: Case, url: str, actor: Actor) -> str:
    """E-mail the link that was just created; it stays on the page if that fails."""
    context, settings = session.services().payment_context, session.settings()
    try:
        to = customer_mail.send_link(context, actor, settings, case.failed, url, context.clock())
    except PayopsError as error:
        return actions.Failure(f"Payment link created, but not e-mailed. {error.detail}")
    return f"Payment link created and e-mailed to {to}."


def _stop(case: Case, stopped: bool, actor: Actor) -> str:
    context = session.services().payment_context
    if stopped:
        done = recovery.reopen(context, actor, case.id)
        said = "Retries resumed."
    else:
        done = recovery.stop(context, actor, case.id, reason=st.session_state.get(_key(case, "stop why")) or "")
        said = "Retries stopped."
    if done is None or done.state == "done":
        return said
    return actions.Failure(
        f"{said} Stripe's automatic retries are unchanged: {done.problem or 'Stripe has not answered yet'}"
    )


def _key(case: Case, what: str) -> str:
    return f"recovery {what} {case.id}"
