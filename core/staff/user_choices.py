"""What users of the console chose for themselves, such as the figures on their overview."""

from datetime import datetime
from typing import Any

from core.db import Database
from core.staff.roles import Actor


def user_name(actor: Actor) -> str:
    """The user of the console who acts: `ana` of `staff:ana`."""
    return actor.name.partition(":")[2]


def of_user(db: Database, actor: Actor, name: str) -> Any:
    """What this user chose under this name; None if nothing yet."""
    return db.call("user_choice", user_name=user_name(actor), name=name)


def choose(db: Database, actor: Actor, name: str, value: Any, now: datetime) -> None:
    """Keep this choice of the user."""
    db.call("choose", user_name=user_name(actor), name=name, value=value, now=now)
