"""The columns of the audit log, on its page and in a file."""

from datetime import datetime
from zoneinfo import ZoneInfo

from core.staff import audit_words
from core.staff.audit import Entry
from core.ui.kit.rows import Column

IN_A_FILE = (
    Column("id", "Entry", "id"),
    Column("at", "When", "moment"),
    Column("actor", "Who", read=audit_words.who),
    Column("role", "Role", read=audit_words.role),
    Column("action", "Action", read=audit_words.action),
    Column("action", "Recorded as", "id"),
    Column("subject", "Object", "id"),
    Column("outcome", "Outcome", read=lambda entry: audit_words.OUTCOMES[entry["outcome"]]),
    Column("reason", "Reason"),
    Column("before", "Before"),
    Column("after", "After"),
    Column("request_id", "Request ID", "id"),
)


def on_the_page(zone: ZoneInfo) -> tuple[Column, ...]:
    return (
        Column("at", "When", read=lambda entry: at(entry, zone, "%-d %b %Y, %H:%M:%S")),
        Column("action", "What happened", read=audit_words.sentence, width=460),
        Column("after", "Changed", read=lambda entry: audit_words.changed_in_short(entry, zone), width="medium"),
        Column("reason", "Reason", width="medium"),
    )


def at(entry: Entry, zone: ZoneInfo, written: str) -> str:
    """The entry's time in `zone`, to the second."""
    return f"{datetime.fromisoformat(entry['at']).astimezone(zone):{written}}"
