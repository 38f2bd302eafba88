"""The four figures on the overview: those that the user chose, or those of their role."""

from collections.abc import Sequence
from datetime import datetime

from core.db import Database
from core.errors import Refused
from core.figures.definitions import OF_THE_OVERVIEW
from core.figures.wording import Reading
from core.staff import user_choices
from core.staff.roles import Actor, Role

SHOWN = 4
CHOICE = "overview figures"
TITLES = {each.name: each.title for each in OF_THE_OVERVIEW}
OF_ROLE = {
    Role.OPS: ("payment_success_rate", "failed_payments", "authorization_rate", "assignment_success_rate"),
    Role.SUPPORT: ("payment_success_rate", "failed_payments", "authorization_rate", "dispute_activity"),
    Role.FINANCE: ("net", "mrr", "payment_success_rate", "dispute_activity"),
    Role.ADMIN: ("payment_success_rate", "net", "mrr", "failed_payments"),
}


def of_user(db: Database, actor: Actor) -> list[str]:
    """The names of the figures on this user's overview."""
    kept = user_choices.of_user(db, actor, CHOICE)
    known = [name for name in kept if name in TITLES] if isinstance(kept, list) else []
    return known[:SHOWN] or list(OF_ROLE[actor.role])


def choose(db: Database, actor: Actor, names: Sequence[str], now: datetime) -> None:
    """Store the figures of this user's overview; with none, those of their role apply again. Raises `Refused`."""
    if len(names) > SHOWN or len(set(names)) < len(names) or not set(names) <= set(TITLES):
        raise Refused("bad_figures", f"Choose at most {SHOWN} of the overview's figures.")
    user_choices.choose(db, actor, CHOICE, list(names), now)


def shown(readings: Sequence[Reading], chosen: Sequence[str]) -> tuple[list[Reading], list[Reading]]:
    """Those chosen, in that order, and all others; the next one takes the place of one that has no data."""
    by_name = {each.definition.name: each for each in readings}
    order = [*(name for name in chosen if name in by_name), *(name for name in by_name if name not in chosen)]
    many = min(len(chosen), SHOWN)
    return [by_name[name] for name in order[:many]], [by_name[name] for name in by_name if name not in order[:many]]
