"""The objects that each user of the console opened last."""

from datetime import datetime

from core.db import Database
from core.search.search import KINDS, Hit, kinds_for
from core.staff.roles import Actor
from core.staff.user_choices import user_name

SHOWN = 6
# One kind for each page's parameter: a refund is opened as its payment.
_KINDS = {(page, parameter): kind for kind, (page, parameter, _) in reversed(KINDS.items())}


def kind_of(page: str, parameter: str) -> str | None:
    """The kind of thing that this query parameter opens on this page; None if it opens nothing."""
    return _KINDS.get((page, parameter))


def note(db: Database, actor: Actor, kind: str, object_id: str, now: datetime) -> None:
    """Record that this user opened this object now."""
    db.call("note_view", user_name=user_name(actor), kind=kind, object_id=object_id, now=now)


def of_user(db: Database, actor: Actor) -> list[Hit]:
    """What this user opened last, newest first, of what their role may open."""
    found: list[Hit] = db.call("recent_views", user_name=user_name(actor), kinds=kinds_for(actor.role), limit=SHOWN)
    return found
