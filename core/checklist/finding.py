"""The result of one line of the checklist."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    NOT_CHECKED = "could not be checked"


@dataclass(frozen=True)
class Finding:
    """The result of a line: its name, its state, what was found and, if it did not pass, how to fix that (`mend`)."""

    name: str
    state: State
    detail: str
    mend: str | None = None


@dataclass(frozen=True)
class Verdict:
    """A finding without the name of its line."""

    state: State
    detail: str
    mend: str | None = None


def passed(detail: str) -> Verdict:
    return Verdict(State.PASSED, detail)


def failed(detail: str, mend: str) -> Verdict:
    return Verdict(State.FAILED, detail, mend)


def not_checked(detail: str, mend: str) -> Verdict:
    return Verdict(State.NOT_CHECKED, detail, mend)
