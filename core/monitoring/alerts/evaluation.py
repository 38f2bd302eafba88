"""One evaluation of all rules: measure, decide, and store what changed together with the messages about it."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from core.db import Database
from core.monitoring.alerts import decisions, rule_changes, sentences
from core.monitoring.alerts.database_watch import OUTAGES
from core.monitoring.alerts.decisions import Decision, Firing, Observation
from core.monitoring.alerts.rule import Rule

Message = dict[str, Any]
SEVERITIES = ("warning", "error", "critical")


@dataclass(frozen=True)
class Alerting:
    """What an evaluation works with: `targets` are the fingerprints of ALERT_URLS, `console` the console's address.

    `told_already` names the targets that were told of a database that did not answer while it did not.
    """

    db: Database
    clock: Callable[[], datetime]
    zone: ZoneInfo
    console: str
    targets: Sequence[str]
    told_already: Callable[[], Collection[str]] = tuple


def evaluate(alerting: Alerting) -> Decision:
    """Evaluate every enabled rule once; answers what changed."""
    now = alerting.clock()
    state = alerting.db.call("alert_state")
    known = rule_changes.with_overrides(state["rules"])
    rows = alerting.db.call(
        "observe_alerts", rules=[rule.as_measure() for rule in known.values() if rule.enabled], now=now
    )
    observed = [Observation.from_row(row["rule"], row) for row in rows]
    firing: list[Firing] = [alert for alert in state["firing"] if alert["rule"] in known]
    gone: list[Firing] = [alert for alert in state["firing"] if alert["rule"] not in known]
    decision = decisions.decide(firing, observed, known, now)
    decision.resolved.extend(gone)
    alerting.db.call(
        "save_alerts",
        fired=[_stored(known[each.rule], each, alerting.zone) for each in decision.fired],
        still=[_stored(known[each.rule], each, alerting.zone) | {"id": alert["id"]} for alert, each in decision.still],
        resolved=[alert["id"] for alert in decision.resolved],
        messages=list(_messages(decision, known, alerting, now)),
        targets=list(alerting.targets),
        now=now,
    )
    return decision


def _stored(rule: Rule, seen: Observation, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "rule": seen.rule,
        "key": seen.key,
        "severity": _severity(rule, seen),
        "sentence": sentences.sentence(rule, seen, zone),
        "value": seen.value,
        "observations": seen.observations,
    }


def _severity(rule: Rule, seen: Observation) -> str:
    """The severity of the message; an incident has its own."""
    return str(seen.facts.get("severity", rule.severity))


def _messages(decision: Decision, known: Mapping[str, Rule], alerting: Alerting, now: datetime) -> Iterator[Message]:
    """One message about all alerts of a rule that fire, go on or are resolved together."""
    fired = [
        _Told(
            each.rule,
            each.key,
            _severity(known[each.rule], each),
            sentences.sentence(known[each.rule], each, alerting.zone),
            told_already=each.facts.get("kind") in OUTAGES,
        )
        for each in decision.fired
    ]
    remind = [_Told.of(alert) for alert in decision.remind]
    resolved = [_Told.of(alert) for alert in decision.told_resolved if not decisions.silenced(alert, now)]
    for kind, alerts in (("firing", fired), ("reminder", remind), ("resolved", resolved)):
        for (name, told_already), of_rule in groupby(sorted(alerts, key=_together), key=_together):
            if name in known:
                message = _message(known[name], kind, list(of_rule), alerting.console)
                yield message | {"sent_already": list(alerting.told_already()) if told_already else []}


@dataclass(frozen=True)
class _Told:
    """An alert as a message names it; `told_already`: targets may have been notified while the database was away."""

    rule: str
    key: str
    severity: str
    sentence: str
    told_already: bool = False

    @classmethod
    def of(cls, alert: Firing) -> "_Told":
        return cls(alert["rule"], alert["key"], alert["severity"], alert["sentence"])


def _together(alert: _Told) -> tuple[str, bool]:
    return alert.rule, alert.told_already


def _message(rule: Rule, kind: str, alerts: Sequence[_Told], console: str) -> Message:
    place = "errors?tab=Alerts"
    if rule.name == "incident" and len(alerts) == 1:
        place = f"errors?incident={alerts[0].key.partition(':')[0]}"
    return {
        "rule": rule.name,
        "kind": kind,
        "severity": max((each.severity for each in alerts), key=SEVERITIES.index),
        "title": sentences.title(rule, kind, len(alerts)),
        "body": sentences.body([each.sentence for each in alerts], f"{console}/{place}"),
        "alerts": [{"rule": each.rule, "key": each.key} for each in alerts],
    }
