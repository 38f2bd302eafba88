"""Who may see and do what: the one table of roles, pages and rights."""

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

    `confirmed` is False for somebody in the console who proved to be there too long ago to move money.
    """

    name: str
    role: Role
    confirmed: bool = True


SYSTEM = Actor("system:worker", Role.ADMIN)


def commandline_actor() -> Actor:
    """Whoever runs a command on the machine acts with an admin's rights, under the name they have there."""
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
    """What `role` may do on `page`; `Right.NONE` where it may not open it."""
    return PAGES[page].get(role, Right.NONE)


def require(actor: Actor, page: str, at_least: Right = Right.ACT) -> None:
    """Raise `Unauthorised` unless `actor` has `at_least` this right on `page`."""
    if right(actor.role, page) < at_least:
        raise Unauthorised("not_allowed", f"The role {actor.role} may not do this on {page}.")


def require_confirmed(actor: Actor) -> None:
    """Before money moves: raise `Unauthorised` (`confirm_again`) unless `actor` proved a moment ago to be there."""
    if not actor.confirmed:
        raise Unauthorised("confirm_again", "Confirm that it is you: it has been a while.")
