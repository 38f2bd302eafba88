"""Retrying several failed payments in a row: the choice before, the progress, and the results."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pandas as pd  # type: ignore[import-untyped]
import streamlit as st

from core.errors import PayopsError
from core.money import Money, total
from core.payments.recovery import recovery
from core.payments.recovery.recovery_cases import Case
from core.staff.roles import Actor
from core.ui import session
from core.ui.kit import actions, rows
from core.ui.kit.rows import Column
from core.ui.payments import recovery_view
from core.ui.text import literal

_RUN, _CHOSEN = "recovery_run", "recovery_chosen"
MOST = 100
OUTCOMES = {"done": "Collected", "refused": "Declined again", "not retried": "Not retried"}
COLUMNS = (
    Column("amount_minor", "Amount", "money"),
    Column("outcome", "Outcome"),
    Column("said", "Result", width="large"),
    Column("id", "Payment"),
)


@dataclass
class Run:
    """The retries still to make, each with the id it got when it was confirmed, and the results so far."""

    todo: list[tuple[str, Case]]
    done: list["Retried"] = field(default_factory=list)


@dataclass(frozen=True)
class Retried:
    """The result of one retry."""

    id: str
    amount: Money
    outcome: str
    said: str

    def as_row(self) -> Mapping[str, Any]:
        return vars(self) | {"amount_minor": self.amount.minor, "currency": self.amount.currency}


@st.dialog("Retry several payments", width="large")
def ask(cases: Sequence[Case]) -> None:
    """Ask for confirmation, showing what will be charged to which card; payments can be left out."""
    actions.end_dialog_if_over()
    offered = cases[:MOST]
    table = pd.DataFrame(
        [
            {
                "Retry": True,
                "Amount": str(case.failed.amount),
                "Decline reason": recovery_view.code_in_words(case),
                "Payment method": case.failed.card,
                "Attempts": case.failed.attempts,
                "Payment": case.id,
            }
            for case in offered
        ]
    )
    edited = st.data_editor(table, hide_index=True, disabled=list(table.columns[1:]), key=_CHOSEN)
    chosen = [case for case, keep in zip(offered, edited["Retry"], strict=True) if keep]
    if chosen:
        worth = total((case.failed.amount for case in chosen), chosen[0].failed.currency)
        st.markdown(
            f"**{literal(f'Charge {worth} in {_payments(len(chosen))}')}**, one after the other, each to its "
            f"declined card. "
            "The customers aren't present."
        )
        if any(case.advice.warning for case in chosen):
            st.warning("Some are near the limit of attempts. Those at the limit are not retried.")
    actions.ask_who_it_is()
    plan = st.session_state.setdefault("recovery_ids", {})
    agreed = [(plan.setdefault(case.id, recovery.new_id()), case) for case in chosen]
    st.button(
        f"Retry {_payments(len(chosen))}",
        type="primary",
        disabled=not chosen,
        on_click=actions.attempt,
        args=(partial(_agreed, agreed),),
        kwargs={"confirmed": True},
    )
    actions.end_dialog_when_done()


def go_on() -> None:
    """Make the confirmed retries that are left, with a progress bar, then show the results."""
    run: Run | None = st.session_state.get(_RUN)
    if run is None:
        return
    if run.todo:
        actions.one_after_the_other(run.todo, run.done, _retried, lambda task: task[1].failed.amount)
        st.rerun()  # the figures and rows on the page are from before the retries
    st.markdown(f"**{literal(_summary(run))}**")
    rows.show([one.as_row() for one in run.done], COLUMNS, key="recovery-run", file="recovery-results")
    st.button("Close results", on_click=st.session_state.pop, args=(_RUN, None))


def _agreed(plan: list[tuple[str, Case]], actor: Actor) -> str:
    if _RUN not in st.session_state or not st.session_state[_RUN].todo:
        st.session_state[_RUN] = Run(list(plan))
    st.session_state.pop("recovery_ids", None)
    return f"Retrying {_payments(len(plan))}, one after the other."


def _retried(task: tuple[str, Case]) -> Retried:
    context, (action_id, case) = session.services().payment_context, task
    try:
        done = recovery.retry(context, session.actor(), action_id, case.id, seen_retries=case.failed.retries_here)
    except PayopsError as error:
        return Retried(case.id, case.failed.amount, OUTCOMES["not retried"], error.detail)
    outcome = OUTCOMES.get(done.state, "No answer from Stripe yet")
    return Retried(case.id, case.failed.amount, outcome, recovery.in_words(done))


def _summary(run: Run) -> str:
    counts = {outcome: sum(one.outcome == outcome for one in run.done) for outcome in OUTCOMES.values()}
    collected = total((one.amount for one in run.done if one.outcome == OUTCOMES["done"]), run.done[0].amount.currency)
    said = [f"{counts[OUTCOMES['done']]:,} collected, {collected}"]
    said += [
        f"{count:,} {outcome.lower()}" for outcome, count in counts.items() if count and outcome != OUTCOMES["done"]
    ]
    unknown = len(run.done) - sum(counts.values())
    return "; ".join(said) + (f"; {unknown:,} without an answer from Stripe yet" if unknown else "")


def _payments(count: int) -> str:
    return "1 payment" if count == 1 else f"{count:,} payments"
