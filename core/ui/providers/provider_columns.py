"""The columns of the directory and of the licences that end soon."""

from core.ui.consultations import consultation_details
from core.ui.kit.rows import Column
from core.ui.providers import coverage_map

ENDING = (
    Column("name", "Provider"),
    Column("state", "State", width="small"),
    Column("number", "Licence"),
    Column("expires_on", "Last day", "day"),
    Column("left", "Left", read=lambda one: "ended" if one["expired"] else f"{one['days_left']:,} days"),
    Column("others", "Others there", "count", help="Other active providers with a licence there today."),
    Column("open_consultations", "Open consultations", "count"),
    Column("paid", "Paid for those", read=lambda one: coverage_map.amounts(one["paid"])),
    Column(
        "monthly",
        "Monthly revenue",
        read=lambda one: coverage_map.amounts(one["monthly"]),
        help="Subscriptions of the patients they saw there in the last 90 days.",
    ),
)
PROVIDERS = (
    Column("name", "Name", width="medium"),
    Column("active", "Status", read=lambda one: "Active" if one["active"] else "Deactivated"),
    Column("load", "Open now", read=lambda one: f"{one['pending']} of {one['capacity']}"),
    Column(
        "specialties",
        "Specialties",
        read=lambda one: ", ".join(map(consultation_details.specialty, one["specialties"])),
        width="medium",
    ),
    Column("states", "States", read=lambda one: " ".join(sorted({n["state"] for n in one["licences"]}))),
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
