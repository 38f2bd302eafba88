"""E-mails to one member of staff, through the first mail server in ALERT_URLS: an invitation, a rejected refund."""

from datetime import datetime

from core.db import Database
from core.money import Money
from core.monitoring.alerts.targets import targets_of
from core.payments.actions import Action
from core.settings import Settings
from core.staff import roles
from core.staff.audit_words import actor_name
from core.staff.roles import Actor, Right


def invite(db: Database, actor: Actor, settings: Settings, name: str, role: str, *, now: datetime) -> bool:
    """Queue the invitation of a user who was just added, without the password. Answers whether there is one."""
    roles.require(actor, "users")
    who = actor_name(actor.name)
    title = f"payops: {who} added you"
    body = (
        f"Sign in at {settings.public_base_url} as {name}. Your role is {role}.\n\n"
        f"{who} gives you a temporary password in another way, and you choose your own when you sign in."
    )
    return _queue(db, settings, name, title, body, now)


def tell_of_rejection(
    db: Database, actor: Actor, settings: Settings, rejected: Action, *, reason: str, now: datetime
) -> bool:
    """Queue the e-mail to the user who requested a refund that was just rejected. Answers whether there is one."""
    roles.require(actor, "refunds", Right.APPROVE)
    source, _, name = rejected.requested_by.partition(":")
    if source != "staff":
        return False
    amount = Money(rejected.amount_minor or 0, rejected.currency or "usd")
    title = f"payops: your refund of {amount} was rejected"
    body = (
        f"{actor_name(actor.name)} rejected it: {reason}\n\nNo money was sent. "
        f"{settings.public_base_url}/refunds?refund={rejected.id}"
    )
    return _queue(db, settings, name, title, body, now)


def _queue(db: Database, settings: Settings, name: str, title: str, body: str, now: datetime) -> bool:
    server = next((each.fingerprint for each in targets_of(settings.alert_urls) if each.sends_email), None)
    if server is None:
        return False
    queued: bool = db.call("queue_staff_mail", user=name, title=title, body=body, server=server, now=now)
    return queued
