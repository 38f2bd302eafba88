"""The audit log's chain of hashes: extended in the background and verified again and again."""

from dataclasses import dataclass
from datetime import datetime

import structlog

from core.db import Database

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Chained:
    """What one step did: how many entries were chained, and how many breaks verifying older ones found."""

    entries: int
    breaks: int


def chain_audit_log(db: Database, now: datetime) -> Chained:
    """Chain what was committed since the last time and verify the next part; each break is an incident.

    `now` is wall time. The chain's last hash is also written to the process's log, so that somebody who rebuilt the
    whole chain in the database would be found out. Safe to run from several processes at once.
    """
    extended = db.call("extend_audit_chain", now=now)
    if extended["chained"]:
        log.info("audit log chained", length=extended["position"], head=extended["head"])
    verified = db.call("verify_audit_chain", now=now)
    return Chained(extended["chained"], verified["breaks"])
