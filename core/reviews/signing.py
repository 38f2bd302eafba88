"""Who signed off a check and what staff say about it."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import TypedDict

from core.db import Database
from core.payments import private_text
from core.periods import Period
from core.reviews.check import Cadence, Check, Review
from core.staff.roles import Actor, require

PAGES = {Cadence.DAILY: "daily-checks", Cadence.WEEKLY: "weekly-review"}
LONGEST_COMMENT = 2_000


class Signature(TypedDict):
    """`finding` is the sentence as it was when somebody signed it off."""

    signed_by: str
    signed_at: str
    finding: str


class Comment(TypedDict):
    item: str
    comment: str
    written_by: str
    written_at: str


class Notes(TypedDict):
    """The signatures by check, and all comments, oldest first."""

    signatures: dict[str, Signature]
    comments: list[Comment]


def notes(db: Database, cadence: Cadence, day: date) -> Notes:
    rows: Notes = db.call("review_notes", cadence=cadence, day=day)
    return rows


def signed(db: Database, cadence: Cadence, period: Period) -> Mapping[date, int]:
    """How many checks are signed off, by day; a week by its Monday."""
    found = db.call("reviews_signed", cadence=cadence, since=period.since, until=period.until)
    return {date.fromisoformat(day): count for day, count in found.items()}


def sign(db: Database, actor: Actor, review: Review, check: Check, now: datetime) -> None:
    """Sign this check off with what it found; raises `Refused` where somebody did."""
    require(actor, PAGES[review.cadence])
    db.call("sign_review", **_of(review, check.name), finding=check.as_json(), **_by(actor), now=now)


def withdraw(db: Database, actor: Actor, review: Review, check: Check, reason: str, now: datetime) -> None:
    """Open this check again, for a reason."""
    require(actor, PAGES[review.cadence])
    private_text.refuse(reason, "The reason")
    db.call("withdraw_signature", **_of(review, check.name), reason=reason.strip(), **_by(actor), now=now)


def comment(db: Database, actor: Actor, review: Review, check: Check, text: str, now: datetime) -> None:
    """Write a comment beside this check; it stays."""
    require(actor, PAGES[review.cadence])
    private_text.refuse(text, "The comment")
    db.call("comment_on_review", **_of(review, check.name), comment=text.strip(), **_by(actor), now=now)


def _of(review: Review, item: str) -> dict[str, object]:
    return {"cadence": review.cadence, "day": review.day, "item": item}


def _by(actor: Actor) -> dict[str, str]:
    return {"actor": actor.name, "actor_role": str(actor.role)}
