"""Starts the demo: writes the history, runs the sandbox and connects its webhooks."""

import json
import urllib.request
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

from core.sandbox import process, seed
from core.sandbox.engine.engine import database_path
from core.sandbox.traffic import bank_statement as bank_statement_file
from core.sandbox.traffic import demo_clinic, history, intake
from core.sandbox.traffic.intake import Asked

Json = dict[str, Any]


def write_history(data_dir: Path) -> bool:
    """Write 18 months of history into an empty sandbox; false if it already has one."""
    try:
        seed.seed_sandbox(data_dir)
    except seed.AlreadySeeded:
        return False
    return True


def objects(data_dir: Path, object_type: str) -> Iterable[Json]:
    """Every object of a type, read directly from the sandbox's database."""
    return history.iter_objects(data_dir, object_type)


def events(data_dir: Path, types: Sequence[str]) -> Iterable[Json]:
    """Every event of these types, also those that the API no longer lists."""
    return history.iter_events(data_dir, types)


def payout_contents(data_dir: Path) -> Iterable[tuple[str, list[str]]]:
    """Each reconciled payout with the balance transactions it contains."""
    return history.iter_payout_contents(data_dir)


def directory_file(today: date) -> str:
    """The clinic's providers, as the CSV that the directory imports."""
    return demo_clinic.directory_file(today)


def consultations(data_dir: Path, *, days: int, now: datetime) -> list[Asked]:
    """The consultations of the last `days`, oldest first, and how they ended."""
    return intake.of_history(data_dir, days=days, now=now)


def bank_statement(data_dir: Path, since: date, until: date) -> bytes | None:
    """The bank's statement of these days, with the deposits of the sandbox's payouts; None before there are any."""
    if not database_path(data_dir).exists():
        return None
    payouts = list(history.iter_objects(data_dir, "payout"))
    return bank_statement_file.statement(payouts, since=since, until=until) if payouts else None


def open_for_business(
    data_dir: Path, api_url: str, *, intake_secret: str, speed: float = 1.0, opening: bool = False
) -> str:
    """Run the sandbox with live customers, its events and their intake forms sent to `api_url`; answers its address.

    They come in the business's own rhythm times `speed`; with `opening`, closer together in the first minutes.
    """
    address = process.ensure_running(data_dir, traffic=True)
    _post(f"{address.base_url}/sandbox/webhooks", {"url": f"{api_url}/api/webhooks/stripe"})
    _post(f"{address.base_url}/sandbox/intake-form", {"url": api_url, "secret": intake_secret})
    _post(f"{address.base_url}/sandbox/traffic", {"running": True, "speed": speed, "opening": opening})
    return address.base_url


def is_running(data_dir: Path) -> bool:
    """Whether the sandbox has a process."""
    return process.is_running(data_dir)


def close(data_dir: Path) -> None:
    process.stop(data_dir)


def _post(url: str, body: Json) -> None:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=10):
        pass
