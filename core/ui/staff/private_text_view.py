"""What Stripe must not receive, on the page Settings: the clinical words, and a scan of what was sent before."""

from datetime import date, datetime, timedelta
from functools import partial

import streamlit as st

from core.figures.wording import counted
from core.periods import business_day
from core.privacy import clinical_words, history_scan
from core.staff.roles import Actor
from core.ui import session
from core.ui.kit import actions, rows
from core.ui.kit.rows import Column
from core.ui.text import ago, literal

FOUND = (
    Column("objects", "Objects"),
    Column("field", "Field"),
    Column("kind", "Kind of private text"),
    Column("count", "How many", kind="count"),
)


def show() -> None:
    """Show the list of words, and below it the scan."""
    st.caption(
        "No description, metadata, statement descriptor, note or evidence that goes to Stripe may reveal a "
        "patient's health or identity. What holds a word of this list, a diagnosis code (ICD-10), a date of birth, an "
        "e-mail address, a phone number or a card number is refused before it is sent."
    )
    _words()
    st.divider()
    _history()


def _words() -> None:
    found = clinical_words.everything(session.db())
    st.markdown(f"## {counted(len(found), 'clinical word')}")
    with st.expander("Show the words"):
        st.markdown(literal(", ".join(each.word for each in found)))
    word, why, add, remove = st.columns([3, 4, 1.2, 1.4], vertical_alignment="bottom")
    word.text_input("Word or phrase", key="clinical word", max_chars=clinical_words.LONGEST)
    why.text_input("Reason", key="clinical word why", max_chars=300, placeholder="For the audit log")
    add.button("Add", key="add clinical word", width="stretch", on_click=actions.attempt, args=(_add,))
    remove.button("Remove", key="remove clinical word", width="stretch", on_click=actions.attempt, args=(_remove,))


def _add(actor: Actor) -> str:
    state = st.session_state
    word = clinical_words.add(
        session.db(), actor, state["clinical word"], _now(), reason=state["clinical word why"] or ""
    )
    return f"“{word}” is refused from now on."


def _remove(actor: Actor) -> str:
    state = st.session_state
    clinical_words.remove(session.db(), actor, state["clinical word"], _now(), reason=state["clinical word why"] or "")
    return "The word is allowed from now on."


def _history() -> None:
    st.markdown("## Private text already at Stripe")
    since = st.date_input(
        "Since", _today() - timedelta(days=30), max_value=_today(), format="YYYY-MM-DD", key="scan since"
    )
    if st.button("Scan Stripe's objects", icon=":material/search:", key="scan history"):
        _scan(since)
    found = history_scan.last(session.db())
    if found is None:
        st.info("Not scanned yet. The result shows how many objects contain private text, never the text.")
        return
    when = ago(datetime.fromisoformat(found["scanned_at"]), _now())
    st.markdown(
        literal(f"{counted(found['objects'], 'object')} since {found['since']}, scanned {when}.")
        + (" Nothing private was found." if not found["findings"] else "")
    )
    if found["findings"]:
        rows.show(found["findings"], FOUND, key="private-text", file="private-text")


def _scan(since: date) -> None:
    running = session.services()
    with st.status("Scanning…") as status:

        def tell(progress: history_scan.Progress) -> None:
            status.update(label=f"Scanning {progress.objects.replace('_', ' ')}: {progress.seen:,} objects so far")

        look = partial(history_scan.scan, running.db, session.actor(), running.stripe, running.private_text)
        look(since=since, zone=running.zone, now=running.clock(), tell=tell)
        status.update(label="Done", state="complete")


def _now() -> datetime:
    return session.services().clock()


def _today() -> date:
    return business_day(_now(), session.services().zone)
