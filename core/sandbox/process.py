"""The sandbox as a process: find it, start it, stop it."""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from core.sandbox.locks import only_one
from core.sandbox.secrets import sandbox_secrets

START_SECONDS = 30.0
STOP_SECONDS = 10.0


@dataclass(frozen=True)
class SandboxAddress:
    """The sandbox's address, its API keys and its webhook secret."""

    base_url: str
    secret_key: str
    publishable_key: str
    webhook_secret: str


def ensure_running(data_dir: Path, *, traffic: bool = False) -> SandboxAddress:
    """The sandbox of `data_dir`, started as a detached process if none answers; raises `TimeoutError`.

    `traffic` counts only where this call starts it.
    """
    running = _running(data_dir)
    if running is not None:
        return _address(data_dir, running["base_url"])
    with only_one(data_dir / "sandbox" / "start.lock"):
        running = _running(data_dir)
        if running is None:
            running = _started(data_dir, traffic)
    return _address(data_dir, running["base_url"])


def is_running(data_dir: Path) -> bool:
    """Whether the noted sandbox has a process; a busy one that does not answer at once still counts."""
    noted = noted_address(data_dir)
    return noted is not None and _alive(int(noted["pid"]))


def stop(data_dir: Path) -> None:
    """Stop the sandbox of `data_dir`, if it runs."""
    running = _running(data_dir)
    if running is None:
        return
    pid = int(running["pid"])
    _signal(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while _alive(pid):
        if time.monotonic() > deadline:
            _signal(pid, signal.SIGKILL)
            return
        time.sleep(0.02)


def note_address(data_dir: Path, base_url: str) -> None:
    """Write down the address; called by the server once it answers."""
    beside = data_dir / f"sandbox-address.json.{os.getpid()}"
    beside.write_text(json.dumps({"base_url": base_url, "pid": os.getpid()}))
    os.replace(beside, data_dir / "sandbox-address.json")


def noted_address(data_dir: Path) -> dict[str, Any] | None:
    """The address of the last sandbox of this folder, whether it still runs or not."""
    try:
        noted: dict[str, Any] = json.loads((data_dir / "sandbox-address.json").read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    return noted


def _running(data_dir: Path) -> dict[str, Any] | None:
    """The noted address, if a sandbox of this folder answers there."""
    noted = noted_address(data_dir)
    if noted is None:
        return None
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{noted['base_url']}/sandbox/health", timeout=5) as answer:
            health = json.load(answer)
    except (OSError, ValueError, http.client.HTTPException):  # the last: killed in the middle of its answer
        return None
    return noted if health.get("data_dir") == str(data_dir.resolve()) else None


def _started(data_dir: Path, traffic: bool) -> dict[str, Any]:
    command = [sys.executable, "-m", "core.sandbox", "--data-dir", str(data_dir)]
    with (data_dir / "sandbox" / "sandbox.log").open("ab") as log:
        child = subprocess.Popen(
            command if traffic else [*command, "--no-traffic"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            umask=0o077,
        )
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        noted = noted_address(data_dir)
        if noted is not None and noted["pid"] == child.pid and (running := _running(data_dir)):
            return running
        if child.poll() is not None:
            raise RuntimeError(f"The sandbox stopped during start; see {data_dir / 'sandbox' / 'sandbox.log'}")
        time.sleep(0.02)
    raise TimeoutError(f"The sandbox did not answer within {START_SECONDS:.0f} s")


def _address(data_dir: Path, base_url: str) -> SandboxAddress:
    kept = sandbox_secrets(data_dir)
    return SandboxAddress(base_url, kept.secret_key, kept.publishable_key, kept.webhook_secret)


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _alive(pid: int) -> bool:
    """Whether the process runs. A child of ours that ended is collected, so that it does not count."""
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
