"""What one line of the checklist found."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    NOT_CHECKED = "could not be checked"


@dataclass(frozen=True)
class Finding:
    """One line: what was looked at, how it is, and if it did not pass, how to mend it."""

    name: str
    state: State
    detail: str
    mend: str | None = None


@dataclass(frozen=True)
class Verdict:
    """A finding before it has its line's name."""

    state: State
    detail: str
    mend: str | None = None


def passed(detail: str) -> Verdict:
    return Verdict(State.PASSED, detail)


def failed(detail: str, mend: str) -> Verdict:
    return Verdict(State.FAILED, detail, mend)


def not_checked(detail: str, mend: str) -> Verdict:
    return Verdict(State.NOT_CHECKED, detail, mend)
