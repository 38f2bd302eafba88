"""One dispute read closely and answered: what it is about, what has to be shown, the evidence, and giving in."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

import streamlit as st

from core.errors import Unavailable
from core.money import Money
from core.payments import disputes, evidence
from core.payments.disputes import Case
from core.payments.evidence import Field
from core.payments.timeline import card_in_words
from core.staff.roles import Actor, Right, right
from core.ui import session
from core.ui.kit import actions, cards, detail_view, stripe_dashboard
from core.ui.text import code, in_zone, literal

NEVER_HEALTH = "Write nothing about anybody's health: a bank needs to know that a visit took place, not why."


def may_answer() -> bool:
    return right(session.actor().role, disputes.PAGE) >= Right.ACT


def show(dispute_id: str) -> None:
    """Everything of one dispute, and for who may answer it the form."""
    running = session.services()
    now = running.clock()
    facts = disputes.facts_of(running.db, dispute_id)
    if facts is None:
        st.info(f"There is no dispute {literal(dispute_id)}.")
        return
    dispute = facts["dispute"]
    amount, reason = (Money(dispute["amount_minor"], dispute["currency"]), evidence.reason_of(dispute["reason"]))
    left = disputes.time_left(dispute, now)
    due = {"": "", "over": ", and its time is over"}.get(left, f", {left} left")
    said = (
        f"{amount}, {reason.title.lower()}: {disputes.STATUSES.get(dispute['status'], dispute['status']).lower()}{due}"
    )
    st.markdown(f"#### {literal(said)}")
    if dispute["in_flight"]:
        st.warning("Stripe has not answered about this dispute yet. It is settled by itself, once.")
    _facts(facts)
    with st.container(horizontal=True, vertical_alignment="center"):
        cards.link("payments", "The payment", session.actor().role, {"payment": dispute["payment_intent_id"]})
        stripe_dashboard.link(f"disputes/{dispute['id']}")
    if dispute["status"] in disputes.TO_ANSWER:
        st.markdown(f"**What has to be shown.** {literal(reason.show)}")
    if not may_answer():
        st.caption("Finance and admins answer disputes.")
    elif disputes.is_answerable(dispute, now):
        _answer(facts)


def _facts(facts: dict[str, Any]) -> None:
    dispute, visit = facts["dispute"], facts["consultation"]
    detail_view.facts(
        [
            ("Answer due", _at(dispute["evidence_due_by"])),
            ("Opened", _at(dispute["created"])),
            ("Network's code", f"{dispute['card_brand'] or ''} {dispute['network_reason_code'] or ''}".strip()),
            ("Paid with", card_in_words(facts["payment"] or {})),
            ("Paid", _at(facts["charged_at"])),
            ("Fee of the dispute", Money(facts["fee_minor"], dispute["currency"]) if facts["fee_minor"] else None),
            ("Evidence", "staged" if dispute["has_evidence"] and not dispute["submission_count"] else None),
            ("Submissions", f"{dispute['submission_count']:,}"),
            ("Consultation", visit and f"{visit['status']}, {visit['provider'] or 'no provider'}"),
            ("Customer's earlier payments without a dispute", f"{facts['undisputed_before']:,}"),
            ("Dispute", dispute["id"]),
            ("Charge", dispute["charge_id"]),
        ],
        ids=("Dispute", "Charge"),
    )


def _answer(facts: dict[str, Any]) -> None:
    try:
        case = disputes.case_of(
            session.services().payment_context, session.actor(), facts, session.settings().business_zone
        )
    except Unavailable:
        st.warning("Stripe does not answer, so the evidence cannot be shown. Reload the page in a moment.")
        return
    needed, others = evidence.fields_of(facts["dispute"]["reason"])
    st.subheader("Evidence")
    st.caption(f"{NEVER_HEALTH} Names and addresses come from Stripe at this moment; we keep none of this.")
    with st.form("evidence"):
        for field in (each for each in needed if not each.is_file):
            _input(case, field)
        with st.expander("Other fields"):
            for field in (each for each in others if not each.is_file):
                _input(case, field)
        st.form_submit_button(
            "Save the draft", icon=":material/save:", on_click=actions.attempt, args=(partial(_save, case),)
        )
    _files(case, [field for field in [*needed, *others] if field.is_file])
    with st.container(horizontal=True):
        st.button(
            "Submit evidence",
            type="primary",
            disabled=not facts["dispute"]["has_evidence"],
            help=None if facts["dispute"]["has_evidence"] else "Save a draft first.",
            on_click=_ask,
            args=(case, "submit_evidence"),
        )
        st.button("Accept the dispute", on_click=_ask, args=(case, "accept_dispute"))


def _input(case: Case, field: Field) -> None:
    key, suggestion = _key(case, field.name), case.suggested.get(field.name)
    label = field.title if case.known.get(field.name) or not suggestion else f"{field.title} (filled in by us)"
    if field.lines > 1:
        st.text_area(
            label,
            case.text(field.name),
            key=key,
            help=field.help or None,
            max_chars=evidence.MAX_CHARACTERS,
            height=34 + 24 * field.lines,
        )
    else:
        st.text_input(label, case.text(field.name), key=key, help=field.help or None, max_chars=500)


def _files(case: Case, fields: Sequence[Field]) -> None:
    dispute_id = case.facts["dispute"]["id"]
    titles = {field.title: field.name for field in fields}
    for title, name in titles.items():
        if case.known.get(name):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f"{title}: {code(case.known[name])}", width="content")
                st.button(
                    "Take back",
                    key=_key(case, f"remove {name}"),
                    type="tertiary",
                    on_click=actions.attempt,
                    args=(partial(_take_back, dispute_id, name),),
                )
    with st.container(border=True):
        if case.receipt_url and not case.known.get("receipt"):
            st.link_button(
                "The receipt that the customer got, to save and attach",
                case.receipt_url,
                icon=":material/receipt_long:",
                type="tertiary",
            )
        what, which, act = st.columns([2, 4, 1], vertical_alignment="bottom")
        chosen = what.selectbox("A file as", list(titles), key=_key(case, "file as"))
        turn = st.session_state.setdefault(_key(case, "turn"), 0)  # a new field each time, so that it is empty again
        upload = _key(case, f"file {turn}")
        which.file_uploader("PDF, PNG or JPEG", ["pdf", "png", "jpg", "jpeg"], key=upload)
        act.button(
            "Attach",
            disabled=st.session_state.get(upload) is None,
            on_click=actions.attempt,
            args=(partial(_attach, case, titles[chosen], upload),),
            width="stretch",
        )


@st.dialog("Answer the dispute", width="medium")
def _ask(case: Case, kind: str) -> None:
    actions.end_dialog_if_over()
    dispute = case.facts["dispute"]
    amount = Money(dispute["amount_minor"], dispute["currency"])
    accepting = kind == "accept_dispute"
    title = f"Accept the dispute over {amount}" if accepting else f"Submit evidence over {amount}"
    st.markdown(f"**{literal(title)}**, {code(dispute['id'])}")
    if not accepting:
        staged = [(evidence.FIELDS[name].title, text) for name, text in case.known.items() if name in evidence.FIELDS]
        detail_view.facts([(name, text if len(text) < 200 else f"{text[:200]} …") for name, text in staged])
    with st.container(border=True):
        st.markdown("\n".join(f"- {literal(each)}" for each in disputes.consequences(case, kind)))
    why = _key(case, f"why {kind}")
    st.text_area("Why" if accepting else "Remark for the audit log", key=why, max_chars=500, height=80)
    actions.ask_who_it_is()
    # Bound when it is drawn: however often this button is clicked, it is this one answer.
    action_id = st.session_state.setdefault(_key(case, f"id {kind}"), disputes.new_id())
    st.button(
        "Accept it" if accepting else "Submit to the bank",
        type="primary",
        on_click=actions.attempt,
        args=(partial(_send, case, kind, action_id, why),),
        kwargs={"confirmed": True},
    )
    actions.end_dialog_when_done()


def _send(case: Case, kind: str, action_id: str, why: str, actor: Actor) -> str:
    context, dispute_id = session.services().payment_context, case.facts["dispute"]["id"]
    reason = st.session_state.get(why) or ""
    if kind == "accept_dispute":
        done = disputes.accept(context, actor, action_id, dispute_id, reason=reason)
    else:
        done = disputes.submit(context, actor, action_id, dispute_id, reason=reason or None)
    st.session_state.pop(_key(case, f"id {kind}"), None)
    said = disputes.in_words(done)
    return actions.Failure(said) if done.state == "refused" else said


def _save(case: Case, actor: Actor) -> str:
    typed = {
        name: (st.session_state.get(_key(case, name)) or "").strip()
        for name, field in evidence.FIELDS.items()
        if not field.is_file
    }
    changed = {name: text for name, text in typed.items() if text != case.known.get(name, "")}
    if not changed:
        return "Nothing had changed."
    disputes.stage(session.services().payment_context, actor, case.facts["dispute"]["id"], changed)
    return f"The draft is at Stripe, {len(changed)} fields of it new. Nothing was sent to the bank."


def _attach(case: Case, field: str, upload: str, actor: Actor) -> str:
    if (file := st.session_state.get(upload)) is None:
        return "Choose a file first."
    disputes.attach(session.services().payment_context, actor, case.facts["dispute"]["id"], field, file.getvalue())
    st.session_state[_key(case, "turn")] += 1
    return f"{evidence.FIELDS[field].title} is attached. Nothing was sent to the bank."


def _take_back(dispute_id: str, field: str, actor: Actor) -> str:
    disputes.stage(session.services().payment_context, actor, dispute_id, {field: ""})
    return f"{evidence.FIELDS[field].title} is taken back."


def _key(case: Case, what: str) -> str:
    return f"answer {what} {case.facts['dispute']['id']}"


def _at(moment: str | None) -> str | None:
    if moment is None:
        return None
    return in_zone(datetime.fromisoformat(moment), session.settings().business_zone)
