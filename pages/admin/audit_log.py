"""The audit log: who did what to which thing, and what it was before and after."""

from datetime import datetime
from typing import Any, Literal, cast

import streamlit as st

from core.spreadsheets import CSV_TYPE, XLSX_TYPE, as_csv, as_xlsx
from core.staff import audit, audit_words
from core.staff.audit import Sought
from core.staff.roles import Actor
from core.ui import session
from core.ui.kit import detail_view, filters, rows
from core.ui.kit.rows import Column
from core.ui.text import ago, literal

PAGE_ENTRIES = 100
OUTCOMES = {"all": "All", **audit_words.OUTCOMES}
db, now = session.db(), session.sessions().now()
zone = session.settings().business_zone
COLUMNS = (
    Column("at", "When", read=lambda entry: at(entry, "%Y-%m-%d %H:%M:%S")),
    Column("actor", "Who", read=audit_words.who),
    Column("action", "Did", read=audit_words.action),
    Column("subject", "To", read=audit_words.thing),
    Column("outcome", "Outcome", read=lambda entry: audit_words.OUTCOMES[entry["outcome"]]),
    Column("after", "Changed", read=lambda entry: audit_words.changed_in_short(entry, zone), width="medium"),
    Column("reason", "Why", width="medium"),
)
FIELD, AFTER = Column("field", "Field"), Column("after", "After", width="medium")
BEFORE = Column("before", "Before", width="medium")


def forget_place() -> None:
    st.query_params.pop("before", None)
    st.query_params.pop("entry", None)


def at(entry: audit.Entry, written: str) -> str:
    return f"{datetime.fromisoformat(entry['at']).astimezone(zone):{written}}"


def text_filter(label: str, key: str, example: str) -> str | None:
    given = st.text_input(
        label, key=key, placeholder=example, max_chars=100, bind="query-params", on_change=forget_place
    )
    return given.strip() or None if given else None


def exported(actor: Actor) -> list[audit.Entry]:
    return audit.exported(db, actor, sought, session.sessions().now())


def say_how_the_chain_stands(chain: dict[str, Any]) -> None:
    if chain["open_breaks"]:
        st.markdown("#### The log is not as it was recorded")
        st.error(f"{chain['open_breaks']:,} breaks are open on the errors page: an entry was changed or removed.")
    elif chain["verified_at"]:
        st.markdown(f"#### All {chain['length']:,} entries are as they were recorded")
    else:
        st.markdown("#### Nothing is chained yet")
    looked = (
        f"Looked at again {ago(datetime.fromisoformat(chain['verified_at']), now)}. " if chain["verified_at"] else ""
    )
    waiting = (
        f"{chain['waiting']:,} of the newest wait to be chained, which takes less than a minute. "
        if chain["waiting"]
        else ""
    )
    st.caption(f"{looked}{waiting}Each entry's hash covers the entry and the hash before it.")


st.title("Audit log")
say_how_the_chain_stands(audit.chain_state(db, session.actor()))
period = filters.period()
who, what, which, how = st.columns(4)
with who:
    actor = text_filter("Who", "actor", "ana")
with what:
    action = text_filter("Did", "action", "refund")
with which:
    subject = text_filter("To", "subject", "user:ana")
with how:
    outcome = st.selectbox(
        "Outcome",
        list(OUTCOMES),
        format_func=OUTCOMES.__getitem__,
        key="outcome",
        bind="query-params",
        on_change=forget_place,
    )
since, until = period.bounds()
sought = Sought(
    since, until, actor, action, subject, None if outcome == "all" else cast(Literal["done", "refused"], outcome)
)
before = st.query_params.get("before", "")
page = audit.entries(
    db,
    session.actor(),
    sought,
    before_id=int(before) if before.isdecimal() and len(before) < 19 else None,
    limit=PAGE_ENTRIES,
)
if not page.entries:
    st.info("No entry fits. Every action, refusal and sign-in of these days would be here.")

chosen = rows.show(page.entries, COLUMNS, key="entries", choose="entry")
with st.container(horizontal=True, vertical_alignment="center"):
    st.button("Newest", key="newest", disabled=not before, on_click=forget_place)
    st.button(
        "Older",
        key="older",
        disabled=page.next_before_id is None,
        on_click=st.query_params.update,
        args=({"before": str(page.next_before_id)},),
    )
    rows.file("CSV", lambda actor: as_csv(exported(actor), audit.COLUMNS), "audit-log.csv", CSV_TYPE)
    rows.file(
        "XLSX", lambda actor: as_xlsx(exported(actor), audit.COLUMNS, sheet="Audit log"), "audit-log.xlsx", XLSX_TYPE
    )
st.caption(f"Times are {literal(zone.key)}. A file has every entry that fits. Choose a row to see what it changed.")

if chosen and chosen.isdecimal() and len(chosen) < 19 and (entry := audit.one(db, session.actor(), int(chosen))):
    with st.container(border=True, key="chosen"):
        st.subheader(literal(f"{audit_words.action(entry)}: {audit_words.thing(entry)}"))
        detail_view.facts(
            [
                ("Who", audit_words.who(entry)),
                ("As", entry["role"]),
                ("When", at(entry, "%Y-%m-%d %H:%M:%S %Z")),
                ("Outcome", audit_words.OUTCOMES[entry["outcome"]]),
                ("Why", entry["reason"]),
                ("Recorded as", entry["action"]),
                ("Thing", entry["subject"]),
                ("Quote", entry["request_id"]),
                ("In the chain", f"number {entry['position']:,}" if entry["position"] else "within a minute"),
            ],
            ids=("Recorded as", "Thing", "Quote"),
        )
        if changes := audit_words.changed(entry, zone):
            was_there = any(each.before != audit_words.NOTHING for each in changes)
            rows.show(
                [vars(each) for each in changes], (FIELD, BEFORE, AFTER) if was_there else (FIELD, AFTER), key="changes"
            )
        else:
            st.caption("It changed no field of a record.")
