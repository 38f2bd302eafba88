"""Deposits in the console: those to match by hand, with possible payouts, and those that are matched."""

from datetime import datetime
from functools import partial

import streamlit as st

from core.exports.table import MOST_AT_ONCE
from core.finance.bank import deposits
from core.finance.bank.deposits import Candidate, MatchedDeposit, UnmatchedDeposit
from core.money import Money
from core.staff.roles import Actor
from core.ui import session
from core.ui.finance.bank_columns import CANDIDATES, MATCHED, STATEMENTS, UNMATCHED, VOID
from core.ui.kit import actions, rows
from core.ui.text import code, literal

AT_ONCE = 200
WHY, PAYOUT = "deposit why", "deposit payout"


def show() -> None:
    """Show the deposits to match, the matched ones, and the imported statements."""
    waiting = deposits.unmatched(session.db(), most=AT_ONCE)
    st.markdown("**Deposits without a payout**")
    if waiting:
        picked = rows.show(waiting, UNMATCHED, key="unmatched", choose="deposit")
        rows.files(
            lambda _: deposits.unmatched(session.db(), most=MOST_AT_ONCE),
            UNMATCHED,
            name="unmatched-deposits",
            large=len(waiting) >= AT_ONCE,
        )
        rows.note_if_cut(waiting, AT_ONCE, "newest")
        chosen = next((each for each in waiting if str(each["id"]) == picked), None)
        if chosen:
            st.button("Choose the payout", type="primary", on_click=choose_payout, args=(chosen,))
        else:
            st.caption("Select a row to see which payouts it could be.")
    else:
        st.success("Every deposit at the bank belongs to a payout.")
    matched = st.expander("Matched deposits", on_change="rerun", key="matched-open")
    if matched.open:
        with matched:
            _matched()
    void = deposits.void(session.db(), most=AT_ONCE)
    if void:
        with st.expander("Void entries: taken back by the bank, or never booked"):
            rows.show(void, VOID, key="void")
            rows.files(lambda _: deposits.void(session.db(), most=MOST_AT_ONCE), VOID, name="void-bank-entries")
            rows.note_if_cut(void, AT_ONCE, "newest")
    statements = st.expander("Imported statements", on_change="rerun", key="statements-open")
    if statements.open:
        with statements:
            found = deposits.statements(session.db(), most=AT_ONCE)
            rows.show(found, STATEMENTS, key="statements")
            rows.files(
                lambda _: deposits.statements(session.db(), most=MOST_AT_ONCE),
                STATEMENTS,
                name="bank-statements",
                large=len(found) >= AT_ONCE,
            )
            rows.note_if_cut(found, AT_ONCE, "newest")


def _matched() -> None:
    found = deposits.matched(session.db(), most=AT_ONCE)
    if not found:
        st.info("No deposit is matched yet. Import a bank statement, and deposits are matched by trace ID or amount.")
        return
    picked = rows.show(found, MATCHED, key="matched", choose="matched")
    rows.files(
        lambda _: deposits.matched(session.db(), most=MOST_AT_ONCE),
        MATCHED,
        name="matched-deposits",
        large=len(found) >= AT_ONCE,
    )
    rows.note_if_cut(found, AT_ONCE, "newest")
    chosen = next((each for each in found if str(each["id"]) == picked), None)
    if chosen:
        st.button("Unmatch", on_click=take_apart, args=(chosen,), help="If this deposit is not this payout's.")


@st.dialog("Choose the payout", width="large")
def choose_payout(deposit: UnmatchedDeposit) -> None:
    """Match a deposit to a payout by hand."""
    actions.end_dialog_if_over()
    st.markdown(f"**{literal(_amount(deposit))}**, booked {literal(_day(deposit['booked_on']))}")
    candidates = deposit["candidates"]
    if candidates:
        rows.show(candidates, CANDIDATES, key="candidates", file="payout-candidates")
    else:
        st.info("No payout in this currency arrived within a month. Type the payout's ID if you know it.")
    if deposit["status"] == "pending":
        st.info("The bank has not booked this entry yet. It can be matched once it is booked.")
        return
    st.selectbox(
        "Payout",
        [each["payout_id"] for each in candidates],
        index=0 if candidates and candidates[0]["is_same_amount"] else None,
        format_func=partial(_title, {each["payout_id"]: each for each in candidates}),
        placeholder="Choose, or type a payout's ID",
        accept_new_options=True,
        key=PAYOUT,
    )
    st.text_input("Reason", key=WHY, max_chars=300, placeholder="For the audit log")
    st.button("Match", type="primary", on_click=actions.attempt, args=(partial(_match, deposit["id"]),))
    actions.end_dialog_when_done()


@st.dialog("Unmatch", width="medium")
def take_apart(deposit: MatchedDeposit) -> None:
    """Unmatch a deposit from its payout."""
    actions.end_dialog_if_over()
    st.markdown(
        f"The deposit of **{literal(_amount(deposit))}**, booked {literal(_day(deposit['booked_on']))}, will belong to "
        f"no payout. It will not be matched to {code(deposit['payout_id'])} automatically again."
    )
    st.text_input("Reason", key=WHY, max_chars=300, placeholder="For the audit log")
    st.button("Unmatch", type="primary", key="unmatch", on_click=actions.attempt, args=(partial(_unmatch, deposit),))
    actions.end_dialog_when_done()


def _match(entry_id: int, actor: Actor) -> str:
    payout_id = str(st.session_state.get(PAYOUT) or "")
    deposits.match(session.db(), actor, entry_id, payout_id, st.session_state.get(WHY, ""), session.services().clock())
    return f"The deposit belongs to {payout_id} now."


def _unmatch(deposit: MatchedDeposit, actor: Actor) -> str:
    clock = session.services().clock
    payout_id = deposits.unmatch(session.db(), actor, deposit["id"], st.session_state.get(WHY, ""), clock())
    return f"The deposit does not belong to {payout_id} any more."


def _title(candidates: dict[str, Candidate], payout_id: str) -> str:
    found = candidates.get(payout_id)
    if found is None:
        return payout_id
    return f"{payout_id}, {Money(found['amount_minor'], found['currency'])}, arrival {_day(found['arrival_date'])}"


def _amount(deposit: UnmatchedDeposit | MatchedDeposit) -> str:
    return str(Money(deposit["amount_minor"], deposit["currency"]))


def _day(written: str) -> str:
    return f"{datetime.fromisoformat(written):%-d %b %Y}"
