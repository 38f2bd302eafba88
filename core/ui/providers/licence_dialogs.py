"""The dialogs about one licence: verify it, upload a document that proves it, confirm it as a second person."""

from datetime import date
from functools import partial

import streamlit as st

from core.figures.wording import counted
from core.providers import documents, proof
from core.providers.directory_rows import LicenceRow, ProviderRow
from core.providers.states import name_of
from core.staff.roles import Actor
from core.ui import session
from core.ui.kit import actions, shared_cache
from core.ui.text import literal

WHICH, SOURCE, LINK, NOTE, FILE = (f"proof {name}" for name in ("licence", "source", "link", "note", "file"))


@st.dialog("Verify a licence", on_dismiss="rerun")
def verify(found: ProviderRow) -> None:
    """The dialog to record where a licence was verified, with a link and a document."""
    actions.end_dialog_if_over()
    chosen = _chosen(found["licences"])
    st.text_input("Source", key=SOURCE, max_chars=200, placeholder="Such as the Texas Medical Board's licence search")
    st.text_input("Link", key=LINK, max_chars=500, placeholder="https://")
    st.text_input("Note", key=NOTE, max_chars=500)
    st.file_uploader("Document (PDF, PNG or JPEG)", type=["pdf", "png", "jpg", "jpeg"], key=FILE)
    st.caption("You confirm that the licence is as shown here. If it is not, edit it first.")
    work = partial(_verify, found["id"], chosen)
    st.button("Verify licence", type="primary", key="verify licence", on_click=actions.attempt, args=(work,))
    actions.end_dialog_when_done()


@st.dialog("Upload a document", on_dismiss="rerun")
def upload(found: ProviderRow) -> None:
    """The dialog to upload a document about this provider's licences."""
    actions.end_dialog_if_over()
    st.file_uploader("Document (PDF, PNG or JPEG)", type=["pdf", "png", "jpg", "jpeg"], key=FILE)
    work = partial(_upload_alone, found["id"])
    st.button("Upload document", type="primary", key="upload document", on_click=actions.attempt, args=(work,))
    actions.end_dialog_when_done()


@st.dialog("Confirm a licence", on_dismiss="rerun")
def confirm(found: ProviderRow) -> None:
    """The dialog to confirm a licence that another user entered, so that it opens its state."""
    actions.end_dialog_if_over()
    chosen = _chosen([one for one in found["licences"] if one["awaiting"]])
    st.markdown("Confirm it only if you have seen the licence yourself. Then patients there can be assigned.")
    work = partial(_confirm, found["id"], chosen)
    st.button("Confirm licence", type="primary", key="confirm licence", on_click=actions.attempt, args=(work,))
    actions.end_dialog_when_done()


def _chosen(licences: list[LicenceRow]) -> LicenceRow:
    place: int = st.selectbox(
        "Licence",
        range(len(licences)),
        key=WHICH,
        format_func=lambda n: literal(_said(licences[n])),
    )
    return licences[place]


def _said(licence: LicenceRow) -> str:
    return f"{name_of(licence['state'])}, {licence['number'] or 'without a number'}"


def _verify(provider_id: str, licence: LicenceRow, actor: Actor) -> str:
    typed = {name: (st.session_state.get(key) or "").strip() for name, key in (("source", SOURCE), ("link", LINK))}
    document_id = _upload(provider_id, actor) if st.session_state.get(FILE) else None
    due = proof.verify(
        session.db(),
        actor,
        provider_id,
        licence["state"],
        licence["number"],
        session.services().clock(),
        source=typed["source"],
        link=typed["link"] or None,
        note=(st.session_state.get(NOTE) or "").strip() or None,
        document_id=document_id,
    )
    shared_cache.answers().forget("directory")
    return (
        f"Licence in {name_of(licence['state'])} verified; due again on {date.fromisoformat(due['due_on']):%-d %b %Y}."
    )


def _upload_alone(provider_id: str, actor: Actor) -> str:
    if not st.session_state.get(FILE):
        return "Nothing was uploaded: choose a file."
    _upload(provider_id, actor)
    return "Document uploaded."


def _upload(provider_id: str, actor: Actor) -> str:
    file, services = st.session_state[FILE], session.services()
    return documents.upload(
        session.db(), services.licence_documents, actor, provider_id, file.name, file.getvalue(), services.clock()
    )


def _confirm(provider_id: str, licence: LicenceRow, actor: Actor) -> str:
    now = session.services().clock()
    done = proof.confirm(session.db(), actor, provider_id, licence["state"], licence["number"], now)
    shared_cache.answers().forget("directory", "assignments")
    return f"Licence in {name_of(licence['state'])} confirmed.{assigned(done['placed'])}"


def assigned(placed: int) -> str:
    """That waiting consultations were assigned, as a further sentence; empty for none."""
    return f" {counted(placed, 'waiting consultation')} assigned." if placed else ""
