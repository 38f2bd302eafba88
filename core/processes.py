"""Child processes of `payops serve`, which are watched and restarted, and the record of who serves a DATA_DIR."""

import fcntl
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import psutil
import structlog

from core.errors import PayopsError, Refused

PRIVATE = 0o077  # the umask of every process: only the owner may read its files
STOP_TIMEOUT_SECONDS = 10
RESTART_WAIT_SECONDS = 2.0
CHECK_SECONDS = 1.0
RECORD, LOCK = "serve.json", "serve.lock"
LOADING = "history-is-loading"

log = structlog.get_logger(__name__)


@dataclass
class Child:
    """A process that should always run."""

    name: str
    command: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    restarts: int = 0
    not_before: float = 0.0

    def start(self, environment: Mapping[str, str], log_dir: Path) -> None:
        """Start in its own session, so that the terminal's Ctrl-C reaches only the parent. Its output goes to a log.

        It runs in the parent's folder, so that both read the same `.env`, but imports no modules from there.
        """
        log_dir.mkdir(parents=True, exist_ok=True)
        with (log_dir / f"{self.name}.log").open("ab") as lines:
            self.process = subprocess.Popen(
                [sys.executable, "-P", *self.command],
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=lines,
                stderr=lines,
                start_new_session=True,
                umask=PRIVATE,
            )


@dataclass
class Children:
    """All child processes. `watch` restarts whichever has ended; `changed` is called whenever one was started."""

    environment: Mapping[str, str]
    log_dir: Path
    changed: Callable[["Children"], None] = lambda children: None
    children: list[Child] = field(default_factory=list)

    def start(self, name: str, *command: str) -> None:
        child = Child(name, command)
        child.start(self.environment, self.log_dir)
        self.children.append(child)
        self.changed(self)

    def watch(self) -> None:
        """Call this again and again: a child that ended is restarted, at once and then a little later each time."""
        for child in self.children:
            ended = child.process.poll() if child.process else None
            if ended is None:
                continue
            if not child.not_before:
                child.restarts += 1
                child.not_before = time.monotonic() + min(RESTART_WAIT_SECONDS * (child.restarts - 1), 30)
                log.warning("a process ended and is restarted", process=child.name, exit=ended)
            if time.monotonic() >= child.not_before:
                child.not_before = 0.0
                child.start(self.environment, self.log_dir)
                self.changed(self)

    def pids(self) -> dict[str, int]:
        """The process id of each child by its name."""
        return {child.name: child.process.pid for child in self.children if child.process}

    def ended(self) -> list[str]:
        """The names of the children that do not run."""
        return [child.name for child in self.children if child.process and child.process.poll() is not None]

    def stop(self) -> None:
        """Ask all to end, wait, and kill those that do not."""
        running = [child.process for child in self.children if child.process and child.process.poll() is None]
        for process in running:
            process.terminate()
        deadline = time.monotonic() + STOP_TIMEOUT_SECONDS
        for process in running:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def keep_running(name: str, runs: Callable[[], bool], start: Callable[[], object], stop: threading.Event) -> None:
    """In a thread, restart a part that is not a child process, such as Postgres, whenever it does not run."""

    def watch() -> None:
        while not stop.wait(CHECK_SECONDS):
            try:
                if not runs() and not stop.is_set():
                    log.warning("a part ended and is restarted", part=name)
                    start()
            except (PayopsError, OSError, RuntimeError, TimeoutError) as error:
                log.warning("a part could not be restarted yet", part=name, error=str(error))

    threading.Thread(target=watch, name=f"watch {name}", daemon=True).start()


@contextmanager
def loading_history(data_dir: Path) -> Iterator[None]:
    """Within the block the console says that the demo's history is still being loaded."""
    (data_dir / LOADING).touch()
    try:
        yield
    finally:
        (data_dir / LOADING).unlink(missing_ok=True)


def history_is_loading(data_dir: Path) -> bool:
    return (data_dir / LOADING).exists()


@dataclass(frozen=True)
class ServeRecord:
    """A file in DATA_DIR that says who serves it: parent and children with their start times, and the addresses."""

    file: TextIO
    console: str
    api: str

    def write(self, children: Mapping[str, int]) -> None:
        """Write this process and its children to `serve.json`, so that a later start can end what a killed one left."""
        pids = {"serve": os.getpid()} | dict(children)
        processes = {name: {"pid": pid, "started": _started(pid)} for name, pid in pids.items()}
        self.file.seek(0)
        self.file.write(json.dumps({"console": self.console, "api": self.api, "processes": processes}))
        self.file.truncate()
        self.file.flush()


@contextmanager
def only_server(data_dir: Path, *, console: str, api: str) -> Iterator[ServeRecord]:
    """Makes sure that only this process serves `data_dir`, and first ends children that a killed parent left behind.

    Raises `Refused` with the other process's addresses and id if another one serves it already.
    """
    (data_dir / RECORD).touch()
    with (data_dir / LOCK).open("a") as lock, (data_dir / RECORD).open("r+") as file:
        earlier = _parsed(file.read())
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused("already_served", _already_served(data_dir, earlier)) from None
        _end_leftovers(earlier)
        record = ServeRecord(file, console, api)
        record.write({})
        try:
            yield record
        finally:
            file.truncate(0)


def is_served(data_dir: Path) -> bool:
    """Whether a `payops serve` is running for this folder."""
    if not (data_dir / LOCK).exists():
        return False
    with (data_dir / LOCK).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _already_served(data_dir: Path, earlier: Mapping[str, Any]) -> str:
    pid = earlier.get("processes", {}).get("serve", {}).get("pid", "unknown")
    return (
        f"payops already serves {data_dir}: console {earlier.get('console', 'unknown')}, API "
        f"{earlier.get('api', 'unknown')}, "
        f"process {pid}. Stop it first, or set another DATA_DIR."
    )


def _parsed(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _end_leftovers(earlier: Mapping[str, Any]) -> None:
    """End the children of a parent that was killed; a process id that now belongs to another program is left alone."""
    left = []
    for name, noted in earlier.get("processes", {}).items():
        try:
            process = psutil.Process(noted["pid"])
            if abs(process.create_time() - noted["started"]) < 1:
                log.warning(
                    "a process that an earlier payops serve left behind is ended", process=name, pid=process.pid
                )
                process.terminate()
                left.append(process)
        except (psutil.Error, KeyError, TypeError):
            continue
    _, stubborn = psutil.wait_procs(left, timeout=STOP_TIMEOUT_SECONDS)
    for process in stubborn:
        process.kill()
    psutil.wait_procs(stubborn, timeout=STOP_TIMEOUT_SECONDS)


def _started(pid: int) -> float:
    try:
        return psutil.Process(pid).create_time()
    except psutil.Error:
        return 0.0


def runs(pid: int) -> bool:
    """Whether the process runs; a zombie, which has ended but is not reaped yet, does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
