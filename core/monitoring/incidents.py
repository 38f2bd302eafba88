"""Incidents: what went wrong, once per kind and cause; those that happen while the database is away are spooled."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, TypedDict

import structlog

from core.db import Database, plain
from core.errors import PayopsError, Unauthorised, Unavailable
from core.monitoring.spool import Record, Spool
from core.staff import roles
from core.staff.roles import Actor

Severity = Literal["info", "warning", "error", "critical"]
Show = Literal["open", "to act on", "resolved", "all"]

log = structlog.get_logger(__name__)


class Row(TypedDict):
    """An incident as it is stored: times as text. `resolution` is what was done the last time, also once it is open
    again. `by_hour` and `by_day` count its occurrences, the oldest first.
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
    owner: str | None
    taken_at: str | None
    silenced: bool
    silenced_until: str | None
    silenced_by: str | None
    silence_reason: str | None
    reopened_at: str | None
    reopenings: int
    by_hour: list[int]
    by_day: list[int]


class Sample(TypedDict):
    """What one or several occurrences were about."""

    seen_at: str
    sample: dict[str, Any]
    request_id: str | None
    occurrences: int


class Deed(TypedDict):
    """One step that staff took about an incident, from the audit log."""

    at: str
    actor: str
    action: str
    reason: str | None
    until: str | None


class Detail(Row):
    """An incident with its newest samples and what staff did about it; its trends go back 3 and 30 days."""

    samples: list[Sample]
    history: list[Deed]


@dataclass(frozen=True)
class Incident:
    """Something that went wrong at `seen_at`. Occurrences with the same `kind` and `fingerprint` are counted together.

    `sample` helps to find the cause; it contains no payload, no secret and nothing that identifies a patient.
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
    """Records incidents in the database, or in a spool file in `data_dir` while the database is unavailable."""

    db: Database
    data_dir: Path

    def report(self, incident: Incident) -> None:
        """Record the incident and any spooled ones; an error of the database never raises."""
        try:
            self.db.call("record_incidents", incidents=[incident.as_record()])
        except PayopsError as error:  # whatever the error, the spool keeps the incident until it can be recorded
            log.warning("incident spooled", kind=incident.kind, title=incident.title, code=error.code)
            self.spool(incident)
        else:
            self.flush()

    def spool(self, incident: Incident) -> None:
        """Keep the incident until the database takes it. A spool that cannot be written is an incident of its own."""
        spool = Spool(self.data_dir)
        if reason := spool.keep_record(incident.as_record()):
            log.error("an incident could not be written to the spool", kind=incident.kind, reason=reason)
            spool.keep_record(_spool_failed(reason, incident.seen_at).as_record())

    def flush(self) -> int:
        """Move spooled incidents into the database; returns how many, 0 while it cannot record them."""
        return Spool(self.data_dir).flush(self._not_recorded)

    def _not_recorded(self, waiting: list[Record]) -> list[Record]:
        """Those that could not be recorded. If the database refuses one, each is tried alone and blocks no other."""
        try:
            self.db.call("record_incidents", incidents=waiting)
            return []
        except (Unavailable, Unauthorised):
            return waiting
        except PayopsError:
            return [record for record in waiting if not self._recorded(record)] if len(waiting) > 1 else waiting

    def _recorded(self, record: Record) -> bool:
        try:
            self.db.call("record_incidents", incidents=[record])
        except PayopsError:
            return False
        return True


def database_outage(error: Unavailable, seen_at: datetime) -> Incident:
    """The incident that a process spools when the database does not answer, or refuses every call."""
    kind = "database_unavailable" if error.code == "database_unavailable" else "database_refuses"
    (what, *_) = error.detail.split(". ")
    return Incident(kind, error.code, what.rstrip(".") + ".", seen_at, sample={"code": error.code})


def _spool_failed(reason: str, seen_at: datetime) -> Incident:
    return Incident(
        "spool_failed",
        reason,
        "Incidents could not be written to DATA_DIR while the database was away.",
        seen_at,
        "critical",
        {"reason": reason},
    )


def newest(
    db: Database, *, open_only: bool = True, show: Show | None = None, limit: int = 200, now: datetime | None = None
) -> list[Row]:
    """The incidents last seen, newest first, `limit` of them (100,000 at most).

    Their trends end at `now`, without it at the database's time.
    """
    ends = {"now": now} if now else {}
    found: list[Row] = db.call(
        "list_incidents", open_only=open_only, limit=limit, show=show or ("open" if open_only else "all"), **ends
    )
    return found


def one(db: Database, incident_id: int, now: datetime) -> Detail:
    """The incident with this id; raises `Refused` (`unknown_incident`) if it does not exist."""
    found: Detail = db.call("one_incident", id=incident_id, now=now)
    return found


def take(db: Database, actor: Actor, incident_id: int, now: datetime, *, release: bool = False) -> None:
    """`actor` owns the incident from now on, or with `release` nobody; the rights are those of `resolve`."""
    roles.require(actor, "events")
    db.call("take_incident", actor=actor.name, actor_role=str(actor.role), id=incident_id, now=now, release=release)


def resolve(db: Database, actor: Actor, incident_id: int, resolution: str, now: datetime) -> None:
    """Close an open incident with what was done about it; raises `Unauthorised` unless the actor may replay events.

    If it happens again, it opens again.
    """
    roles.require(actor, "events")
    db.call(
        "resolve_incident", actor=actor.name, actor_role=str(actor.role), id=incident_id, resolution=resolution, now=now
    )


def silence(db: Database, actor: Actor, incident_id: int, until: datetime | None, reason: str, now: datetime) -> None:
    """Send no alert about the incident until then; None ends a silence. Refused without a reason or beyond 30 days."""
    roles.require(actor, "events")
    db.call(
        "silence_incident",
        actor=actor.name,
        actor_role=str(actor.role),
        id=incident_id,
        until=until,
        reason=reason,
        now=now,
    )


def settle(db: Database, quiet_seconds: Mapping[str, float], now: datetime) -> int:
    """Resolve incidents that stopped by themselves, by their kinds' quiet times; report late webhooks first."""
    db.call("report_late_webhooks", now=now)
    settled: int = db.call("settle_incidents", quiet_seconds=dict(quiet_seconds), now=now)
    return settled
