"""The evidence of a dispute: a checklist of what its reason needs, fields that are saved when left, and files."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import streamlit as st

from core.payments.disputes import disputes, evidence
from core.payments.disputes.disputes import Case
from core.payments.disputes.evidence import Field
from core.staff.roles import Actor
from core.ui import session
from core.ui.kit import actions
from core.ui.text import code, literal

NEVER_HEALTH = "Leave out health details: a bank needs to know that a visit took place, not why."


def show(case: Case) -> None:
    """Show the form. A field is saved at Stripe as a draft when left; nothing goes to the bank before submission."""
    needed, others = case.fields
    st.subheader("Evidence")
    st.caption(
        f"{NEVER_HEALTH} What you write is saved as a draft at Stripe when you leave the field. "
        "Names and addresses are read from Stripe now; we do not store them."
    )
    _checklist(case, needed)
    for field in (each for each in needed if not each.is_file):
        _input(case, field)
    if others:
        with st.expander("Other fields"):
            for field in (each for each in others if not each.is_file):
                _input(case, field)
    _files(case, [field for field in [*needed, *others] if field.is_file])


def unsaved(case: Case) -> Mapping[str, str]:
    """The form's texts that are not saved at Stripe: our suggestions, and texts whose saving failed."""
    found = {field.name: _typed(case, field.name) for field in _texts(case)}
    return {name: text for name, text in found.items() if text != case.known.get(name, "")}


def save(case: Case, actor: Actor) -> str:
    """Save all unsaved texts of the form at Stripe."""
    changed = unsaved(case)
    if changed:
        disputes.stage(session.services().payment_context, actor, case.facts["dispute"]["id"], changed)
    return f"Saved at Stripe: {', '.join(title(name) for name in changed)}. Nothing was sent to the bank."


def title(name: str) -> str:
    return (evidence.FIELDS.get(name) or evidence.APPEAL_FIELDS[name]).title


def key(case: Case, what: str) -> str:
    return f"answer {what} {case.facts['dispute']['id']}"


def _texts(case: Case) -> list[Field]:
    return [field for part in case.fields for field in part if not field.is_file]


def _typed(case: Case, name: str) -> str:
    """The present text of a field; before it is drawn, the text that it will have."""
    return str(st.session_state.get(key(case, name), case.text(name)) or "").strip()


def _checklist(case: Case, needed: Sequence[Field]) -> None:
    """What this reason needs, the most important first, and which of it is saved."""
    done = sum(bool(case.known.get(field.name)) for field in needed)
    with st.container(border=True, key="evidence-checklist"):
        st.markdown(f"**This reason needs {len(needed)} things; {done} saved**")
        lines = []
        for field in needed:
            if case.known.get(field.name):
                lines.append(f":material/check_circle: {literal(field.title)}")
            elif not field.is_file and _typed(case, field.name):
                lines.append(f":material/edit: {literal(field.title)}: suggested, not saved yet")
            else:
                lines.append(f":material/radio_button_unchecked: {literal(field.title)}: missing")
        half = (len(lines) + 1) // 2
        for column, part in zip(st.columns(2), (lines[:half], lines[half:]), strict=True):
            column.markdown("  \n".join(part))
        if unsaved(case):
            st.button("Save the suggestions", on_click=actions.attempt, args=(partial(save, case),))


def _input(case: Case, field: Field) -> None:
    suggestion = case.suggested.get(field.name)
    label = field.title if case.known.get(field.name) or not suggestion else f"{field.title} (suggested)"
    settings: dict[str, Any] = {
        "key": key(case, field.name),
        "help": field.help or None,
        "on_change": actions.attempt,
        "args": (partial(_save_field, case, field.name),),
    }
    if field.lines > 1:
        height = 34 + 24 * field.lines
        st.text_area(label, case.text(field.name), max_chars=evidence.MAX_CHARACTERS, height=height, **settings)
    else:
        st.text_input(label, case.text(field.name), max_chars=500, **settings)


def _save_field(case: Case, name: str, actor: Actor) -> str:
    context, dispute_id = session.services().payment_context, case.facts["dispute"]["id"]
    disputes.stage(context, actor, dispute_id, {name: _typed(case, name)})
    return f"Draft saved at Stripe: {title(name)}. Nothing was sent to the bank."


def _files(case: Case, fields: Sequence[Field]) -> None:
    dispute_id = case.facts["dispute"]["id"]
    titles = {field.title: field.name for field in fields}
    for name_shown, name in titles.items():
        if case.known.get(name):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f"{name_shown}: {code(case.known[name])}", width="content")
                st.button(
                    "Remove",
                    key=key(case, f"remove {name}"),
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
        chosen = what.selectbox("Attach a file as", list(titles), key=key(case, "file as"))
        turn = st.session_state.setdefault(key(case, "turn"), 0)  # a new key makes a new, empty widget
        upload = key(case, f"file {turn}")
        which.file_uploader("PDF, PNG or JPEG", ["pdf", "png", "jpg", "jpeg"], key=upload)
        act.button(
            "Attach",
            disabled=st.session_state.get(upload) is None,
            on_click=actions.attempt,
            args=(partial(_attach, case, titles[chosen], upload),),
            width="stretch",
        )


def _attach(case: Case, field: str, upload: str, actor: Actor) -> str:
    if (file := st.session_state.get(upload)) is None:
        return "Choose a file first."
    disputes.attach(session.services().payment_context, actor, case.facts["dispute"]["id"], field, file.getvalue())
    st.session_state[key(case, "turn")] += 1
    return f"{title(field)} attached. Nothing was sent to the bank."


def _take_back(dispute_id: str, field: str, actor: Actor) -> str:
    disputes.stage(session.services().payment_context, actor, dispute_id, {field: ""})
    return f"{title(field)} removed."
