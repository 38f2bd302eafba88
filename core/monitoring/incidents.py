"""Incidents: what went wrong, once per kind and fingerprint, kept in a file while the database is away."""

import fcntl
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, TypedDict

import structlog

from core.db import Database, plain
from core.errors import PayopsError, Unauthorised, Unavailable
from core.staff import roles
from core.staff.roles import Actor

Severity = Literal["info", "warning", "error", "critical"]
SPOOL_FILE = "incidents.spool"
SPOOL_MAX_BYTES = 5 * 1024 * 1024

log = structlog.get_logger(__name__)


class Row(TypedDict):
    """An incident as it is stored: times as text, `resolved_at` with
    `resolved_by` and `resolution` once it is closed.
    """

    id: int
    kind: str
    fingerprint: str
    title: str
    severity: Severity
    occurrences: int
    first_seen: str
    last_seen: str
    sample: dict[str, Any] | None
    request_id: str | None
    resolved_at: str | None
    resolved_by: str | None
    resolution: str | None


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
        """Record the incident, and with it what was spooled earlier; never raises for what the database answers."""
        try:
            self.db.call("record_incidents", incidents=[incident.as_record()])
        except PayopsError as error:  # away, or broken in any other way: the spool keeps it until it can be recorded
            log.warning("an incident was spooled", kind=incident.kind, title=incident.title, code=error.code)
            self._spool(incident.as_record())
        else:
            self.flush()

    def flush(self) -> int:
        """Move spooled incidents into the database; answers how many that were, 0 while it does not take them."""
        try:
            with (self.data_dir / SPOOL_FILE).open("r+") as spool:
                fcntl.flock(spool, fcntl.LOCK_EX)
                waiting = [json.loads(line) for line in spool if line.endswith("\n")]
                left = self._not_recorded(waiting)
                if len(left) < len(waiting):
                    spool.seek(0)
                    spool.writelines(json.dumps(record) + "\n" for record in left)
                    spool.truncate()
                return len(waiting) - len(left)
        except FileNotFoundError:
            return 0

    def _not_recorded(self, waiting: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """All at once; where the database finds one of them at fault, one by one, so that it holds up no other."""
        if not waiting:
            return []
        try:
            self.db.call("record_incidents", incidents=waiting)
            return []
        except (Unavailable, Unauthorised):
            return waiting
        except PayopsError:
            return [record for record in waiting if not self._recorded(record)] if len(waiting) > 1 else waiting

    def _recorded(self, record: dict[str, Any]) -> bool:
        try:
            self.db.call("record_incidents", incidents=[record])
        except PayopsError:
            return False
        return True

    def _spool(self, record: dict[str, Any]) -> None:
        try:
            self.data_dir.mkdir(parents=True, exist_ok=True)
            with (self.data_dir / SPOOL_FILE).open("a") as spool:
                fcntl.flock(spool, fcntl.LOCK_EX)
                if spool.tell() < SPOOL_MAX_BYTES:  # a database that stays away must not fill the disk
                    spool.write(json.dumps(record) + "\n")
        except OSError as error:  # a full disk: the log line is what is left
            log.error("an incident could not be spooled", **record | {"sample": None, "reason": error.strerror})


def newest(db: Database, *, open_only: bool = True, limit: int = 200) -> list[Row]:
    """The incidents last seen, newest first."""
    found: list[Row] = db.call("list_incidents", open_only=open_only, limit=limit)
    return found


def resolve(db: Database, actor: Actor, incident_id: int, resolution: str, now: datetime) -> None:
    """Close an open incident with what was done about it; raises `Unauthorised` for who may not replay events.

    If it happens again, a new incident is opened.
    """
    roles.require(actor, "events")
    db.call(
        "resolve_incident", actor=actor.name, actor_role=str(actor.role), id=incident_id, resolution=resolution, now=now
    )
