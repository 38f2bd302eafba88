"""A defect of ours that a request met becomes an incident, and nothing else of the answer depends on that."""

import asyncio

import structlog

from core.errors import PayopsError
from core.monitoring.incidents import Incident, IncidentLog
from core.services import Services

log = structlog.get_logger(__name__)


async def report(services: Services, incident: Incident) -> None:
    """Record the incident; one that cannot be recorded is logged."""
    try:
        await asyncio.to_thread(IncidentLog(services.db, services.settings.data_dir).report, incident)
    except PayopsError:
        log.exception("an incident could not be recorded", kind=incident.kind, about=incident.fingerprint)
