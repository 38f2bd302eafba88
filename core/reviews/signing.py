"""Signatures of and comments on the checks of a review."""

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
    """A signature; `finding` is the check's sentence at the time it was signed off."""

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
    """The number of checks signed off, by day or by the week's Monday."""
    found = db.call("reviews_signed", cadence=cadence, since=period.since, until=period.until)
    return {date.fromisoformat(day): count for day, count in found.items()}


def sign(db: Database, actor: Actor, review: Review, check: Check, now: datetime) -> None:
    """Sign off this check with its finding; raises `Refused` if it is signed off already."""
    require(actor, PAGES[review.cadence])
    db.call("sign_review", **_of(review, check.name), finding=check.as_json(), **_by(actor), now=now)


def withdraw(db: Database, actor: Actor, review: Review, check: Check, reason: str, now: datetime) -> None:
    """Withdraw the signature of this check, for a reason."""
    require(actor, PAGES[review.cadence])
    private_text.refuse(reason, "The reason")
    db.call("withdraw_signature", **_of(review, check.name), reason=reason.strip(), **_by(actor), now=now)


def comment(db: Database, actor: Actor, review: Review, check: Check, text: str, now: datetime) -> None:
    """Add a comment to this check; comments cannot be removed."""
    require(actor, PAGES[review.cadence])
    private_text.refuse(text, "The comment")
    db.call("comment_on_review", **_of(review, check.name), comment=text.strip(), **_by(actor), now=now)


def _of(review: Review, item: str) -> dict[str, object]:
    return {"cadence": review.cadence, "day": review.day, "item": item}


def _by(actor: Actor) -> dict[str, str]:
    return {"actor": actor.name, "actor_role": str(actor.role)}
