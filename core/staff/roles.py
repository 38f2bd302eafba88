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
    """Who does something: `name` is written to the audit log (`staff:ana`, `cli:root`, `system:worker`).

    `confirmed` is False for somebody in the console who last entered their password or code too long ago to move money.
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

PAGES: dict[str, dict[Role, Right]] = {
    "overview": _EVERYBODY_SEES,
    "payments": _EVERYBODY_SEES,
    "disputes": {**_EVERYBODY_SEES, Role.FINANCE: Right.ACT, Role.ADMIN: Right.ACT},
    "subscriptions": _EVERYBODY_SEES,
    "events": {**_EVERYBODY_SEES, Role.OPS: Right.ACT, Role.ADMIN: Right.ACT},
    "errors": _EVERYBODY_SEES,
    "recovery": {**_EVERYBODY_SEES, Role.SUPPORT: Right.ACT, Role.ADMIN: Right.ACT},
    "refunds": {
        Role.OPS: Right.SEE,
        Role.SUPPORT: Right.ACT_LIMITED,
        Role.FINANCE: Right.APPROVE,
        Role.ADMIN: Right.APPROVE,
    },
    "assignments": {Role.OPS: Right.ACT, Role.SUPPORT: Right.ACT, Role.ADMIN: Right.ACT},
    "providers": {Role.OPS: Right.SEE, Role.SUPPORT: Right.SEE, Role.ADMIN: Right.ACT},
    "reconciliation": {Role.FINANCE: Right.ACT, Role.ADMIN: Right.ACT},
    "revenue": {Role.FINANCE: Right.ACT, Role.ADMIN: Right.ACT},
    "daily-checks": {Role.OPS: Right.ACT, Role.SUPPORT: Right.SEE, Role.FINANCE: Right.ACT, Role.ADMIN: Right.ACT},
    "weekly-review": {Role.OPS: Right.ACT, Role.SUPPORT: Right.SEE, Role.FINANCE: Right.ACT, Role.ADMIN: Right.ACT},
    "users": {Role.ADMIN: Right.ACT},
    "audit-log": {Role.FINANCE: Right.ACT, Role.ADMIN: Right.ACT},
    "settings": {Role.ADMIN: Right.ACT},
}


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
