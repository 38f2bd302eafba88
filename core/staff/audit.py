"""The audit log's entries for what changes no row of ours: a refusal, a page that was tried, a look-up elsewhere."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from core.db import Database
from core.staff.roles import Actor


def record(
    db: Database,
    actor: Actor,
    action: str,
    subject: str,
    now: datetime,
    *,
    outcome: Literal["done", "refused"] = "done",
    reason: str | None = None,
    after: Mapping[str, Any] | None = None,
    request_id: str | None = None,
) -> None:
    """Write one entry: `action` is `source:noun:verb`, `subject` is `noun:id`.

    What changes rows is recorded by the function that changes them, in the same transaction, and never here.
    """
    db.call(
        "audit",
        actor=actor.name,
        role=str(actor.role),
        action=action,
        subject=subject,
        now=now,
        outcome=outcome,
        reason=reason,
        after=after,
        request_id=request_id,
    )
