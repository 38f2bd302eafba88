"""The audit log: who did what to which object, and the values before and after."""

from datetime import datetime
from typing import Literal, cast

import streamlit as st

from core.figures.wording import counted
from core.spreadsheets import CSV_TYPE, XLSX_TYPE, as_csv, as_xlsx
from core.staff import audit, audit_words
from core.staff.audit import Sought
from core.staff.roles import Actor
from core.ui import session
from core.ui.kit import actions, detail_view, filters, rows
from core.ui.kit.rows import Column
from core.ui.text import ago, literal

PAGE_ENTRIES = 100
OUTCOMES = {"all": "All", **audit_words.OUTCOMES}
db, now = session.db(), session.sessions().now()
zone = session.settings().business_zone
COLUMNS = (
    Column("at", "When", read=lambda entry: at(entry, "%-d %b %Y, %H:%M:%S")),
    Column("actor", "Who", read=audit_words.who),
    Column("action", "Action", read=audit_words.action),
    Column("subject", "Object", read=audit_words.thing),
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


def show_chain_state(chain: audit.ChainState) -> None:
    if chain["open_breaks"]:
        st.markdown("#### The audit log has been altered")
        st.error(
            f"{counted(chain['open_breaks'], 'break')} in the chain: entries were changed or "
            "removed. The errors page lists each."
        )
    elif chain["verified_at"]:
        st.markdown(f"#### No entry was changed or removed ({chain['length']:,} verified)")
    else:
        st.markdown("#### The first entries are being verified")
    looked = f"Last verified {ago(datetime.fromisoformat(chain['verified_at']), now)}. " if chain["verified_at"] else ""
    waiting = (
        f"{counted(chain['waiting'], 'new entry', 'new entries')} will be chained within a minute. "
        if chain["waiting"]
        else ""
    )
    st.caption(f"{looked}{waiting}Each entry is hashed together with the entry before it, so any later change shows.")


st.title("Audit log")
actions.show_result()
show_chain_state(audit.chain_state(db, session.actor()))
period = filters.period()
who, what, which, how = st.columns(4)
with who:
    actor = text_filter("Who", "actor", "ana")
with what:
    action = text_filter("Action", "action", "refund")
with which:
    subject = text_filter("Object", "subject", "user:ana")
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
    st.info("No entry matches. Every action, refusal and sign-in of these days is listed here.")

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
st.caption(f"Times are {literal(zone.key)}. Exports have every matching entry. Select a row to see what it changed.")

if chosen and chosen.isdecimal() and len(chosen) < 19 and (entry := audit.one(db, session.actor(), int(chosen))):
    with st.container(border=True, key="chosen"):
        st.subheader(literal(f"{audit_words.action(entry)}: {audit_words.thing(entry)}"))
        detail_view.facts(
            [
                ("Who", audit_words.who(entry)),
                ("Role", audit_words.role(entry)),
                ("When", at(entry, "%-d %b %Y, %H:%M:%S %Z")),
                ("Outcome", audit_words.OUTCOMES[entry["outcome"]]),
                ("Why", entry["reason"]),
                ("Recorded as", entry["action"]),
                ("Object", entry["subject"]),
                ("Request id", entry["request_id"]),
                ("Chain position", f"{entry['position']:,}" if entry["position"] else "within a minute"),
            ],
            ids=("Recorded as", "Object", "Request id"),
        )
        if changes := audit_words.changed(entry, zone):
            was_there = any(each.before != audit_words.NOTHING for each in changes)
            rows.show(
                [vars(each) for each in changes], (FIELD, BEFORE, AFTER) if was_there else (FIELD, AFTER), key="changes"
            )
        else:
            st.caption("No record was changed.")
