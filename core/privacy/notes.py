"""Notes that staff write for each other: nothing about a patient's health, no card numbers, no private data."""

from datetime import date
from typing import TypedDict

from core.db import Database
from core.errors import Refused
from core.logs import redacted
from core.privacy import clinical_words
from core.privacy.patterns import kinds_in
from core.staff.roles import Actor, Role


class NoteRow(TypedDict):
    """A colleague's note; `note` is None once it was removed."""

    id: int
    at: str
    written_by: str
    note: str | None
    withdrawn_by: str | None


def may_remove(actor: Actor, note: NoteRow) -> bool:
    """Whether `actor` may remove the text of this note."""
    return note["written_by"] == actor.name or actor.role is Role.ADMIN


def refuse_private(db: Database, note: str, today: date) -> None:
    """Raise `Refused` (`note_private`) for a note that tells too much; the note itself is not repeated."""
    words = frozenset(each.word for each in clinical_words.everything(db))
    if found := kinds_in(note, words, today):
        raise Refused("note_private", f"The note holds {sorted(found)[0]}. Leave it out; this is not a medical record.")
    if redacted(note) != note:
        raise Refused("note_private", "Leave out card numbers, e-mail addresses, phone numbers and keys.")
