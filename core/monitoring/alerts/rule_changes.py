"""The rules as admins changed them."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any, TypedDict

from core.db import Database
from core.errors import Refused
from core.monitoring.alerts.rule import Rule
from core.monitoring.alerts.rules import RULES
from core.staff import roles
from core.staff.roles import Actor


class Override(TypedDict):
    """A rule as an admin changed it."""

    name: str
    enabled: bool
    threshold: float
    window_minutes: int
    minimum: int
    changed_by: str
    changed_at: str


def with_overrides(overrides: list[Override]) -> dict[str, Rule]:
    """The rules as they are evaluated; a changed one that payops no longer has is left out."""
    changed: Mapping[str, Override] = {each["name"]: each for each in overrides}
    return {
        name: rule
        if (to := changed.get(name)) is None
        else replace(
            rule,
            enabled=to["enabled"],
            threshold=to["threshold"],
            window_minutes=to["window_minutes"],
            minimum=to["minimum"],
            changed_by=to["changed_by"],
            changed_at=to["changed_at"],
        )
        for name, rule in RULES.items()
    }


def load(db: Database) -> dict[str, Rule]:
    return with_overrides(db.call("alert_state")["rules"])


def change(db: Database, actor: Actor, rule: Rule, reason: str, now: datetime) -> None:
    """Evaluate the rule with these numbers from now on; raises `Unauthorised` unless the actor is an admin."""
    roles.require(actor, "settings")
    before = load(db).get(rule.name)
    if before is None:
        raise Refused("unknown_rule", "There is no such rule.")
    if problem := _problem(rule):
        raise Refused("bad_rule", problem)
    db.call(
        "set_alert_rule",
        actor=actor.name,
        actor_role=str(actor.role),
        rule=_numbers(rule),
        before=_numbers(before),
        reason=reason,
        now=now,
    )


def _numbers(rule: Rule) -> dict[str, Any]:
    return {
        name: value
        for name, value in asdict(rule).items()
        if name in ("name", "enabled", "threshold", "window_minutes", "minimum")
    }


def _problem(rule: Rule) -> str | None:
    if not 1 <= rule.window_minutes <= 7 * 24 * 60:
        return "A window is between one minute and seven days."
    if not 1 <= rule.minimum <= 1_000_000:
        return "The minimum is a whole number from 1 on."
    if rule.unit in ("share", "points") and not 0 < rule.threshold <= 1:
        return "This threshold is a share above 0% and up to 100%."
    if not 0 < rule.threshold <= 1_000_000:
        return "A threshold is above 0."
    return None
