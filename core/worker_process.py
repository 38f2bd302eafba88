"""`python -m core.worker_process`: the background work as a process, until a signal stops it."""

import signal
import threading

from core import logs, services, telemetry, worker
from core.db.time_limits import WORKER
from core.settings import load_settings


def main() -> None:
    """Run the worker; SIGINT and SIGTERM end it after the current step."""
    settings = load_settings()
    logs.configure(settings)
    telemetry.configure(settings, "worker")
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    running = services.start(settings, WORKER)
    worker.run(running, stop)
    running.close()


if __name__ == "__main__":
    main()
