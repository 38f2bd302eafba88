"""The users: who may sign in, with which role."""

import json
from datetime import datetime
from pathlib import Path
from typing import NotRequired, TypedDict

from core.db import Database
from core.errors import Refused
from core.staff import audit, passwords, roles
from core.staff.roles import Actor, Role
from core.staff.secret_files import create_once
from core.staff.sessions import IDLE_SECONDS

DEMO_USERS_FILE = "demo-users.json"


class User(TypedDict):
    """A member of staff; times are ISO texts. The last three are only in the list of users."""

    name: str
    role: str
    email: str
    active: bool
    must_change_password: bool
    created_at: str
    second_factor: bool
    last_seen_at: NotRequired[str | None]
    signed_in: NotRequired[int]
    locked: NotRequired[bool]


def add(
    db: Database,
    actor: Actor,
    name: str,
    role: Role,
    email: str,
    password: str,
    now: datetime,
    *,
    must_change_password: bool = True,
) -> User:
    """Add a user who signs in as `name` and, by default, must then choose a password of their own."""
    roles.require(actor, "users")
    passwords.require_good(password, name=name)
    added: User = db.call(
        "add_user",
        **_by(actor),
        name=name,
        role=str(role),
        email=email,
        password_hash=passwords.hashed(password),
        must_change_password=must_change_password,
        now=now,
    )
    return added


def everybody(db: Database, actor: Actor, now: datetime | None = None) -> list[User]:
    """All users, disabled ones too, with role, state and when they were last seen.

    With `now`, also in how many browsers each is signed in (`signed_in`), and whether sign-in on new devices is
    `locked`.
    """
    roles.require(actor, "users")
    found: list[User] = db.call("list_users", now=now, idle_seconds=IDLE_SECONDS)
    return found


def set_role(db: Database, actor: Actor, name: str, role: Role, now: datetime, *, reason: str | None = None) -> User:
    """Give `name` this role from their next click on; refused for the last admin."""
    roles.require(actor, "users")
    user: User = db.call("set_user_role", **_by(actor), name=name, role=str(role), now=now, reason=reason)
    return user


def disable(db: Database, actor: Actor, name: str, now: datetime, *, reason: str | None = None) -> User:
    """Sign `name` out everywhere and stop them from signing in; refused for the last admin."""
    roles.require(actor, "users")
    user: User = db.call("disable_user", **_by(actor), name=name, now=now, reason=reason)
    return user


def enable(db: Database, actor: Actor, name: str, now: datetime, *, reason: str | None = None) -> User:
    """Let `name` sign in again with the same password."""
    roles.require(actor, "users")
    user: User = db.call("enable_user", **_by(actor), name=name, now=now, reason=reason)
    return user


def reset_password(
    db: Database, actor: Actor, name: str, password: str, now: datetime, *, reason: str | None = None
) -> None:
    """Give `name` a password to change at the next sign-in; signs them out everywhere and unlocks sign-in.

    In the console it needs a reason, which the audit log keeps.
    """
    roles.require(actor, "users")
    _require_reason(db, actor, reason)
    _set_password(db, actor, name, password, now, must_change_password=True, reason=reason)


def reset_second_factor(db: Database, actor: Actor, name: str, now: datetime, *, reason: str | None = None) -> None:
    """Remove the second factor of somebody who lost phone and recovery codes; signs them out everywhere.

    In the console it needs a reason, which the audit log keeps.
    """
    roles.require(actor, "users")
    _require_reason(db, actor, reason)
    db.call("reset_second_factor", **_by(actor), name=name, now=now, reason=reason)


def choose_password(db: Database, actor: Actor, password: str, again: str, now: datetime) -> None:
    """Change the acting user's own password; signs them out everywhere, here too.

    Raises `Unauthorised` unless they entered their password, and the code of their second factor if they have one,
    within the last 15 minutes.
    """
    source, _, name = actor.name.partition(":")
    if source != "staff":
        raise Refused("no_password", "Only users of the console have a password.")
    roles.require_confirmed(actor)
    if password != again:
        raise Refused("not_the_same", "The two passwords are different.")
    if passwords.matches(password, db.call("password_hash", name=name)):
        raise Refused("same_password", "This is your current password. Choose a different one.")
    _set_password(db, actor, name, password, now, must_change_password=False)


def create_demo_users(db: Database, data_dir: Path, now: datetime) -> dict[str, str]:
    """One user per role with a generated password, stored as `{name: password}` in `demo-users.json`; safe to repeat.

    For the sandbox only. The file is written before the users are added, so that an interrupted start can continue. If
    it was deleted, the users get the new file's passwords, so that the printed passwords work.
    """
    made = {str(role): passwords.made_up() for role in Role}
    kept = create_once(data_dir / DEMO_USERS_FILE, json.dumps(made, indent=2).encode())
    demo: dict[str, str] = json.loads(kept)
    existing = {user["name"] for user in everybody(db, roles.SYSTEM)}
    for name in sorted(demo.keys() - existing):
        email = f"{name}@example.com"
        add(db, roles.SYSTEM, name, Role(name), email, demo[name], now, must_change_password=False)
    if demo == made:
        for name in sorted(demo.keys() & existing):
            _set_password(db, roles.SYSTEM, name, demo[name], now, must_change_password=False)
    return demo


def _set_password(
    db: Database,
    actor: Actor,
    name: str,
    password: str,
    now: datetime,
    *,
    must_change_password: bool,
    reason: str | None = None,
) -> None:
    passwords.require_good(password, name=name)
    db.call(
        "set_password",
        **_by(actor),
        name=name,
        password_hash=passwords.hashed(password),
        must_change_password=must_change_password,
        now=now,
        reason=reason,
    )


def _require_reason(db: Database, actor: Actor, reason: str | None) -> None:
    if actor.name.startswith("staff:"):
        audit.require_reason(db, reason)


def _by(actor: Actor) -> dict[str, str]:
    return {"actor": actor.name, "actor_role": str(actor.role)}
