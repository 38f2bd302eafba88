"""Failed payments as rows, as a chart, and one of them whole."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pandas as pd  # type: ignore[import-untyped]
import plotly.graph_objects as go  # type: ignore[import-untyped]
import streamlit as st

from core.payments import recovery
from core.payments.actions import Action
from core.payments.recovery import Case
from core.payments.retry_advice import STOP_AT, Step
from core.staff import audit_words
from core.ui import session
from core.ui.kit import detail_view
from core.ui.kit.charts import FAILURE, HEIGHT_PIXELS, Chart
from core.ui.kit.rows import Column
from core.ui.text import ago, in_zone, literal

WHAT = {"retry": "Retry", "recovery_link": "Link to pay", "stop_collection": "Stripe's own tries"}
OUTCOMES = {"done": "done", "refused": "declined or refused", "unknown": "not answered yet", "sending": "being sent"}
COLUMNS = (
    Column("amount_minor", "Amount", "money"),
    Column("monthly_minor", "A month", "money", help="What its subscription brings in a month, as long as it lives."),
    Column("next", "What comes next"),
    Column("why", "Why it failed"),
    Column("from", "From", "moment", width=128),
    Column("tries", "Tries in 30 days", "count"),
    Column("last_attempt_at", "Last tried", "moment"),
    Column("card", "Card"),
    Column("told", "Customer told"),
    Column("kind", "Of"),
    Column("id", "Payment"),
)


def as_row(case: Case) -> Mapping[str, Any]:
    failed, advice = case.failed, case.advice
    starts = failed.scheduled_at or failed.stripe_tries_at or advice.advised_from
    return {
        "id": case.id,
        "amount_minor": failed.amount_minor,
        "monthly_minor": failed.monthly_minor,
        "currency": failed.currency,
        "next": said(advice.step),
        "why": code_in_words(case),
        "from": starts.isoformat() if starts else None,
        "tries": failed.tries,
        "last_attempt_at": failed.last_attempt_at.isoformat(),
        "card": failed.card,
        "told": failed.told[0]["at"][:10] if failed.told else "",
        "kind": "Subscription" if failed.subscription_id else "Invoice" if failed.invoice_id else "One payment",
    }


def said(step: Step) -> str:
    """A next step as the start of a sentence."""
    return step[0].upper() + step[1:]


def code_in_words(case: Case) -> str:
    """`Insufficient funds`."""
    words = case.advice.decline.code.replace("_", " ")
    return words[0].upper() + words[1:]


def chart(cases: Sequence[Case], currency: str) -> Chart:
    """What the failed payments wait for, by what they come to."""
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
        text=[f"{len(of[step]):,}" for step in present],
        textposition="auto",
        hovertemplate="%{y}: %{x:,.2f} in %{text} payments<extra></extra>",
    )
    figure.update_yaxes(autorange="reversed", automargin=True, ticklabelstandoff=6)
    figure.update_xaxes(title_text=f"{currency.upper()} to collect, and how many")

    def rows() -> pd.DataFrame:
        return pd.DataFrame(
            {
                "What comes next": titles,
                "Payments": [len(of[step]) for step in present],
                f"Amount ({currency.upper()})": [amounts[step] for step in present],
            }
        )

    return Chart(
        "next-steps",
        "What do failed payments wait for?",
        figure,
        "Bar chart of what failed payments come to, by what comes next for them.",
        rows,
        {f"Amount ({currency.upper()})": "accounting"},
    )


def details(case: Case) -> None:
    """Why it failed, what may be tried, who was told, and what was done."""
    failed, advice = case.failed, case.advice
    st.subheader(literal(f"{failed.amount}: {code_in_words(case).lower()}"))
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
        st.markdown(f"**{literal(said(advice.step))}.** {literal(advice.decline.staff_advice)}")
        if failed.monthly:
            st.markdown(
                f"At stake: {literal(str(failed.amount))} now, and {literal(str(failed.monthly))} a month of the subscription."
            )
        st.markdown(f"Tell the customer: “{literal(advice.decline.customer_message)}”")
        if not advice.decline.known:
            st.caption("Stripe's code is not in our table: it is treated as a generic decline.")
        for line in _when(case):
            st.markdown(literal(line))
    with right:
        st.progress(min(failed.tries / STOP_AT, 1.0), text=literal(advice.meter))
        if advice.warning:
            st.warning(literal(advice.warning))
        saved = {True: "It is saved.", False: "It is not saved, so it cannot be tried without the customer.", None: ""}
        st.markdown(
            literal(f"Card: {failed.card}. {saved[failed.card_saved]}" if failed.card else "No card was tried.")
        )
        st.markdown(literal(_told(case)))
    if done := recovery.done_about(session.services().payment_context, case.id):
        st.markdown("**What was done here**")
        st.markdown("\n".join(f"- {literal(_line(each))}" for each in done))


def _when(case: Case) -> list[str]:
    zone, failed, advised = session.settings().business_zone, case.failed, case.advice.advised_from
    now = session.services().clock()
    told = [f"Last tried {in_zone(failed.last_attempt_at, zone)}, {ago(failed.last_attempt_at, now)}."]
    if failed.stripe_tries_at:
        told.append(f"Stripe tries it by itself at {in_zone(failed.stripe_tries_at, zone)}.")
    if failed.scheduled_at:
        told.append(
            f"Scheduled by {audit_words.actor_name(failed.changed_by)} for {in_zone(failed.scheduled_at, zone)}."
        )
    elif failed.state == "stopped":
        told.append(f"Stopped by {audit_words.actor_name(failed.changed_by)}: {failed.reason}")
    elif failed.reason:
        told.append(f"Note: {failed.reason}")
    if advised and advised > now and not failed.scheduled_at:
        told.append(f"Another try makes sense from {in_zone(advised, zone)} on.")
    return told


def _told(case: Case) -> str:
    if not case.failed.told:
        return "Nobody was sent a link to pay from here."
    zone = session.settings().business_zone
    how = {"sent": "the invoice was sent by Stripe, asked for by", "link": "a link to pay was made by"}
    return "; ".join(
        f"{how[each['how']]} {each['by']}, {in_zone(datetime.fromisoformat(each['at']), zone)}"
        for each in case.failed.told
    ).capitalize()


def _line(action: Action) -> str:
    at = in_zone(datetime.fromisoformat(action.requested_at), session.settings().business_zone)
    problem = f": {action.problem}" if action.problem else ""
    why = f" ({action.reason})" if action.reason else ""
    return (
        f"{at}: {WHAT[action.kind]} by {action.requested_by}, {OUTCOMES.get(action.state, action.state)}{problem}{why}"
    )
