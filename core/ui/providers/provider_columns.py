"""The columns of the directory and of expiring licences."""

from collections.abc import Callable, Sequence

from core.exports.table import Row, Table, by_last_id
from core.figures.wording import counted
from core.providers import states
from core.staff.roles import Actor
from core.ui.consultations import consultation_details
from core.ui.kit import export_panel
from core.ui.kit.rows import Column
from core.ui.providers import coverage_map
from core.ui.providers.licence_view import STATE

ENDING = (
    Column("name", "Provider"),
    STATE,
    Column("number", "Licence"),
    Column("expires_on", "Last day", "day"),
    Column("ends_at", "Ends", "moment", help="At the end of its last day in the state, in the business's time zone."),
    Column(
        "left",
        "Days left",
        sort_by="expires_on",
        read=lambda one: "ended" if one["expired"] else counted(one["days_left"], "day"),
    ),
    Column("others", "Other licensed providers", "count", help="Active providers with a valid licence in the state."),
    Column("open_consultations", "Open consultations", "count", total=True),
    Column("paid", "Paid for them", read=lambda one: coverage_map.amounts(one["paid"])),
    Column(
        "monthly",
        "Monthly revenue",
        read=lambda one: coverage_map.amounts(one["monthly"]),
        help="Subscriptions of the patients they saw there in the last 90 days.",
    ),
)
PROVIDERS = (
    Column("name", "Name", width="medium"),
    Column("active", "Status", read=lambda one: _status(one)),
    Column("load", "Open consultations", read=lambda one: f"{one['pending']} of {one['capacity']}", sort_by="pending"),
    Column(
        "specialties",
        "Specialties",
        read=lambda one: ", ".join(map(consultation_details.specialty, one["specialties"])),
        width="medium",
    ),
    Column("states", "States", read=lambda one: _states(one), width="medium"),
    Column(
        "ends",
        "Next licence ends",
        "day",
        read=lambda one: min(
            (n["expires_on"] for n in one["licences"] if n["expires_on"] and n["status"] == "active"), default=None
        ),
    ),
    Column("email", "E-mail"),
    Column("npi", "NPI"),
)
IN_A_FILE = (
    *PROVIDERS[:2],
    Column("pending", "Open now", "count", total=True),
    Column("capacity", "Capacity", "count", total=True),
    *PROVIDERS[3:7],
    Column("npi", "NPI", "id"),
    Column("id", "Provider", "id"),
)


def exported(sought: Callable[..., tuple[Sequence[Row], int]], total: int) -> Callable[[Actor], Table]:
    """All providers that `sought` finds, as a table to export; called with `after_id` and `limit`."""
    filters = export_panel.set_filters()
    batches = by_last_id(lambda after: sought(after_id=after, limit=1000)[0], size=1000)
    return lambda _: Table("provider-list", "Providers", IN_A_FILE, batches, total, filters=filters)


def _states(one: Row) -> str:
    return ", ".join(sorted({states.name_of(n["state"]) for n in one["validity"]}))


def _status(one: Row) -> str:
    return "Out of assignment" if one["blocked_reason"] else "Active" if one["active"] else "Deactivated"
