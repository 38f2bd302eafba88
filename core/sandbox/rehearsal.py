"""A sandbox ready to be worked with: its history written, its server running, its events sent to us."""

import json
import urllib.request
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from core.sandbox import history, process, seed

Json = dict[str, Any]


def write_history(data_dir: Path) -> bool:
    """Write 18 months up to now into an empty sandbox; false where it has a history already."""
    try:
        seed.seed_sandbox(data_dir)
    except seed.AlreadySeeded:
        return False
    return True


def objects(data_dir: Path, object_type: str) -> Iterable[Json]:
    """Every object of a type, straight from the sandbox's file."""
    return history.iter_objects(data_dir, object_type)


def events(data_dir: Path, types: Sequence[str]) -> Iterable[Json]:
    """Every event of these types, also those that the API lists no more."""
    return history.iter_events(data_dir, types)


def open_for_business(data_dir: Path, webhook_url: str) -> str:
    """Run the sandbox with live customers, its events sent to `webhook_url`; answers its address."""
    address = process.ensure_running(data_dir, traffic=True)
    _post(f"{address.base_url}/sandbox/webhooks", {"url": webhook_url})
    _post(f"{address.base_url}/sandbox/traffic", {"running": True})
    return address.base_url


def close(data_dir: Path) -> None:
    process.stop(data_dir)


def _post(url: str, body: Json) -> None:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=10):
        pass
