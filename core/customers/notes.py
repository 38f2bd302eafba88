"""Colleagues' notes on a customer: no health details, no private data, and never a lost author."""

from datetime import datetime

from core.customers.customers import PAGE
from core.db import Database
from core.privacy import notes
from core.staff import roles
from core.staff.roles import Actor, Right


def add_note(db: Database, actor: Actor, subject: str, note: str, now: datetime) -> None:
    """Add a note to a customer or patient. Raises `Refused` for an empty or overlong one, and for private data."""
    roles.require(actor, PAGE, Right.SEE)
    notes.refuse_private(db, note, now.date())
    db.call("add_customer_note", subject=subject, note=note, actor=actor.name, role=str(actor.role), now=now)


def remove_note(db: Database, actor: Actor, note_id: int, now: datetime) -> None:
    """Remove the text of a note: one's own, or anybody's as an admin. That there was a note stays recorded."""
    roles.require(actor, PAGE, Right.SEE)
    db.call(
        "withdraw_customer_note",
        note_id=note_id,
        any=actor.role is roles.Role.ADMIN,
        actor=actor.name,
        role=str(actor.role),
        now=now,
    )
