"""The columns of the inbox and of the refused webhooks."""

from core.events import wording
from core.ui.kit.rows import Column

COLUMNS = (
    Column("received_at", "Received", "moment"),
    Column("type", "Type"),
    Column("object_id", "Object"),
    Column("outcome", "Outcome", read=lambda one: wording.OUTCOMES[one["outcome"]]),
    Column(
        "delay_ms",
        "Delay",
        read=lambda one: wording.duration(one["delay_ms"]),
        sort_by="delay_ms",
        help="From the event at Stripe to its arrival here.",
    ),
    Column(
        "handling_ms",
        "Handled in",
        read=lambda one: wording.duration(one["handling_ms"]),
        sort_by="handling_ms",
        help="From its arrival to being applied, at the first attempt.",
    ),
    Column("reason", "Reason", read=lambda one: one["reason"] or ""),
    Column("id", "Event"),
)
IN_A_FILE = (
    *COLUMNS[:4],
    Column("delay_ms", "Delay (ms)", "count", help="From the event at Stripe to its arrival here."),
    Column("handling_ms", "Handled in (ms)", "number", help=COLUMNS[5].help),
    Column("attempts", "Attempts", "count"),
    *COLUMNS[6:],
    Column("created", "Created at Stripe", "moment"),
)
REFUSED = (
    Column("address", "Sender"),
    Column("reason", "Reason", read=lambda one: one["reason"].replace("_", " ")),
    Column("times", "Times", "count"),
    Column("last_minute", "Last", "moment"),
)
