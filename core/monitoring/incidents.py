"""Incidents: what went wrong, once per kind and fingerprint, kept in a file while the database is away."""

import fcntl
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, cast

from core.db import Database, plain
from core.errors import Unavailable
from core.staff import roles
from core.staff.roles import Actor

Severity = Literal["info", "warning", "error", "critical"]
SPOOL_FILE = "incidents.spool"
SPOOL_MAX_BYTES = 5 * 1024 * 1024


@dataclass(frozen=True)
class Incident:
    """One thing that went wrong at `seen_at`. Those of one `kind` and `fingerprint` are counted together.

    `sample` is what helps to find the cause; it holds no payload, no secret and nothing that names a patient.
    """

    kind: str
    fingerprint: str
    title: str
    seen_at: datetime
    severity: Severity = "error"
    sample: Mapping[str, Any] = field(default_factory=dict)
    request_id: str | None = None

    def as_record(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "fingerprint": self.fingerprint,
            "title": self.title,
            "seen_at": plain(self.seen_at),
            "severity": self.severity,
            "sample": plain(self.sample),
            "request_id": self.request_id,
        }


@dataclass(frozen=True)
class IncidentLog:
    """Where incidents are reported to: the database, or its spool in `data_dir` while the database is away."""

    db: Database
    data_dir: Path

    def report(self, incident: Incident) -> None:
        """Record the incident, and with it what was spooled earlier; never raises for a database that is away."""
        try:
            self.db.call("record_incidents", incidents=[incident.as_record()])
        except Unavailable:
            self._spool(incident.as_record())
        else:
            self.flush()

    def flush(self) -> int:
        """Move what was spooled into the database; answers how many that were, 0 while it is still away."""
        try:
            with (self.data_dir / SPOOL_FILE).open("r+") as spool:
                fcntl.flock(spool, fcntl.LOCK_EX)
                waiting = [json.loads(line) for line in spool if line.endswith("\n")]
                if waiting:
                    self.db.call("record_incidents", incidents=waiting)
                    spool.truncate(0)
                return len(waiting)
        except (FileNotFoundError, Unavailable):
            return 0

    def _spool(self, record: dict[str, Any]) -> None:
        self.data_dir.mkdir(parents=True, exist_ok=True)
        with (self.data_dir / SPOOL_FILE).open("a") as spool:
            fcntl.flock(spool, fcntl.LOCK_EX)
            if spool.tell() < SPOOL_MAX_BYTES:  # a database that stays away must not fill the disk
                spool.write(json.dumps(record) + "\n")


def newest(db: Database, *, open_only: bool = True, limit: int = 200) -> list[dict[str, Any]]:
    """The incidents last seen, newest first: kind, title, occurrences, first and last seen, sample, request id."""
    return cast(list[dict[str, Any]], db.call("list_incidents", open_only=open_only, limit=limit))


def resolve(db: Database, actor: Actor, incident_id: int, resolution: str, now: datetime) -> None:
    """Close an open incident with what was done about it, as somebody who may replay events.

    The same thing again opens a new one.
    """
    roles.require(actor, "events")
    db.call(
        "resolve_incident", actor=actor.name, actor_role=str(actor.role), id=incident_id, resolution=resolution, now=now
    )
