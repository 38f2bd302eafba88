"""One audit log entry in a drawer: who did what, and each changed value before and after."""

import streamlit as st

from core.staff import audit, audit_words
from core.ui import session
from core.ui.kit import detail_view, rows
from core.ui.kit.rows import Column
from core.ui.staff import audit_columns
from core.ui.text import literal

FIELD, AFTER = Column("field", "Field"), Column("after", "After", width="medium")
BEFORE = Column("before", "Before", width="medium")


def show(entry_id: str) -> None:
    """Show the entry with this id."""
    known = entry_id.isdecimal() and len(entry_id) < 19
    entry = audit.one(session.db(), session.actor(), int(entry_id)) if known else None
    if entry is None:
        st.info(f"There is no entry {literal(entry_id)}.")
        return
    zone = session.settings().business_zone
    st.subheader(literal(f"{audit_words.action(entry)}: {audit_words.thing(entry)}"))
    detail_view.facts(
        [
            ("Who", audit_words.who(entry)),
            ("Role", audit_words.role(entry)),
            ("When", audit_columns.at(entry, zone, "%-d %b %Y, %H:%M:%S %Z")),
            ("Outcome", audit_words.OUTCOMES[entry["outcome"]]),
            ("Reason", entry["reason"]),
            ("Recorded as", entry["action"]),
            ("Object", entry["subject"].partition(":")[2] or entry["subject"]),
            ("Request ID", entry["request_id"]),
            ("Chain position", f"{entry['position']:,}" if entry["position"] else "within a minute"),
        ],
        ids=("Recorded as", "Object", "Request ID"),
    )
    changes = audit_words.changed(entry, zone)
    if not changes:
        st.caption("No record was changed.")
        return
    was_there = any(each.before != audit_words.NOTHING for each in changes)
    columns = (FIELD, BEFORE, AFTER) if was_there else (FIELD, AFTER)
    rows.show([vars(each) for each in changes], columns, key="changes", file="audit-changes")
