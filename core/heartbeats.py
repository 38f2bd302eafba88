"""Signs of life of this process: one that falls silent becomes an incident."""

import threading

import structlog

from core.errors import PayopsError
from core.jobs import this_worker
from core.monitoring.incidents import IncidentLog
from core.services import Services

EVERY_SECONDS = 10.0
STOP_SECONDS = 2.0

log = structlog.get_logger(__name__)


class Heartbeat:
    """Beats from `start` to `close`, after which the process counts as stopped and not as ended."""

    def __init__(self, running: Services, kind: str) -> None:
        self._running = running
        self._kind = kind
        self._process = this_worker()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._repeat, name="heartbeat", daemon=True)

    def start(self) -> "Heartbeat":
        self._thread.start()
        return self

    def close(self) -> None:
        self._stop.set()
        self._thread.join(STOP_SECONDS)
        try:
            self._running.db.call("process_stopped", process=self._process)
        except PayopsError as error:
            log.warning("the database could not be told that this process stops", code=error.code)

    def _repeat(self) -> None:
        incidents = IncidentLog(self._running.db, self._running.settings.data_dir)
        while not self._stop.is_set():
            try:
                self._running.db.call(
                    "heartbeat",
                    process=self._process,
                    kind=self._kind,
                    pool=self._running.pool_stats(),
                    now=self._running.clock(),
                )
                incidents.flush()
            except PayopsError as error:
                log.warning("a heartbeat was not recorded", code=error.code)
            self._stop.wait(EVERY_SECONDS)
