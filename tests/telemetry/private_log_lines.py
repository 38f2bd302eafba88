"""Looks for what no log line may hold in what the whole run logs; its patterns are not those of the redaction."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from core import logs

PATTERNS = {
    "a Stripe key": re.compile(r"\b[srp]k_(?:live|test)_[0-9A-Za-z]{6,}"),
    "a webhook secret": re.compile(r"whsec_[0-9A-Za-z+/]{6,}"),
    "a client secret": re.compile(r"\b(?:pi|seti|cs|sub)_[0-9A-Za-z]+_secret_[0-9A-Za-z]+"),
    "a webhook signature": re.compile(r"\bv1[=,][0-9A-Za-z+/]{40,}"),
    "a token": re.compile(r"\beyJ[0-9A-Za-z_-]{8,}\.[0-9A-Za-z_-]{8,}"),
    "a bearer token": re.compile(r"(?i)\bbearer [0-9a-z._~+/-]{8,}"),
    "an e-mail address": re.compile(r"[0-9A-Za-z._%+-]+@[0-9A-Za-z-]+\.[A-Za-z]{2,}"),
    "a login in an address": re.compile(r"://[^\s/:@]+:[^\s/@\[]+@"),
}
DIGITS = re.compile(r"(?<![\w.-])(?:\d[ -]?){13,19}(?![\w-])")
CARD_STARTS = ("4", "51", "52", "53", "54", "55", "34", "37", "6011", "35")


def private_in(text: str) -> list[str]:
    """The kinds of private text in a line."""
    found = [kind for kind, pattern in PATTERNS.items() if pattern.search(text)]
    numbers = (re.sub(r"[ -]", "", each.group()) for each in DIGITS.finditer(text))
    return found + ["a card number" for each in numbers if each.startswith(CARD_STARTS) and _luhn(each)]


def _luhn(digits: str) -> bool:
    doubled = (int(each) * (1 + place % 2) for place, each in enumerate(reversed(digits)))
    return sum(each // 10 + each % 10 for each in doubled) % 10 == 0


class Collector:
    """Keeps a note of each line with something private in it: who logged it and what kind, never the line."""

    def __init__(self) -> None:
        self.lines = 0
        self.found: set[str] = set()
        self._formatter = logs.formatter("json")

    def take(self, record: logging.LogRecord) -> None:
        """Look at a record as it would be written."""
        self.lines += 1
        # The formatter changes a record that is a dictionary; other handlers get it too.
        copied = logging.makeLogRecord(record.__dict__ | {"msg": _copied(record.msg)})
        self.look_at(self._formatter.format(copied), f"{record.name} ({record.filename}:{record.lineno})")

    def look_at(self, text: str, source: str) -> None:
        self.found |= {f"{kind}, logged by {source}" for kind in private_in(text)}

    def look_at_file(self, path: Path) -> None:
        """Look at a process's log file."""
        if path.exists():
            self.look_at(path.read_text(errors="replace"), path.name)


def _copied(message: object) -> object:
    return dict(message) if isinstance(message, dict) else message


@contextmanager
def collecting() -> Iterator[Collector]:
    """All that is logged in this block, whatever handlers and levels anybody sets meanwhile."""
    collector = Collector()
    handed_on = logging.Logger.callHandlers

    def looking(self: logging.Logger, record: logging.LogRecord) -> None:
        collector.take(record)
        handed_on(self, record)

    with pytest.MonkeyPatch.context() as all_loggers:
        all_loggers.setattr(logging.Logger, "callHandlers", looking)
        yield collector
