"""Who may see and do what: the table of pages, roles and rights."""

import getpass
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from core.errors import Unauthorised


class Role(StrEnum):
    OPS = "ops"
    SUPPORT = "support"
    FINANCE = "finance"
    ADMIN = "admin"


class Right(IntEnum):
    """What a role may do on a page; each right includes those before it."""

    NONE = 0
    SEE = 1
    ACT_LIMITED = 2
    ACT = 3
    APPROVE = 4


@dataclass(frozen=True)
class Actor:
    """Who acts: `name` is written to the audit log (`staff:ana`, `cli:root`, `system:worker`).

    `confirmed` is False for a console user who entered their password or code too long ago to move money.
    `code_missing` is True for a session that has not passed its second factor yet: it may do nothing.
    """

    name: str
    role: Role
    confirmed: bool = True
    code_missing: bool = False


SYSTEM = Actor("system:worker", Role.ADMIN)


def commandline_actor() -> Actor:
    """The operating-system user who runs a command; they have an admin's rights."""
    return Actor(f"cli:{getpass.getuser()}", Role.ADMIN)


_EVERYBODY_SEES = {role: Right.SEE for role in Role}
_EVERYBODY_BUT_SUPPORT_ACTS = {
    Role.OPS: Right.ACT,
    Role.SUPPORT: Right.SEE,
    Role.FINANCE: Right.ACT,
    Role.ADMIN: Right.ACT,
}
_FINANCE_ACTS = {Role.FINANCE: Right.ACT, Role.ADMIN: Right.ACT}


@dataclass(frozen=True)
class ConsolePage:
    """One page of the console: its address, section, title, icon, and what each role may do on it."""

    address: str
    section: str
    title: str
    icon: str
    rights: dict[Role, Right]


# Every page of the console, in the order of the sidebar. A new page is one line here and its file under pages/.
CONSOLE_PAGES = (
    ConsolePage("overview", "Monitor", "Overview", "monitoring", _EVERYBODY_SEES),
    ConsolePage("payments", "Monitor", "Payments", "payments", _EVERYBODY_SEES),
    ConsolePage("customers", "Monitor", "Customers", "person_search", _EVERYBODY_SEES),
    ConsolePage("disputes", "Monitor", "Disputes", "gavel", _EVERYBODY_SEES | _FINANCE_ACTS),
    ConsolePage("subscriptions", "Monitor", "Subscriptions", "autorenew", _EVERYBODY_SEES),
    ConsolePage("events", "Monitor", "Events", "inbox", _EVERYBODY_SEES | {Role.OPS: Right.ACT, Role.ADMIN: Right.ACT}),
    ConsolePage("errors", "Monitor", "Errors", "error", _EVERYBODY_SEES),
    ConsolePage(
        "recovery",
        "Operate",
        "Failed payments",
        "healing",
        _EVERYBODY_SEES | {Role.SUPPORT: Right.ACT, Role.ADMIN: Right.ACT},
    ),
    ConsolePage(
        "refunds",
        "Operate",
        "Refunds",
        "undo",
        {
            Role.OPS: Right.SEE,
            Role.SUPPORT: Right.ACT_LIMITED,
            Role.FINANCE: Right.APPROVE,
            Role.ADMIN: Right.APPROVE,
        },
    ),
    ConsolePage(
        "assignments",
        "Operate",
        "Assignments",
        "assignment_ind",
        {Role.OPS: Right.ACT, Role.SUPPORT: Right.ACT, Role.ADMIN: Right.ACT},
    ),
    ConsolePage(
        "providers",
        "Operate",
        "Providers",
        "stethoscope",
        {Role.OPS: Right.SEE, Role.SUPPORT: Right.SEE, Role.ADMIN: Right.ACT},
    ),
    ConsolePage("reconciliation", "Finance", "Reconciliation", "balance", _FINANCE_ACTS),
    ConsolePage("revenue", "Finance", "Revenue", "account_balance", _FINANCE_ACTS),
    ConsolePage("daily-checks", "Review", "Daily checks", "checklist", _EVERYBODY_BUT_SUPPORT_ACTS),
    ConsolePage("weekly-review", "Review", "Weekly review", "event_note", _EVERYBODY_BUT_SUPPORT_ACTS),
    ConsolePage("users", "Admin", "Users", "group", {Role.ADMIN: Right.ACT}),
    ConsolePage("audit-log", "Admin", "Audit log", "history", _FINANCE_ACTS),
    ConsolePage("settings", "Admin", "Settings", "settings", {Role.ADMIN: Right.ACT}),
)
PAGES: dict[str, dict[Role, Right]] = {page.address: page.rights for page in CONSOLE_PAGES}


def right(role: Role, page: str) -> Right:
    """What `role` may do on `page`; `Right.NONE` if it may not open it."""
    return PAGES[page].get(role, Right.NONE)


def require(actor: Actor, page: str, at_least: Right = Right.ACT) -> None:
    """Raise `Unauthorised` unless `actor` has `at_least` this right on `page`."""
    _require_code(actor)
    if right(actor.role, page) < at_least:
        raise Unauthorised("not_allowed", f"The role {actor.role} may not do this on {page}.")


def require_confirmed(actor: Actor) -> None:
    """Before money moves: raise `Unauthorised` (`confirm_again`) unless `actor` confirmed who they are a moment ago."""
    _require_code(actor)
    if not actor.confirmed:
        raise Unauthorised("confirm_again", "Enter your password or code again: the last time was over 15 minutes ago.")


def _require_code(actor: Actor) -> None:
    if actor.code_missing:
        raise Unauthorised("code_missing", "Enter the code of your authenticator app first.")
