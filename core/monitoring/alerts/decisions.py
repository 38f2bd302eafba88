"""What an evaluation changes: which alerts start to fire, continue, are resolved, or need a reminder."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any, TypedDict

from core.monitoring.alerts.rule import Rule


@dataclass(frozen=True)
class Observation:
    """The value of a rule's measure at one moment for one subject."""

    rule: str
    at: datetime
    key: str
    value: float | None
    observations: int
    fires: bool
    clears: bool
    facts: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_row(cls, rule: str, row: Mapping[str, Any]) -> "Observation":
        return cls(
            rule,
            datetime.fromisoformat(row["at"]),
            row["key"],
            row["value"],
            row["observations"],
            bool(row["fires"]),
            bool(row["clears"]),
            row["facts"] or {},
        )


class Firing(TypedDict):
    """An alert that fires, as it is stored."""

    id: int
    rule: str
    key: str
    severity: str
    sentence: str
    value: float | None
    observations: int | None
    firing_since: str
    last_fired_at: str
    resolved_at: str | None
    last_told_at: str | None
    told_of: bool
    acknowledged_at: str | None
    acknowledged_by: str | None
    silenced_until: str | None
    silenced_by: str | None
    silence_reason: str | None


@dataclass(frozen=True)
class Decision:
    """`still` and `fired` come with what was observed; staff were notified that those in `told_resolved` fired."""

    fired: list[Observation]
    still: list[tuple[Firing, Observation]]
    resolved: list[Firing]
    remind: list[Firing]

    @property
    def told_resolved(self) -> list[Firing]:
        return [each for each in self.resolved if each["told_of"]]


def decide(
    firing: Sequence[Firing], observed: Iterable[Observation], rules: Mapping[str, Rule], now: datetime
) -> Decision:
    """An alert fires until its measure clears or has no value any more, or its rule is switched off."""
    seen = {(each.rule, each.key): each for each in observed}
    still, resolved = [], []
    for alert in firing:
        found = seen.pop((alert["rule"], alert["key"]), None)
        if found is None or (found.clears and not found.fires):
            resolved.append(alert)
        else:
            still.append((alert, found))
    remind = [alert for alert, _ in still if _reminder_is_due(alert, rules[alert["rule"]], now)]
    return Decision([each for each in seen.values() if each.fires], still, resolved, remind)


def silenced(alert: Firing, now: datetime) -> bool:
    return alert["silenced_until"] is not None and datetime.fromisoformat(alert["silenced_until"]) > now


def _reminder_is_due(alert: Firing, rule: Rule, now: datetime) -> bool:
    if alert["acknowledged_at"] is not None or silenced(alert, now) or alert["last_told_at"] is None:
        return False
    return datetime.fromisoformat(alert["last_told_at"]) + rule.remind_after <= now


@dataclass(frozen=True)
class Episode:
    """One time that a rule would have fired, from the first observation to the one that cleared it."""

    first: Observation
    until: datetime | None
    worst: Observation

    @property
    def key(self) -> str:
        return self.first.key


def episodes(observed: Sequence[Observation], moments: Sequence[datetime], *, below: bool) -> list[Episode]:
    """What one rule would have sent at these moments, by the same decisions as in live operation; oldest first."""
    by_moment = {at: list(each) for at, each in groupby(observed, key=lambda one: one.at)}
    open_now: dict[str, Episode] = {}
    found: list[Episode] = []
    for at in moments:
        seen = {each.key: each for each in by_moment.get(at, [])}
        for key in list(open_now):
            now = seen.pop(key, None)
            if now is None or (now.clears and not now.fires):
                found.append(Episode(open_now[key].first, at, open_now.pop(key).worst))
            elif _worse(now, open_now[key].worst, below=below):
                open_now[key] = Episode(open_now[key].first, None, now)
        open_now |= {key: Episode(each, None, each) for key, each in seen.items() if each.fires}
    return sorted([*found, *open_now.values()], key=lambda one: one.first.at)


def _worse(one: Observation, other: Observation, *, below: bool) -> bool:
    if one.value is None or other.value is None:
        return False
    return one.value < other.value if below else one.value > other.value
