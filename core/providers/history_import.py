"""Loads a clinic's history: its directory from a file, and past consultations with how they ended."""

import heapq
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Protocol

from core.db import Database
from core.errors import Refused
from core.providers import assignment, directory, files, intake
from core.staff.roles import SYSTEM


class PastConsultation(Protocol):
    """A submission received at `at`, and how and when its consultation ended; `ended_at` is None if it is open."""

    @property
    def at(self) -> datetime: ...
    @property
    def submission(self) -> Mapping[str, Any]: ...
    @property
    def ended_at(self) -> datetime | None: ...
    @property
    def status(self) -> str: ...


def import_directory(db: Database, text: str, now: datetime) -> None:
    """Add the providers in a CSV to the directory; raises `Refused` naming every problem in the file."""
    read = files.read_file(text.encode(), directory.vocabulary(db), directory.identities(db))
    if read.problems:
        raise Refused("bad_file", " ".join(map(str, read.problems)))
    directory.put(db, SYSTEM, read.documents, now, reason="first import")


def replay(db: Database, consultations: Iterable[PastConsultation]) -> None:
    """Assign each consultation, oldest first, as it would have been assigned at the time; safe to repeat."""
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
