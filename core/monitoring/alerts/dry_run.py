"""What a rule would have sent over past days, by the same measure and decisions as in live operation."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.db import Database
from core.monitoring.alerts.decisions import Episode, Observation, episodes
from core.monitoring.alerts.rule import Rule
from core.periods import Clock

DAYS, STEP_MINUTES = 30, 15
MOMENTS_A_CALL = 288  # three days: each call is over long before the console's time limit
BELOW = frozenset({"success_rate_low", "success_rate_dropped", "assignment_failing", "mirror_inaccurate"})


@dataclass(frozen=True)
class DryRun:
    """The measure of one rule at each moment, and the times it would have fired, oldest first."""

    rule: Rule
    moments: Sequence[datetime]
    observed: Sequence[Observation]
    episodes: Sequence[Episode]

    @property
    def messages(self) -> int:
        """How many messages would have been sent: those that fire at one moment share one, and so do their ends."""
        begins = {each.first.at for each in self.episodes}
        ends = {each.until for each in self.episodes if each.until}
        return len(begins) + len(ends)


def dry_run(db: Database, rule: Rule, clock: Clock, *, days: int = DAYS, step_minutes: int = STEP_MINUTES) -> DryRun:
    """Run the rule without changing anything; `rule` may have numbers that are not saved yet."""
    until = clock().replace(second=0, microsecond=0)
    return over(db, rule, until - timedelta(days=days), until, step_minutes=step_minutes)


def over(db: Database, rule: Rule, since: datetime, until: datetime, *, step_minutes: int = STEP_MINUTES) -> DryRun:
    """The same over any period of up to 400 days."""
    steps = int((until - since) / timedelta(minutes=step_minutes))
    moments = [since + timedelta(minutes=step_minutes * n) for n in range(steps + 1)]
    observed: list[Observation] = []
    for begin in range(0, len(moments), MOMENTS_A_CALL):
        part = moments[begin : begin + MOMENTS_A_CALL]
        rows = db.call("observe_past", rule=rule.as_measure(), since=part[0], until=part[-1], step_minutes=step_minutes)
        observed += [Observation.from_row(rule.name, row) for row in rows]
    return DryRun(rule, moments, observed, episodes(observed, moments, below=rule.name in BELOW))
