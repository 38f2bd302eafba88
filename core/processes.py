"""The child processes of `payops serve`: started, watched, started again, and stopped together."""

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import structlog

CHECKOUT = Path(__file__).resolve().parents[1]
STOP_TIMEOUT_SECONDS = 10
RESTART_WAIT_SECONDS = 2.0

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
        """In a session of its own, so that the terminal's Ctrl-C reaches the parent alone; what it says is logged."""
        log_dir.mkdir(parents=True, exist_ok=True)
        with (log_dir / f"{self.name}.log").open("ab") as lines:
            self.process = subprocess.Popen(
                [sys.executable, *self.command],
                cwd=CHECKOUT,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=lines,
                stderr=lines,
                start_new_session=True,
            )


@dataclass
class Children:
    """All of them; `watch` starts again whichever has ended."""

    environment: Mapping[str, str]
    log_dir: Path
    children: list[Child] = field(default_factory=list)

    def start(self, name: str, *command: str) -> None:
        child = Child(name, command)
        child.start(self.environment, self.log_dir)
        self.children.append(child)

    def watch(self) -> None:
        """Called again and again: a child that ended is started anew, a little later each time."""
        for child in self.children:
            ended = child.process.poll() if child.process else None
            if ended is None:
                continue
            if not child.not_before:
                child.restarts += 1
                child.not_before = time.monotonic() + min(RESTART_WAIT_SECONDS * child.restarts, 30)
                log.warning("a process ended and is started again", process=child.name, exit=ended)
            if time.monotonic() >= child.not_before:
                child.not_before = 0.0
                child.start(self.environment, self.log_dir)

    def ended(self) -> list[str]:
        """The names of those that do not run."""
        return [child.name for child in self.children if child.process and child.process.poll() is not None]

    def stop(self) -> None:
        """Ask all to end, wait, and end those that do not."""
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
