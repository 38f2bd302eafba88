"""A practice with a past: its directory from a file, and consultations as they once came in and ended."""

import heapq
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Protocol

from core.db import Database
from core.errors import Refused
from core.providers import assignment, directory, files, intake
from core.staff.roles import SYSTEM


class PastConsultation(Protocol):
    """A form that came in at a moment, and how and when its consultation ended; None where it has not."""

    @property
    def at(self) -> datetime: ...
    @property
    def submission(self) -> Mapping[str, Any]: ...
    @property
    def ended_at(self) -> datetime | None: ...
    @property
    def status(self) -> str: ...


def import_directory(db: Database, text: str, now: datetime) -> None:
    """Put the providers of a CSV into the directory; raises `Refused` with every problem of the file."""
    read = files.read_csv(text, directory.vocabulary(db), directory.identities(db))
    if read.problems:
        raise Refused("bad_file", " ".join(map(str, read.problems)))
    directory.put(db, SYSTEM, read.documents, now, reason="first import")


def replay(db: Database, consultations: Iterable[PastConsultation]) -> None:
    """Decide each, oldest first, as it would have been decided in its moment; done twice it is done once."""
    ending: list[tuple[datetime, str, str]] = []
    for each in sorted(consultations, key=lambda one: one.at):
        _end_until(db, ending, each.at)
        body = dict(each.submission)
        answer = intake.submit(db, intake.Submission.model_validate(body), body, now=each.at)
        if each.ended_at is not None:
            heapq.heappush(ending, (each.ended_at, answer["consultationId"], each.status))
    _end_until(db, ending, None)


def _end_until(db: Database, ending: list[tuple[datetime, str, str]], until: datetime | None) -> None:
    while ending and (until is None or ending[0][0] <= until):
        ended_at, consultation_id, status = heapq.heappop(ending)
        assignment.end(db, intake.INTAKE, consultation_id, status, ended_at)
