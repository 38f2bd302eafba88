"""Failed payments as rows and as a chart, and the details of one."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pandas as pd  # type: ignore[import-untyped]
import plotly.graph_objects as go  # type: ignore[import-untyped]
import streamlit as st

from core.figures.wording import counted
from core.payments.actions import Action
from core.payments.recovery import recovery
from core.payments.recovery.recovery_cases import Case
from core.payments.recovery.retry_advice import STOP_AT, Step
from core.staff.audit_words import actor_name
from core.ui import session
from core.ui.kit import detail_view
from core.ui.kit.charts import FAILURE, HEIGHT_PIXELS, Chart, no_data
from core.ui.kit.rows import Column
from core.ui.text import ago, in_zone, literal

WHAT = {"retry": "Retry", "recovery_link": "Payment link", "stop_collection": "Stripe's automatic retries"}
OUTCOMES = {
    "done": "done",
    "refused": "declined or refused",
    "unknown": "no answer from Stripe yet",
    "sending": "in progress",
}
COLUMNS = (
    Column("amount_minor", "Amount", "money", total=True),
    Column(
        "monthly_minor",
        "Monthly revenue",
        "money",
        total=True,
        help="The monthly price of its subscription, while that is active.",
    ),
    Column("next", "Next step"),
    Column("why", "Decline reason"),
    Column("from", "From", "moment", width=128),
    Column("attempts", "Attempts in 30 days", "count"),
    Column("last_attempt_at", "Last attempt", "moment"),
    Column("card", "Payment method"),
    Column("links_sent", "Link sent", "moment"),
    Column("kind", "Type"),
    Column("order_id", "Order"),
    Column("id", "Payment", links_to="payments?payment={}"),
)


def as_row(case: Case) -> Mapping[str, Any]:
    failed, advice = case.failed, case.advice
    starts = failed.scheduled_at or failed.stripe_retries_at or advice.advised_from
    return {
        "id": case.id,
        "order_id": failed.order_id,
        "amount_minor": failed.amount_minor,
        "monthly_minor": failed.monthly_minor,
        "currency": failed.currency,
        "next": said(advice.step),
        "why": code_in_words(case),
        "from": starts.isoformat() if starts else None,
        "attempts": failed.attempts,
        "last_attempt_at": failed.last_attempt_at.isoformat(),
        "card": failed.card,
        "links_sent": failed.links_sent[0]["at"] if failed.links_sent else None,
        "kind": "Subscription" if failed.subscription_id else "Invoice" if failed.invoice_id else "One-time",
    }


def said(step: Step) -> str:
    """The name of a next step, capitalized to start a sentence."""
    return step[0].upper() + step[1:]


def code_in_words(case: Case) -> str:
    """A decline code in words: `Insufficient funds`."""
    return case.advice.decline.title


def chart(cases: Sequence[Case], currency: str) -> Chart:
    """The failed payments by their next step, in amounts."""
    present = [step for step in Step if any(each.advice.step is step for each in cases)]
    of = {step: [each.failed.amount for each in cases if each.advice.step is step] for step in present}
    amounts = {step: float(sum(amount.major for amount in of[step])) for step in present}
    titles = [said(step) for step in present]
    figure = go.Figure(
        layout={
            "height": min(HEIGHT_PIXELS, 90 + 34 * max(len(present), 1)),
            "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
            "bargap": 0.35,
        }
    )
    figure.add_bar(
        y=titles,
        x=[amounts[step] for step in present],
        orientation="h",
        marker={"color": FAILURE},
        text=[counted(len(of[step]), "payment") for step in present],
        textposition="auto",
        textangle=0,
        insidetextfont={"color": "white"},
        hovertemplate="%{y}: %{x:,.2f} in %{text}<extra></extra>",
    )
    figure.update_yaxes(autorange="reversed", automargin=True, ticklabelstandoff=6)
    figure.update_xaxes(title_text=f"{currency.upper()} to collect", nticks=6)
    if not present:
        no_data(figure, "No failed payment has to be collected.")

    def rows() -> pd.DataFrame:
        return pd.DataFrame(
            {
                "Next step": titles,
                "Payments": [len(of[step]) for step in present],
                f"Amount ({currency.upper()})": [amounts[step] for step in present],
            }
        )

    return Chart(
        "next-steps",
        "What is the next step for failed payments?",
        figure,
        "Bar chart of the amounts of failed payments by next step.",
        rows,
        {f"Amount ({currency.upper()})": "accounting"},
    )


def headline(case: Case) -> None:
    words = code_in_words(case)
    st.subheader(literal(f"{case.failed.amount}: {words[:1].lower()}{words[1:]}"))


def details(case: Case) -> None:
    """Show why the payment failed, its payment links, and what was done about it."""
    failed, advice = case.failed, case.advice
    named = (
        ("Payment", case.id),
        ("Invoice", failed.invoice_id),
        ("Subscription", failed.subscription_id),
        ("Order", failed.order_id),
        ("Customer", failed.customer_id),
        ("Patient", failed.patient_id),
    )
    detail_view.facts(named, ids=[name for name, _ in named])
    left, right = st.columns(2)
    with left:
        if advice.step not in (Step.STRIPE, Step.SCHEDULED, Step.IN_FLIGHT):  # what comes next is arranged already
            st.markdown(literal(advice.decline.staff_advice))
        if failed.monthly:
            st.markdown(
                f"At stake: {literal(str(failed.amount))} now, and {literal(str(failed.monthly))} a month from the "
                f"subscription."
            )
        st.markdown(f"Tell the customer: “{literal(advice.decline.customer_message)}”")
        if not advice.decline.known:
            st.caption("This decline code is not in our table.")
        for line in _when(case):
            st.markdown(literal(line))
    with right:
        if advice.limit_reached:
            st.error(literal(f"{advice.meter}. {advice.warning}"), icon=":material/block:")
        else:
            st.progress(min(failed.attempts / STOP_AT, 1.0), text=literal(advice.meter))
        if advice.warning and not advice.limit_reached:
            st.warning(literal(advice.warning))
        saved = {True: "It is saved.", False: "It is not saved, so it can't be charged without the customer.", None: ""}
        st.markdown(
            literal(
                f"Payment method: {failed.card}. {saved[failed.card_saved]}"
                if failed.card
                else "No charge was attempted."
            )
        )
        st.markdown(literal(_told(case)))
    if done := recovery.done_about(session.services().payment_context, case.id):
        st.markdown("**Actions**")
        st.markdown("\n".join(f"- {literal(_line(each))}" for each in done))


def _when(case: Case) -> list[str]:
    zone, failed, advised = session.settings().business_zone, case.failed, case.advice.advised_from
    now = session.services().clock()
    told = [f"Last attempt: {in_zone(failed.last_attempt_at, zone)}, {ago(failed.last_attempt_at, now)}."]
    if failed.stripe_retries_at:
        told.append(f"Stripe retries automatically on {in_zone(failed.stripe_retries_at, zone)}.")
    if failed.scheduled_at:
        told.append(f"Scheduled by {actor_name(failed.changed_by)} for {in_zone(failed.scheduled_at, zone)}.")
    elif failed.state == "stopped":
        told.append(f"Stopped by {actor_name(failed.changed_by)}: {failed.reason}")
    elif failed.reason:
        told.append(f"Note: {failed.reason}")
    if advised and advised > now and not failed.scheduled_at and not failed.stripe_retries_at:
        told.append(f"A retry is more likely to succeed after {in_zone(advised, zone)}.")
    return told


def _told(case: Case) -> str:
    if not case.failed.links_sent:
        return "No payment link was created."
    zone = session.settings().business_zone
    how = {"sent": "Invoice sent, requested by", "link": "Payment link created by"}
    return "; ".join(
        f"{how[each['how']]} {actor_name(each['by'])}, {in_zone(datetime.fromisoformat(each['at']), zone)}"
        for each in case.failed.links_sent
    )


def _line(action: Action) -> str:
    at = in_zone(datetime.fromisoformat(action.requested_at), session.settings().business_zone)
    problem = f": {action.problem}" if action.problem else ""
    why = f" ({action.reason})" if action.reason else ""
    outcome = OUTCOMES.get(action.state, action.state)
    return f"{at}: {WHAT[action.kind]} by {actor_name(action.requested_by)}, {outcome}{problem}{why}"
