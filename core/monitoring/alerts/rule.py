"""What an alert rule is."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

Severity = Literal["warning", "error", "critical"]
Unit = Literal["share", "points", "ms", "count", "minutes", "hours", "days", "factor"]
NO_WINDOW = 1  # the window of rules that look at one moment


@dataclass(frozen=True)
class Rule:
    """One rule: `definition` says when it fires and when it is resolved.

    `threshold` is in `unit`, what is measured in `value_unit`; `window_minutes` and `minimum` are 1 where the rule has
    none. `remind_after` repeats the message until somebody acknowledges it. `page` is where to act.
    """

    name: str
    title: str
    definition: str
    severity: Severity
    page: str
    unit: Unit
    threshold: float
    value_unit: Unit
    window_minutes: int = NO_WINDOW
    minimum: int = 1
    subject: str = ""
    remind_after: timedelta = timedelta(hours=4)
    enabled: bool = True
    changed_by: str | None = None
    changed_at: str | None = None

    @property
    def has_window(self) -> bool:
        return self.window_minutes > NO_WINDOW

    def as_measure(self) -> dict[str, Any]:
        """The rule as the SQL that measures it needs it."""
        return {
            "name": self.name,
            "threshold": self.threshold,
            "window_minutes": self.window_minutes,
            "minimum": self.minimum,
        }
