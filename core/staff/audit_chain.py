"""The audit log's hash chain, which the worker extends and keeps verifying."""

from dataclasses import dataclass
from datetime import datetime

import structlog

from core.db import Database

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Chained:
    """The result of one step: how many entries were added to the chain, and how many breaks were found in it."""

    entries: int
    breaks: int


def chain_audit_log(db: Database, now: datetime) -> Chained:
    """Add entries committed since the last call to the chain, and verify the next part; each break is an incident.

    `now` is wall time. The chain's last hash is also written to the process's log, so that rebuilding the whole chain
    in the database can be detected. Several processes may call this at once.
    """
    extended = db.call("extend_audit_chain", now=now)
    if extended["chained"]:
        log.info("audit log chained", length=extended["position"], head=extended["head"])
    verified = db.call("verify_audit_chain", now=now)
    return Chained(extended["chained"], verified["breaks"])
