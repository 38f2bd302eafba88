"""The mismatches of a period, and the actions on one: notes, fetching from Stripe again, accepting."""

from datetime import datetime
from functools import partial

import streamlit as st

from core.exports.table import MOST_AT_ONCE, whole
from core.finance import mismatch_fixes, mismatches
from core.finance.mismatch_fixes import Fetching
from core.finance.mismatches import ACCEPTED, CLASSES, OPEN, STATES, Mismatch, class_of
from core.finance.reconciliation import Reconciliation
from core.finance.reconciliation_tables import MISMATCH_COLUMNS, mismatch_table
from core.staff.audit_words import actor_name
from core.staff.roles import Actor
from core.ui import session
from core.ui.finance import sections
from core.ui.kit import actions, detail_view, export_panel, object_links, rows
from core.ui.text import in_zone, literal

AT_ONCE = 1_000  # the most mismatches on the page; an export has all
REASON, NOTE = "mismatch reason", "mismatch note"
IN_FILES_ALONE = ("leg", "subject", "amount_minor", "ours", "theirs", "accepted_reason")
SHOWN_COLUMNS = tuple(column for column in MISMATCH_COLUMNS if column.field not in IN_FILES_ALONE)


def show(found: Reconciliation, currency: str) -> None:
    """Show the table with its export, and below it the selected mismatch."""
    db, now = session.db(), session.services().clock()
    with_fixed = st.toggle("Show fixed ones", key="fixed", bind="query-params")
    states = tuple(STATES) if with_fixed else mismatches.UNFIXED
    listed = mismatches.listed(db, found.period, now=now, states=states, currency=currency, most=AT_ONCE)
    if not listed:
        st.success("No mismatches. Differences between our ledger, Stripe and the bank are listed here.")
    else:
        rows.show(listed, SHOWN_COLUMNS, key="mismatches", choose="mismatch", id_field="key")
        rows.note_if_cut(listed, AT_ONCE, "largest")

    def described(_: Actor) -> object:
        return mismatch_table(
            found, whole(mismatches.listed(db, found.period, now=now, states=states, most=MOST_AT_ONCE))
        )

    export_panel.show(described, name="reconciliation")  # type: ignore[arg-type]
    key = st.query_params.get("mismatch")
    if key and (chosen := mismatches.one(db, key, now=now)):
        _details(chosen)


def _details(chosen: Mismatch) -> None:
    zone = session.settings().business_zone
    with st.container(border=True, key="chosen-mismatch"):
        st.markdown(f"## {literal(CLASSES[class_of(chosen)])}: {literal(mismatches.sentence(chosen))}")
        sides = mismatches.sides(chosen)
        pairs = [
            ("State", STATES[chosen["state"]]),
            ("Our ledger", sides.ours),
            ("Stripe or bank", sides.theirs),
            ("First seen", in_zone(datetime.fromisoformat(chosen["first_seen"]), zone)),
            ("Assigned to", actor_name(chosen["assignee"]) if chosen["assignee"] else "nobody yet"),
            ("Accepted because", chosen["accepted_reason"] or ""),
        ]
        ids = mismatches.ids(chosen)
        detail_view.facts([*pairs, *ids.items()], ids=list(ids))
        for note in chosen["notes"]:
            written = in_zone(datetime.fromisoformat(note["at"]), zone)
            st.markdown(
                f"{literal(note['note'])}  \n:small[{literal(actor_name(note['written_by']))}, {literal(written)}]"
            )
        _buttons(chosen)


def _buttons(chosen: Mismatch) -> None:
    mine = chosen["assignee"] == session.actor().name
    with st.container(horizontal=True):
        if chosen["state"] == OPEN:
            _button("Fetch again", partial(_fetch, chosen, False), "Read these objects from Stripe again.")
            _button("Backfill the day", partial(_fetch, chosen, True), "Read everything of this day from Stripe again.")
            st.button("Accept", on_click=_ask, args=("accept", chosen))
        if chosen["state"] == ACCEPTED:
            st.button("Reopen mismatch", on_click=_ask, args=("reopen", chosen))
        _button("Release" if mine else "Take", partial(_assign, chosen, mine), "The user who investigates it.")
        st.button("Write note", on_click=_ask, args=("note", chosen))
        if chosen["payout_id"]:
            st.button("See the payout", on_click=sections.open_payout, args=(chosen["payout_id"],))


def _button(label: str, work: partial[str], meaning: str) -> None:
    st.button(label, key=f"mismatch {label}", help=meaning, on_click=actions.attempt, args=(work,))


def _ask(what: str, chosen: Mismatch) -> None:
    {"accept": _accept_dialog, "reopen": _reopen_dialog, "note": _note_dialog}[what](chosen)


@st.dialog("Accept mismatch")
def _accept_dialog(chosen: Mismatch) -> None:
    actions.end_dialog_if_over()
    st.markdown(literal(mismatches.sentence(chosen)))
    st.caption("It counts as explained until its facts change. The reason is in the audit log.")
    st.text_area("Reason", key=REASON, max_chars=500)
    st.button("Accept mismatch", type="primary", on_click=actions.attempt, args=(partial(_accept, chosen["key"]),))
    actions.end_dialog_when_done()


@st.dialog("Reopen mismatch")
def _reopen_dialog(chosen: Mismatch) -> None:
    actions.end_dialog_if_over()
    st.markdown(literal(f"Accepted because: {chosen['accepted_reason']}"))
    st.text_area("Reason", key=REASON, max_chars=500)
    st.button(
        "Reopen mismatch",
        type="primary",
        key="reopen it",
        on_click=actions.attempt,
        args=(partial(_reopen, chosen["key"]),),
    )
    actions.end_dialog_when_done()


@st.dialog("Write note")
def _note_dialog(chosen: Mismatch) -> None:
    actions.end_dialog_if_over()
    st.markdown(f"About {object_links.inline('Subject', chosen['subject'])}")
    st.text_area("Note", key=NOTE, max_chars=2000)
    st.button("Save note", type="primary", on_click=actions.attempt, args=(partial(_note, chosen["key"]),))
    actions.end_dialog_when_done()


def _fetch(chosen: Mismatch, whole_day: bool, actor: Actor) -> str:
    running = session.services()
    asking = Fetching(running.db, running.stripe, running.clock, running.livemode)
    if whole_day:
        fixed = mismatch_fixes.backfill_day(asking, actor, chosen, running.settings.business_zone)
    else:
        fixed = mismatch_fixes.fetch_again(asking, actor, chosen)
    return (
        "Stripe was asked again, and the mismatch is fixed." if fixed else "Stripe was asked again. It still differs."
    )


def _accept(key: str, actor: Actor) -> str:
    mismatches.accept(session.db(), actor, key, st.session_state[REASON], session.services().clock())
    return "Accepted. It is open again if its facts change."


def _reopen(key: str, actor: Actor) -> str:
    mismatches.reopen(session.db(), actor, key, st.session_state[REASON], session.services().clock())
    return "The mismatch is open again."


def _note(key: str, actor: Actor) -> str:
    mismatches.write_note(session.db(), actor, key, st.session_state[NOTE], session.services().clock())
    return "The note was saved."


def _assign(chosen: Mismatch, mine: bool, actor: Actor) -> str:
    mismatches.assign(session.db(), actor, chosen["key"], None if mine else actor.name, session.services().clock())
    return "Released: nobody is assigned to it now." if mine else "It is assigned to you."
