"""The list of clinical words, which admins change: kept in the database, at most some seconds old in each process."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog

from core.db import Database
from core.errors import PayopsError, Refused
from core.privacy.patterns import LONGEST_PHRASE, normal
from core.staff import roles
from core.staff.roles import Actor

FRESH_SECONDS = 5.0
LONGEST = 60
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class ClinicalWord:
    """One word or phrase, and who put it on the list; None for those that came with payops."""

    word: str
    added_by: str | None


class ClinicalWords:
    """The words as a set; if the database does not answer, the last known ones. Thread-safe."""

    def __init__(self, db: Database, ticks: Callable[[], float] = time.monotonic):
        self._db = db
        self._ticks = ticks
        self._known: frozenset[str] | None = None
        self._read_at = float("-inf")
        self._reading = threading.Lock()

    def all(self) -> frozenset[str]:
        """Raises `Unavailable` only if the words could never be read."""
        with self._reading:
            if self._known is None or self._ticks() - self._read_at > FRESH_SECONDS:
                self._refresh()
            assert self._known is not None
            return self._known

    def _refresh(self) -> None:
        try:
            self._known = frozenset(each.word for each in everything(self._db))
        except PayopsError:
            if self._known is None:
                raise
            log.warning("the clinical words could not be read; the last known ones stay in force")
        self._read_at = self._ticks()


def everything(db: Database) -> list[ClinicalWord]:
    """Every word, in alphabetical order."""
    return [ClinicalWord(row["word"], row["added_by"]) for row in db.call("clinical_words")]


def add(db: Database, actor: Actor, word: str, now: datetime, *, reason: str) -> str:
    """Put a word or phrase on the list, audited; the word as it is compared. Raises `Refused`."""
    roles.require(actor, "settings")
    compared = normal(word)
    if not compared or len(compared) > LONGEST or len(compared.split()) > LONGEST_PHRASE:
        raise Refused("bad_word", f"Enter a word, or a phrase of at most {LONGEST_PHRASE} words.")
    _change(db, actor, compared, now, reason, listed=True)
    return compared


def remove(db: Database, actor: Actor, word: str, now: datetime, *, reason: str) -> None:
    """Take a word off the list, audited."""
    roles.require(actor, "settings")
    _change(db, actor, normal(word), now, reason, listed=False)


def _change(db: Database, actor: Actor, word: str, now: datetime, reason: str, *, listed: bool) -> None:
    db.call(
        "change_clinical_word",
        word=word,
        listed=listed,
        reason=reason.strip(),
        actor=actor.name,
        actor_role=str(actor.role),
        now=now,
    )
