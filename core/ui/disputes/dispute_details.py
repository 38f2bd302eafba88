"""One dispute: what it is about, what evidence it needs, and answering or accepting it."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

import streamlit as st

from core.errors import Unavailable
from core.money import Money
from core.payments.disputes import dispute_statuses, disputes, evidence
from core.payments.disputes.disputes import Case
from core.payments.disputes.evidence import Field
from core.payments.payment_methods import brand_name, paid_with
from core.staff.roles import Actor, Right, right
from core.ui import session
from core.ui.kit import actions, cards, detail_view, stripe_dashboard
from core.ui.text import code, in_zone, literal

NEVER_HEALTH = "Leave out health details: a bank needs to know that a visit took place, not why."


def may_answer() -> bool:
    return right(session.actor().role, disputes.PAGE) >= Right.ACT


def show(dispute_id: str) -> None:
    """Everything about one dispute, with the form for those who may answer it."""
    running = session.services()
    now = running.clock()
    facts = disputes.facts_of(running.db, dispute_id)
    if facts is None:
        st.info(f"There is no dispute {literal(dispute_id)}.")
        return
    dispute = facts["dispute"]
    amount, reason = (Money(dispute["amount_minor"], dispute["currency"]), evidence.reason_of(dispute["reason"]))
    left = dispute_statuses.time_left(dispute, now)
    due = {"": "", "overdue": ", overdue"}.get(left, f", {left} left")
    said = f"{amount}, {reason.title.lower()}: {dispute_statuses.in_words(dispute['status']).lower()}{due}"
    st.markdown(f"#### {literal(said)}")
    if dispute["in_flight"]:
        st.warning("Stripe has not answered about this dispute yet. This is settled automatically, once.")
    _facts(facts)
    with st.container(horizontal=True, vertical_alignment="center"):
        cards.link("payments", "The payment", session.actor().role, {"payment": dispute["payment_intent_id"]})
        stripe_dashboard.link(f"disputes/{dispute['id']}")
    if dispute["status"] in dispute_statuses.TO_ANSWER:
        asked = evidence.APPEAL if dispute["status"] == evidence.APPEALABLE else reason
        st.markdown(f"**What to show.** {literal(asked.show)}")
    if not may_answer():
        st.caption("Finance and admins answer disputes.")
    elif dispute_statuses.is_answerable(dispute, now):
        _answer(facts)


def _facts(facts: dict[str, Any]) -> None:
    dispute, visit = facts["dispute"], facts["consultation"]
    brand = brand_name(dispute["card_brand"]) if dispute["card_brand"] else None
    detail_view.facts(
        [
            ("Response due", _at(dispute["evidence_due_by"])),
            ("Opened", _at(dispute["created"])),
            ("Network's reason code", " ".join(filter(None, (brand, dispute["network_reason_code"])))),
            ("Paid with", paid_with(facts["payment"] or {})),
            ("Paid", _at(facts["charged_at"])),
            ("Dispute fee", Money(facts["fee_minor"], facts["fee_currency"]) if facts["fee_minor"] else None),
            (
                "Evidence",
                "saved, not submitted" if dispute["has_evidence"] and not dispute["submission_count"] else None,
            ),
            ("Submissions", f"{dispute['submission_count']:,}"),
            ("Consultation", visit and f"{visit['status']}, {visit['provider'] or 'no provider'}"),
            ("Earlier payments without a dispute", f"{facts['undisputed_before']:,}"),
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
        st.warning("Stripe is not answering, so the evidence cannot be shown. Reload the page in a moment.")
        return
    needed, others = case.fields
    st.subheader("Evidence")
    st.caption(f"{NEVER_HEALTH} Names and addresses are read from Stripe now; we do not store them.")
    with st.form("evidence"):
        for field in (each for each in needed if not each.is_file):
            _input(case, field)
        if others:
            with st.expander("Other fields"):
                for field in (each for each in others if not each.is_file):
                    _input(case, field)
        st.form_submit_button(
            "Save draft", icon=":material/save:", on_click=actions.attempt, args=(partial(_save, case),)
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
        st.button("Accept dispute", on_click=_ask, args=(case, "accept_dispute"))


def _input(case: Case, field: Field) -> None:
    key, suggestion = _key(case, field.name), case.suggested.get(field.name)
    label = field.title if case.known.get(field.name) or not suggestion else f"{field.title} (suggested)"
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
                    "Remove",
                    key=_key(case, f"remove {name}"),
                    type="tertiary",
                    on_click=actions.attempt,
                    args=(partial(_take_back, dispute_id, name),),
                )
    with st.container(border=True):
        if case.receipt_url and not case.known.get("receipt"):
            st.link_button(
                "Open the customer's receipt to save and attach it",
                case.receipt_url,
                icon=":material/receipt_long:",
                type="tertiary",
            )
        what, which, act = st.columns([2, 4, 1], vertical_alignment="bottom")
        chosen = what.selectbox("Attach a file as", list(titles), key=_key(case, "file as"))
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


@st.dialog("Answer dispute", width="medium")
def _ask(case: Case, kind: str) -> None:
    actions.end_dialog_if_over()
    dispute = case.facts["dispute"]
    amount = Money(dispute["amount_minor"], dispute["currency"])
    accepting = kind == "accept_dispute"
    title = f"Accept the dispute over {amount}" if accepting else f"Submit evidence for {amount}"
    st.markdown(f"**{literal(title)}**, {code(dispute['id'])}")
    if not accepting:
        fields = {field.name: field for part in case.fields for field in part}
        staged = [(fields[name].title, text) for name, text in case.known.items() if name in fields]
        detail_view.facts([(name, text if len(text) < 200 else f"{text[:200]} …") for name, text in staged])
    with st.container(border=True):
        st.markdown("\n".join(f"- {literal(each)}" for each in disputes.consequences(case, kind)))
    why = _key(case, f"why {kind}")
    st.text_area("Reason for accepting" if accepting else "Note for the audit log", key=why, max_chars=500, height=80)
    actions.ask_who_it_is()
    # Bound when it is drawn: however often this button is clicked, it is this one answer.
    action_id = st.session_state.setdefault(_key(case, f"id {kind}"), disputes.new_id())
    st.button(
        "Accept dispute" if accepting else "Submit to the bank",
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
        for part in case.fields
        for field in part
        if not field.is_file
        for name in [field.name]
    }
    changed = {name: text for name, text in typed.items() if text != case.known.get(name, "")}
    if not changed:
        return "Nothing has changed."
    disputes.stage(session.services().payment_context, actor, case.facts["dispute"]["id"], changed)
    fields = "1 field" if len(changed) == 1 else f"{len(changed)} fields"
    return f"Draft saved at Stripe: {fields} changed. Nothing was sent to the bank."


def _attach(case: Case, field: str, upload: str, actor: Actor) -> str:
    if (file := st.session_state.get(upload)) is None:
        return "Choose a file first."
    disputes.attach(session.services().payment_context, actor, case.facts["dispute"]["id"], field, file.getvalue())
    st.session_state[_key(case, "turn")] += 1
    return f"{_title(field)} attached. Nothing was sent to the bank."


def _take_back(dispute_id: str, field: str, actor: Actor) -> str:
    disputes.stage(session.services().payment_context, actor, dispute_id, {field: ""})
    return f"{_title(field)} removed."


def _title(name: str) -> str:
    return (evidence.FIELDS.get(name) or evidence.APPEAL_FIELDS[name]).title


def _key(case: Case, what: str) -> str:
    return f"answer {what} {case.facts['dispute']['id']}"


def _at(moment: str | None) -> str | None:
    if moment is None:
        return None
    return in_zone(datetime.fromisoformat(moment), session.settings().business_zone)
