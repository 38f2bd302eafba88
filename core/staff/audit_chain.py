"""The audit log's chain of hashes: built behind the work, and looked at again all the time."""

from dataclasses import dataclass
from datetime import datetime

import structlog

from core.db import Database

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Chained:
    """What one step did: entries that came into the chain, and breaks found among those looked at again."""

    entries: int
    breaks: int


def chain_audit_log(db: Database, now: datetime) -> Chained:
    """Chain what was committed since the last time and verify the next part; each break is an incident.

    `now` is wall time. The chain's end goes to the log of the process as well, out of reach of whoever could
    remake the whole chain in the database. Safe to run from several processes at once.
    """
    extended = db.call("extend_audit_chain", now=now)
    if extended["chained"]:
        log.info("audit log chained", length=extended["position"], head=extended["head"])
    verified = db.call("verify_audit_chain", now=now)
    return Chained(extended["chained"], verified["breaks"])
