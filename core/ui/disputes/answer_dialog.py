"""The dialog that submits evidence or accepts a dispute: what is sent, what is missing, and a confirmation."""

from functools import partial

import streamlit as st

from core.money import Money
from core.payments.disputes import disputes
from core.payments.disputes.disputes import Case
from core.staff.roles import Actor
from core.ui import session
from core.ui.disputes import evidence_form
from core.ui.disputes.evidence_form import key
from core.ui.kit import actions, detail_view
from core.ui.text import code, literal

ACCEPT, SUBMIT = "accept_dispute", "submit_evidence"
SHOWN_CHARACTERS = 200
ASKED = "answer_dispute_asked"


@st.dialog("Answer dispute", width="large")
def ask(case: Case, kind: str) -> None:
    actions.end_dialog_if_over()
    dispute = case.facts["dispute"]
    amount = Money(dispute["amount_minor"], dispute["currency"])
    accepting = kind == ACCEPT
    title = f"Accept the dispute over {amount}" if accepting else f"Submit evidence for {amount}"
    st.markdown(f"**{literal(title)}**, {code(dispute['id'])}")
    may_go = accepting or _what_goes(case)
    with st.container(border=True):
        st.markdown("\n".join(f"- {literal(each)}" for each in disputes.consequences(case, kind)))
    why = key(case, f"why {kind}")
    st.text_area("Reason for accepting" if accepting else "Note for the audit log", key=why, max_chars=500, height=80)
    actions.ask_who_it_is()
    # The id is made when the dialog is drawn, so that several clicks on the button submit only one answer.
    action_id = st.session_state.setdefault(key(case, f"id {kind}"), disputes.new_id())
    st.button(
        "Accept dispute" if accepting else "Submit to the bank",
        type="primary",
        disabled=not may_go,
        on_click=actions.attempt,
        args=(partial(_send, case, kind, action_id, why),),
        kwargs={"confirmed": True},
    )
    actions.end_dialog_when_done()


def _what_goes(case: Case) -> bool:
    """Show what is sent to the bank and what is not. False if nothing is, or until the user confirms omissions."""
    fields = {field.name: field for part in case.fields for field in part}
    staged = [(fields[name].title, text) for name, text in case.known.items() if name in fields]
    st.markdown("**Goes to the bank**" if staged else "**Nothing is saved yet, so nothing can go to the bank.**")
    detail_view.facts([(name, _in_short(text)) for name, text in staged])
    left_out = evidence_form.unsaved(case)
    if not left_out:
        return bool(staged)
    names = ", ".join(evidence_form.title(name) for name in left_out)
    st.warning(f"**In the form but not in the evidence:** {literal(names)}.")
    st.button("Save and include these", on_click=actions.attempt, args=(partial(_include, case),))
    return st.checkbox("Submit without these", key=key(case, "leave out")) and bool(staged)


def _in_short(text: str) -> str:
    return text if len(text) < SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]} …"


def _include(case: Case, actor: Actor) -> str:
    """Save the unsaved fields, then open the dialog again."""
    said = evidence_form.save(case, actor)
    st.session_state[ASKED] = SUBMIT
    return said


def _send(case: Case, kind: str, action_id: str, why: str, actor: Actor) -> str:
    context, dispute_id = session.services().payment_context, case.facts["dispute"]["id"]
    reason = st.session_state.get(why) or ""
    if kind == ACCEPT:
        done = disputes.accept(context, actor, action_id, dispute_id, reason=reason)
    else:
        done = disputes.submit(context, actor, action_id, dispute_id, reason=reason or None)
    st.session_state.pop(key(case, f"id {kind}"), None)
    said = disputes.in_words(done)
    return actions.Failure(said) if done.state == "refused" else said
