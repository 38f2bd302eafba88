"""Alerts, firing or resolved, as the console shows them, and what staff do about them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypedDict

from core.db import Database
from core.monitoring.alerts.decisions import Firing
from core.monitoring.alerts.targets import Target
from core.staff import roles
from core.staff.roles import Actor

KEPT_DAYS = 30


class Delivery(TypedDict):
    """How one message went to one target."""

    target: str
    state: str
    attempts: int
    sent_at: str | None
    next_attempt_at: str | None
    problem: str | None


class Message(TypedDict):
    """A message about an alert."""

    id: int
    kind: str
    title: str
    body: str
    written_at: str
    deliveries: list[Delivery]


class Alert(Firing):
    """An alert with its messages, the oldest first."""

    silenced: bool
    messages: list[Message]


@dataclass(frozen=True)
class TargetFigures:
    """How deliveries to one target went in the last 30 days."""

    target: Target
    sent: int
    due: int
    given_up: int
    attempts: int
    last_sent_at: datetime | None
    problem: str | None


def newest(db: Database, now: datetime) -> list[Alert]:
    """Alerts that fire, and those that were resolved in the last 30 days."""
    found: list[Alert] = db.call("list_alerts", since=now - timedelta(days=KEPT_DAYS), now=now)
    return found


def target_figures(db: Database, targets: Sequence[Target], now: datetime) -> list[TargetFigures]:
    """Every target of ALERT_URLS, in its order."""
    counted = db.call("alert_targets", now=now)
    none = {"sent": 0, "due": 0, "given_up": 0, "attempts": 0, "last_sent_at": None, "problem": None}
    found = []
    for target in targets:
        figures = counted.get(target.fingerprint, none)
        last = figures["last_sent_at"]
        found.append(
            TargetFigures(target, **figures | {"last_sent_at": datetime.fromisoformat(last) if last else None})
        )
    return found


def acknowledge(db: Database, actor: Actor, alert_id: int, now: datetime) -> None:
    """The actor is working on the alert: no reminder is sent. Raises `Unauthorised` unless they may replay events."""
    roles.require(actor, "events")
    db.call("acknowledge_alert", actor=actor.name, actor_role=str(actor.role), id=alert_id, now=now)


def silence(db: Database, actor: Actor, alert_id: int, until: datetime | None, reason: str, now: datetime) -> None:
    """Send nothing about the alert until then; None ends a silence. Refused without a reason or beyond 30 days."""
    roles.require(actor, "events")
    db.call(
        "silence_alert",
        actor=actor.name,
        actor_role=str(actor.role),
        id=alert_id,
        until=until,
        reason=reason,
        now=now,
    )


def send_test(db: Database, actor: Actor, targets: Sequence[Target], console: str, now: datetime) -> None:
    """Send a test message to every target; raises `Refused` if no target is set."""
    roles.require(actor, "settings")
    db.call(
        "send_test_alert",
        actor=actor.name,
        actor_role=str(actor.role),
        title="Test of payops alerts",
        body=f"Nothing is wrong: an admin is testing whether alerts arrive here.\n{console}/errors?tab=Alerts",
        targets=[target.fingerprint for target in targets],
        now=now,
    )
