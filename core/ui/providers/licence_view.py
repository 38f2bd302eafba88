"""The licences of one provider: kind, expiry, derived privileges, verifications and documents, and past states."""

from datetime import datetime, timedelta

import streamlit as st

from core.errors import PayopsError
from core.providers import documents, proof
from core.providers.directory_rows import ProviderRow, Validity
from core.providers.licence_kinds import KINDS
from core.providers.states import name_of
from core.staff import audit_words
from core.staff.roles import Right, right
from core.ui import session
from core.ui.kit import drawer, rows
from core.ui.kit.rows import Column
from core.ui.providers import licence_dialogs
from core.ui.text import in_zone, literal

OPENED = "opened document"  # the last one that the user opened: its content, or why it cannot be read
STATE = Column("state", "State", read=lambda one: name_of(one["state"]))
FOLLOWING = (
    STATE,
    Column("compact", "Compact", width="small"),
    Column("home_state", "Home state", read=lambda one: name_of(one["home_state"])),
    Column("ends", "Ends", read=lambda one: ends(one)),
)
PROOFS = (
    Column("verified_at", "Verified", "moment"),
    STATE,
    Column("number", "Number"),
    Column("verified_by", "Verified by", read=lambda one: audit_words.actor_name(one["verified_by"])),
    Column("source", "Source"),
    Column("link", "Link"),
    Column("note", "Note"),
    Column("due_on", "Due again", "day"),
)
PAST = (
    STATE,
    Column("number", "Number"),
    Column("kind", "Kind", read=lambda one: KINDS[one["kind"]]),
    Column("home_state", "Home state", read=lambda one: name_of(one.get("home_state") or "")),
    Column("valid", "Valid then", read=lambda one: "yes" if one["valid"] else "no", width="small"),
    Column("status", "Status", read=lambda one: one["status"].capitalize()),
    Column("expires_on", "Last day", "day"),
    Column("proof", "Verified", read=lambda one: _proof(one)),
)


def ends(one: rows.Row) -> str:
    """When a licence ends, with the hour in the business's time zone."""
    if one.get("awaiting") == "licence":
        return "waits for confirmation"
    if not one["holds"]:
        return "does not hold"
    if not one["ends_at"]:
        return "no end"
    return in_zone(datetime.fromisoformat(one["ends_at"]), session.settings().business_zone)


def validity_of(found: ProviderRow) -> dict[tuple[str, str | None], Validity]:
    """When each licence that somebody entered ends, by state and number."""
    return {(one["state"], one["number"]): one for one in found["validity"] if one["home_state"] is None}


def notices(found: ProviderRow) -> None:
    """The licences that a second person must confirm, and what registrations do not allow."""
    for one in found["licences"]:
        if one["awaiting"]:
            what = "the licence" if one["awaiting"] == "licence" else "the privileges of the licence"
            st.warning(f"A second person must confirm {what} in {name_of(one['state'])}.", icon=":material/how_to_reg:")
    for held in found["validity"]:
        if held["not_allowed"]:
            st.info(literal(f"The registration in {name_of(held['state'])} does not allow: {held['not_allowed']}"))


def following(found: ProviderRow) -> None:
    """The privileges that follow from home licences."""
    if derived := [one for one in found["validity"] if one["home_state"]]:
        st.markdown(f"**Privileges that follow from the home licence ({len(derived)})**")
        rows.show(derived, FOLLOWING, key="privileges", file="privileges")


def show_proof(found: ProviderRow) -> None:
    """Show who verified what, the documents, and the licences as known on a past day."""
    proofs = proof.of_provider(session.db(), found["id"])
    if right(session.actor().role, "providers") >= Right.ACT and found["licences"]:
        with st.container(horizontal=True):
            st.button("Verify licence", icon=":material/verified:", on_click=drawer.ask, args=_asked(found, "verify"))
            st.button("Upload document", icon=":material/upload:", on_click=drawer.ask, args=_asked(found, "upload"))
            if any(one["awaiting"] for one in found["licences"]):
                st.button("Confirm licence", on_click=drawer.ask, args=_asked(found, "confirm"))
    if proofs["verifications"]:
        rows.show(proofs["verifications"], PROOFS, key="proofs", file="verifications")
    else:
        st.caption("No licence was verified yet.")
    for each in proofs["documents"]:
        _document(each)
    now, zone = session.services().clock(), session.settings().business_zone
    today = now.astimezone(zone).date()
    day = st.date_input(
        "Licences as recorded on",
        today - timedelta(days=1),
        max_value=today,
        format="YYYY-MM-DD",
        key="licences on",
    )
    if past := proof.on_day(session.db(), found["id"], day, now):
        rows.show(past, PAST, key="past-licences", file="licences-on-a-day")
    else:
        st.caption("No licences of this provider were recorded on that day.")


def _document(each: documents.DocumentRow) -> None:
    """Show a document's name, and its content once it is opened."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(literal(f"{each['name']} · {each['size_bytes'] // 1024 + 1:,} KB"), width="content")
        st.button("Open", key=f"open {each['id']}", icon=":material/description:", on_click=_open, args=(each["id"],))
        document_id, found = st.session_state.get(OPENED, (None, b""))
        if document_id != each["id"]:
            return
        if isinstance(found, PayopsError):
            st.error(literal(found.detail))
            return
        rows.file("Download", lambda _: found, each["name"], each["media_type"], key=f"download {each['id']}")


def _open(document_id: str) -> None:
    """Read the document for this user, which is written to the audit log; it stays open until another one is opened."""
    if (staff := session.working()) is None:
        return
    services = session.services()
    try:
        found = documents.open_one(
            session.db(), services.licence_documents, staff.actor, document_id, services.clock()
        )[1]
    except PayopsError as error:
        st.session_state[OPENED] = (document_id, error)
        return
    st.session_state[OPENED] = (document_id, found)


def _asked(found: ProviderRow, what: str) -> tuple[object, ...]:
    return getattr(licence_dialogs, what), found


def _proof(one: rows.Row) -> str:
    if (found := one["proof"]) is None:
        return "never"
    at = in_zone(datetime.fromisoformat(found["verified_at"]), session.settings().business_zone)
    return f"{audit_words.actor_name(found['verified_by'])}, {at}, {found['source']}"
