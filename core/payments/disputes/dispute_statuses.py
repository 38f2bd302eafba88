"""The statuses of a dispute in words, whether they need a response, are with the bank or closed, and the time left."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

STATUSES = {
    "needs_response": "Needs a response",
    "warning_needs_response": "Inquiry, needs a response",
    "appeal_needs_response": "Appeal, needs a response",
    "under_review": "With the bank",
    "warning_under_review": "Inquiry with the bank",
    "appeal_under_review": "Appeal with the bank",
    "won": "Won",
    "lost": "Lost",
    "warning_closed": "Inquiry closed",
    "prevented": "Prevented",
}
TO_ANSWER = ("needs_response", "warning_needs_response", "appeal_needs_response")
WITH_BANK = ("under_review", "warning_under_review", "appeal_under_review")
CLOSED = ("won", "lost", "warning_closed", "prevented")
APPEALED = ("appeal_needs_response", "appeal_under_review")


class Shown(StrEnum):
    """The parts of the list; the values are used in the query string."""

    TO_ANSWER = "to answer"
    WITH_BANK = "with the bank"
    CLOSED = "closed"
    OPENED = "opened"
    DECIDED = "won or lost"
    WARNINGS = "fraud warnings"


STATUSES_OF = {
    Shown.TO_ANSWER: TO_ANSWER,
    Shown.WITH_BANK: WITH_BANK,
    Shown.CLOSED: CLOSED,
    Shown.OPENED: tuple(STATUSES),
    Shown.DECIDED: ("won", "lost"),
}
# The parts that list what a figure counts: the disputes of a period, in one currency.
OF_A_PERIOD = frozenset({Shown.CLOSED, Shown.OPENED, Shown.DECIDED})


def in_words(status: str) -> str:
    """A status as tables, details and exports show it; an unknown one as Stripe writes it."""
    return STATUSES.get(status) or status.replace("_", " ").capitalize()


def is_inquiry(status: str) -> bool:
    return status.startswith("warning_")


def is_past_due(dispute: Mapping[str, Any], now: datetime) -> bool:
    return bool(dispute["evidence_due_by"]) and datetime.fromisoformat(dispute["evidence_due_by"]) <= now


def is_answerable(dispute: Mapping[str, Any], now: datetime) -> bool:
    """Whether somebody can still answer it: it needs a response, is in time, and no answer is on its way."""
    return dispute["status"] in TO_ANSWER and not is_past_due(dispute, now) and not dispute["in_flight"]


def time_left(dispute: Mapping[str, Any], now: datetime) -> str:
    """`3 days`, `5 hours`, `overdue`; empty where there is no deadline or no response is needed."""
    if dispute["status"] not in TO_ANSWER or not dispute["evidence_due_by"]:
        return ""
    if is_past_due(dispute, now):
        return "overdue"
    hours = int((datetime.fromisoformat(dispute["evidence_due_by"]) - now).total_seconds() // 3600)
    count, unit = (hours // 24, "day") if hours >= 48 else (hours, "hour")
    return f"{count} {unit}{'' if count == 1 else 's'}"
