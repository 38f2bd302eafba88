"""Personal settings of console users, such as the figures on their overview."""

from datetime import datetime
from typing import Any

from core.db import Database
from core.staff.roles import Actor


def user_name(actor: Actor) -> str:
    """The acting user's name: `ana` for `staff:ana`."""
    return actor.name.partition(":")[2]


def of_user(db: Database, actor: Actor, name: str) -> Any:
    """The user's value for the setting `name`; None if they have not set it."""
    return db.call("user_choice", user_name=user_name(actor), name=name)


def choose(db: Database, actor: Actor, name: str, value: Any, now: datetime) -> None:
    """Store the user's value for the setting `name`."""
    db.call("choose", user_name=user_name(actor), name=name, value=value, now=now)
