"""What is photographed of each page: its views, the first row of each, and the dialogs that open from both.

A dialog is named by what is pressed one after another until it opens: `Policy > Change policy`. One that the state of
the data does not offer is left out.
"""

from dataclasses import dataclass

from core.ui.navigation import ENTRIES


@dataclass(frozen=True)
class View:
    """A page as `query` shows it; `name` is what its pictures are called, after the page."""

    name: str = ""
    query: str = ""
    dialogs: tuple[str, ...] = ()
    of_a_row: tuple[str, ...] = ()


ACCOUNT = ("Change password", "Set up second factor", "Sign out everywhere else", "Sign out everywhere")
OF_A_PROVIDER = (
    "Edit",
    "Deactivate",
    "Proof",
    "Hours",
    "Registry",
    "History",
    "Hours > Change hours and time off",
    "Proof > Verify licence",
    "Proof > Upload document",
)
VIEWS: dict[str, tuple[View, ...]] = {
    "overview": (
        View("", "", ("All figures", "type 79.00", "type nothing at all", *(f"Account > {each}" for each in ACCOUNT))),
        View("year", "?period=365d"),
    ),
    "payments": (View("", "", ("By e-mail address",), ("Refund",)), View("failed", "?counted=failed")),
    "disputes": (
        View("", "", ("Set a limit", "Texts for evidence"), ("Submit evidence", "Accept dispute")),
        View("warnings", "?show=fraud+warnings"),
    ),
    "subscriptions": (
        View("", "", (), ("Cancel subscription", "Pause collection", "Change plan")),
        View("scheduled", "?list=scheduled+to+cancel", (), ("Withdraw cancellation",)),
        View("paused", "?list=paused", (), ("Resume collection",)),
    ),
    "events": (View("", "", ("Replay these",), ("Replay",)),),
    "errors": (
        View("", "", (), ("Resolve", "Silence")),
        View("alerts", "?tab=Alerts", (), ("Silence",)),
        View("system", "?tab=System"),
    ),
    "recovery": (
        View("", "", ("Retry all that are due",), ("Retry payment", "Schedule retry", "Payment link", "Stop retries")),
        View("customer", "?next=needs+the+customer", (), ("Payment link",)),
    ),
    "refunds": (View("", "", ("Decide",)),),
    "assignments": (
        View("", "", ("Reassign",), ("Assign", "Cancel")),
        View("assigned", "?show=assigned", (), ("Assign", "Release", "Complete", "Cancel")),
    ),
    "providers": (
        View(
            "",
            "",
            (
                "Add provider",
                "Import",
                "Add specialty",
                "Exclusion list",
                "NPI registry",
                "Taxonomy codes",
                "Compacts > Verify member states",
                "Compacts > Set a member state",
                "Compacts > Remove a member state",
                "Compacts > Add a compact",
                "Registrations > Set a registration",
                "Policy > Change policy",
            ),
            OF_A_PROVIDER,
        ),
        View("expiring", "?licences=ending"),
    ),
    "reconciliation": (
        View("", "", (), ("Accept", "Write note")),
        View("payouts", "?tab=Payouts"),
        View("bank", "?tab=Bank", ("Import a bank statement",), ("Unmatch",)),
        View("months", "?tab=Months", ("Reopen",)),
        View("journal", "?tab=Journal"),
        View("report", "?tab=Stripe%27s+report"),
    ),
    "revenue": (View("", "", ("Accounts that the journal is booked on > Change account",)),),
    "users": (View("", "", ("Add user",), ("Change role", "Reset password", "Disable")),),
    "settings": (
        View("", "", ("Stop all new money", "Plan a pause", "Add a guard", "Pause refunds")),
        View("secrets", "?tab=Secrets"),
        View("private", "?tab=Private+text"),
        View("steps", "?tab=First+steps"),
        View("checklist", "?tab=Deployment+checklist"),
        View("exports", "?tab=Exports", ("Add weekly export",)),
    ),
}
ALL = [entry.address for entry in ENTRIES]


def of(address: str) -> tuple[View, ...]:
    return VIEWS.get(address, (View(),))
