"""The staff: who may sign in, with which role."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from core.db import Database
from core.errors import Refused
from core.staff import passwords, roles
from core.staff.roles import Actor, Role
from core.staff.secret_files import keep_once
from core.staff.sessions import IDLE_SECONDS

DEMO_USERS_FILE = "demo-users.json"

User = dict[str, Any]


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
    """Add somebody who signs in as `name` and, unless told otherwise, changes the password then."""
    roles.require(actor, "users")
    passwords.require_good(password, name=name)
    added = db.call(
        "add_user",
        **_by(actor),
        name=name,
        role=str(role),
        email=email,
        password_hash=passwords.hashed(password),
        must_change_password=must_change_password,
        now=now,
    )
    return cast(User, added)


def everybody(db: Database, actor: Actor, now: datetime | None = None) -> list[User]:
    """Everybody who could ever sign in, with role, state and when they were last seen.

    With `now` also in how many browsers they are signed in then, and whether wrong passwords locked them out.
    """
    roles.require(actor, "users")
    return cast(list[User], db.call("list_users", now=now, idle_seconds=IDLE_SECONDS))


def set_role(db: Database, actor: Actor, name: str, role: Role, now: datetime, *, reason: str | None = None) -> User:
    """Give `name` this role from their next interaction on; the last admin keeps theirs."""
    roles.require(actor, "users")
    return cast(User, db.call("set_user_role", **_by(actor), name=name, role=str(role), now=now, reason=reason))


def disable(db: Database, actor: Actor, name: str, now: datetime, *, reason: str | None = None) -> User:
    """Sign `name` out everywhere and let them in no more; the last admin cannot be disabled."""
    roles.require(actor, "users")
    return cast(User, db.call("disable_user", **_by(actor), name=name, now=now, reason=reason))


def enable(db: Database, actor: Actor, name: str, now: datetime, *, reason: str | None = None) -> User:
    """Let `name` sign in again with the password they had."""
    roles.require(actor, "users")
    return cast(User, db.call("enable_user", **_by(actor), name=name, now=now, reason=reason))


def reset_password(
    db: Database, actor: Actor, name: str, password: str, now: datetime, *, reason: str | None = None
) -> None:
    """Give `name` a password to change at the next sign-in; signs them out everywhere and lifts a lock."""
    roles.require(actor, "users")
    _set_password(db, actor, name, password, now, must_change_password=True, reason=reason)


def reset_second_factor(db: Database, actor: Actor, name: str, now: datetime, *, reason: str | None = None) -> None:
    """For somebody who lost phone and recovery codes: none is asked for any more; signs them out everywhere."""
    roles.require(actor, "users")
    db.call("reset_second_factor", **_by(actor), name=name, now=now, reason=reason)


def choose_password(db: Database, actor: Actor, password: str, again: str, now: datetime) -> None:
    """Give the acting member of staff a new password of their choice; signs them out everywhere, here too."""
    source, _, name = actor.name.partition(":")
    if source != "staff":
        raise Refused("no_password", "Only a member of staff has a password.")
    roles.require_confirmed(actor)
    if password != again:
        raise Refused("not_the_same", "The two are not the same.")
    if passwords.matches(password, db.call("password_hash", name=name)):
        raise Refused("same_password", "This is the password you have. Choose another one.")
    _set_password(db, actor, name, password, now, must_change_password=False)


def create_demo_users(db: Database, data_dir: Path, now: datetime) -> dict[str, str]:
    """One user a role with a made-up password, `{name: password}` kept in `demo-users.json`; again adds nobody.

    For the sandbox only. The file is written before the users are added, so that an interrupted start is taken up;
    where it was deleted, users of these names get its new passwords, so that what is printed signs in.
    """
    made = {str(role): passwords.made_up() for role in Role}
    kept = keep_once(data_dir / DEMO_USERS_FILE, json.dumps(made, indent=2).encode())
    demo = cast(dict[str, str], json.loads(kept))
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


def _by(actor: Actor) -> dict[str, str]:
    return {"actor": actor.name, "actor_role": str(actor.role)}
