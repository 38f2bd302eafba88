"""The audit log: who did what to which thing, and what it was before and after."""

from datetime import datetime

import pandas as pd
import streamlit as st

from core.spreadsheets import CSV_TYPE, XLSX_TYPE, as_csv, as_xlsx
from core.staff import audit
from core.staff.audit import Sought
from core.ui import filters, session
from core.ui.text import ago, literal

PAGE_ENTRIES = 100
db, staff, zone = session.db(), session.working(), session.settings().business_zone


def forget_place() -> None:
    st.query_params.pop("before", None)


def text_filter(label: str, key: str, example: str) -> str | None:
    given = st.text_input(label, key=key, placeholder=example, max_chars=100, bind="query-params", on_change=forget_place)  # fmt: skip
    return given.strip() or None if given else None


def exported() -> list[audit.Entry]:
    """Asked for at the click, which may come long after the page was drawn."""
    found = session.sessions().of_id(staff.session_id)
    return audit.exported(db, found.actor, sought, session.sessions().now()) if found else []


st.title("Audit log")
period = filters.period()
who, what, which, how = st.columns(4)
with who:
    actor = text_filter("Who", "actor", "staff:ana")
with what:
    action = text_filter("Action", "action", "refund")
with which:
    subject = text_filter("Thing", "subject", "user:ana")
with how:
    outcome = st.selectbox("Outcome", ["all", "done", "refused"], key="outcome", bind="query-params", on_change=forget_place)  # fmt: skip
since, until = period.bounds()
sought = Sought(since, until, actor, action, subject, None if outcome == "all" else outcome)
before = st.query_params.get("before", "")
page = audit.entries(
    db,
    session.actor(),
    sought,
    before_id=int(before) if before.isdecimal() and len(before) < 19 else None,
    limit=PAGE_ENTRIES,
)

chain = audit.chain_state(db, session.actor())
if chain["open_breaks"]:
    st.error(f"The log is not as it was recorded: {chain['open_breaks']} breaks are open on the errors page.")
elif chain["verified_at"]:
    verified = ago(datetime.fromisoformat(chain["verified_at"]), session.sessions().now())
    st.write(
        f"**{chain['length']:,} entries are chained, and all are as they were recorded.** Looked at {verified}."
    )
else:
    st.write("**Nothing is chained yet.** The background work does that within a minute.")

if not page.entries:
    st.info("No entry fits. Every action, refusal and sign-in of these days would be here.")
    st.stop()

rows = pd.DataFrame(page.entries)
rows["at"] = pd.to_datetime(rows["at"], utc=True, format="ISO8601").dt.tz_convert(zone)
rows["changed"] = [", ".join(change.field for change in audit.differences(entry)) for entry in page.entries]
chosen = st.dataframe(
    rows[["at", "actor", "role", "action", "subject", "outcome", "changed", "reason", "request_id"]],
    hide_index=True,
    on_select="rerun",
    selection_mode="single-row",
    key="entries",
    column_config={
        "at": st.column_config.DatetimeColumn(
            "When", help=f"Times are {zone.key}.", format="YYYY-MM-DD HH:mm:ss"
        ),
        "actor": "Who",
        "role": "Role then",
        "action": "Action",
        "subject": "Thing",
        "outcome": "Outcome",
        "changed": "Changed",
        "reason": "Reason",
        "request_id": "Quote",
    },
)
newest, older, as_text, as_book = st.columns(4)
newest.button("Newest", key="newest", disabled=not before, on_click=forget_place, width="stretch")
older.button("Older", key="older", disabled=page.next_before_id is None, on_click=st.query_params.update, args=({"before": str(page.next_before_id)},), width="stretch")  # fmt: skip
as_text.download_button("CSV", lambda: as_csv(exported(), audit.COLUMNS), "audit-log.csv", CSV_TYPE, on_click="ignore", width="stretch")  # fmt: skip
as_book.download_button("XLSX", lambda: as_xlsx(exported(), audit.COLUMNS, sheet="Audit log"), "audit-log.xlsx", XLSX_TYPE, on_click="ignore", width="stretch")  # fmt: skip
st.caption(f"Times are {zone.key}. Choose a row to see what it changed.")

for index in chosen["selection"]["rows"][:1]:
    entry = page.entries[index]
    st.subheader(f"Entry {entry['id']}")
    st.write(f"{literal(entry['actor'])}: {literal(entry['action'])} — {literal(entry['subject'])}")
    if changes := audit.differences(entry):
        st.dataframe(
            pd.DataFrame([{"Field": each.field, "Before": str(each.before), "After": str(each.after)} for each in changes]),
            hide_index=True,
        )  # fmt: skip
    else:
        st.write("It changed no field of a record.")
