"""The text of an alert: figures, codes, states and the ids of Stripe's own objects, and nothing about a patient."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from core.figures.wording import counted, percent
from core.finance.mismatches import CLASSES
from core.money import Money
from core.monitoring.alerts.decisions import Observation
from core.monitoring.alerts.rule import Rule, Unit
from core.providers.states import name_of

_LEVELS = {"early": "non-compliant", "excessive": "excessive", "high": "high excessive"}
MOST_NAMED = 10
MOST_STATES = 3


def sentence(rule: Rule, seen: Observation, zone: ZoneInfo) -> str:
    """The alert with its figures, in one sentence."""
    return _SENTENCES[rule.name](rule, seen, zone)


def in_unit(value: float, unit: Unit) -> str:
    """A threshold or a measured value with its unit."""
    if unit == "share":
        return percent(value, 1)
    if unit == "points":
        return f"{value * 100:.1f} points"
    if unit == "ms":
        return f"{value:,.0f} ms"
    if unit == "count":
        return f"{value:,.0f}"
    if unit == "factor":
        return f"{value:g} times"
    if unit == "minutes" and value >= 120:
        return f"{round(value / 60, 1):g} hours"
    return f"{value:.0f} {unit if round(value) != 1 else unit.removesuffix('s')}"


def title(rule: Rule, kind: str, number: int) -> str:
    """The heading of a message about several alerts of one rule."""
    prefix = {"firing": "", "reminder": "Still: ", "resolved": "Resolved: "}[kind]
    return f"{prefix}{rule.title}" + (f" ({number})" if number > 1 else "")


def body(sentences: Sequence[str], link: str) -> str:
    """The sentences, up to a readable number, and the page of the console."""
    more = len(sentences) - MOST_NAMED
    lines = [*sentences[:MOST_NAMED], *([f"And {more} more."] if more > 0 else []), link]
    return "\n".join(lines)


def _window(rule: Rule) -> str:
    return f"in the last {in_unit(rule.window_minutes, 'minutes')}"


def _share(value: float | None) -> str:
    return percent(value or 0.0, 1)


def _base(facts: Mapping[str, Any], part: str) -> str:
    """The share in the four weeks before."""
    if not facts.get("base_decided"):
        return "nothing to compare with"
    share = (facts.get(part) or 0) / facts["base_decided"]
    return f"{percent(share, 1)} in the same hours of the last four weeks"


def _success_low(rule: Rule, seen: Observation, zone: ZoneInfo) -> str:
    return (
        f"{_share(seen.value)} of {counted(seen.observations, f'{seen.key} payment')} succeeded {_window(rule)}; "
        f"the target is {in_unit(rule.threshold, rule.unit)}."
    )


def _success_dropped(rule: Rule, seen: Observation, zone: ZoneInfo) -> str:
    return (
        f"{_share(seen.value)} of {counted(seen.observations, f'{seen.key} payment')} succeeded {_window(rule)}; "
        f"it was {_base(seen.facts, 'base_succeeded')}."
    )


def _code(rule: Rule, seen: Observation, zone: ZoneInfo) -> str:
    return (
        f"{counted(seen.facts['failed'], 'payment')} failed with {seen.key} {_window(rule)}, {_share(seen.value)} of "
        f"{seen.observations:,}; it was {_base(seen.facts, 'base_failed')}."
    )


def _country(rule: Rule, seen: Observation, zone: ZoneInfo) -> str:
    return (
        f"{seen.facts['failed']:,} of {counted(seen.observations, 'payment')} with cards issued in {seen.key} failed "
        f"{_window(rule)}, {_share(seen.value)}; it was {_base(seen.facts, 'base_failed')}."
    )


def _backlog(rule: Rule, seen: Observation, zone: ZoneInfo) -> str:
    waited = in_unit(rule.window_minutes, "minutes")
    return f"{counted(round(seen.value or 0), 'event')} waited over {waited} to be applied."


def _silence(rule: Rule, seen: Observation, zone: ZoneInfo) -> str:
    normal = seen.facts.get("normal_minutes")
    usual = f"; at this hour it is {in_unit(normal, 'minutes')} at most" if normal is not None else ""
    return f"No event has come from Stripe for {in_unit(seen.value or 0, 'minutes')}{usual}."


def _p95(what: str) -> Callable[[Rule, Observation, ZoneInfo], str]:
    def said(rule: Rule, seen: Observation, zone: ZoneInfo) -> str:
        return (
            f"95% of {counted(seen.observations, what)} {_window(rule)} took up to {in_unit(seen.value or 0, 'ms')}; "
            f"the target is {in_unit(rule.threshold, 'ms')}."
        )

    return said


def _assignment_failing(rule: Rule, seen: Observation, zone: ZoneInfo) -> str:
    return (
        f"{seen.facts['assigned']:,} of {counted(seen.observations, 'patient')} got a provider at once "
        f"{_window(rule)}, {_share(seen.value)}; the threshold is {in_unit(rule.threshold, rule.unit)}."
    )


def _waiting(rule: Rule, seen: Observation, zone: ZoneInfo) -> str:
    waited = in_unit(seen.value or 0, "minutes")
    where = f"{counted(seen.observations, 'patient')} in {name_of(seen.key)}"
    if seen.observations == 1:
        return f"{where} has waited for a provider for {waited}."
    return f"{where} wait for a provider, the first for {waited}."


def _evidence(rule: Rule, seen: Observation, zone: ZoneInfo) -> str:
    due = datetime.fromisoformat(seen.facts["due"]).astimezone(zone)
    amount = Money(seen.facts["amount_minor"], seen.facts["currency"])
    return f"Evidence for the dispute {seen.key} over {amount} is due on {due:%-d %b %Y at %H:%M %Z}."


def _headroom(rule: Rule, seen: Observation, zone: ZoneInfo) -> str:
    facts = seen.facts
    level = _LEVELS.get(facts["line"], facts["line"])
    counts = (
        f"{seen.key.capitalize()} counts {seen.observations:,} disputes and fraud warnings on "
        f"{facts['payments']:,} payments this month"
    )
    if (seen.value or 0) >= 1:
        return f"{counts}: past its {level} limit of {percent(facts['line_ratio'])} and {facts['line_events']:,}."
    left = counted(round(facts["left"]), "more event")
    return f"{counts}: {_share(seen.value)} of the way to its {level} limit, {left} away."


def _licence(rule: Rule, seen: Observation, zone: ZoneInfo) -> str:
    facts, number = seen.facts, seen.observations
    on = f"{datetime.fromisoformat(facts['last_day']):%-d %b %Y}"
    where = _in_states(facts["states"])
    if number == 1:
        return f"The licence of {facts['provider']} in {where} {'ended' if facts['ended'] else 'ends'} on {on}."
    return f"{number:,} licences in {where} {'ended' if facts['ended'] == number else 'end'} on {on}."


def _in_states(names: Sequence[str]) -> str:
    """`Maine`, `Maine and Ohio`, or `Maine, Ohio, Texas and 4 more states`."""
    more = len(names) - MOST_STATES
    if more > 0:
        return f"{', '.join(names[:MOST_STATES])} and {counted(more, 'more state')}"
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _payout(rule: Rule, seen: Observation, zone: ZoneInfo) -> str:
    amount = Money(int(seen.facts["amount_minor"]), seen.facts["currency"])
    missing = f"should have been at the bank on {datetime.fromisoformat(seen.facts['arrival_date']):%-d %b %Y}"
    if seen.observations > 1:
        return f"{seen.observations:,} payouts of {amount} together {missing} and are not."
    return f"The payout {seen.facts.get('payout') or seen.key} of {amount} {missing} and is not."


def _mismatch(rule: Rule, seen: Observation, zone: ZoneInfo) -> str:
    facts = seen.facts
    difference = Money(int(facts["difference_minor"]), facts["currency"])
    what = CLASSES.get(facts["class"], facts["class"])
    day = f"{datetime.fromisoformat(facts['day']):%-d %b %Y}"
    if seen.observations > 1:
        return f"{what}: {seen.observations:,} mismatches of {day} total {difference}."
    return f"{what}: {facts['subject']} of {day} differs by {difference}."


def _mirror(rule: Rule, seen: Observation, zone: ZoneInfo) -> str:
    return (
        f"{counted(seen.facts['wrong'], 'object')} of {seen.observations:,} differed from Stripe in the last "
        f"comparison; {seen.facts['healed']:,} {'was' if seen.facts['healed'] == 1 else 'were'} repaired."
    )


def _incident(rule: Rule, seen: Observation, zone: ZoneInfo) -> str:
    return f"{seen.facts['title']} Seen {counted(seen.observations, 'time')}."


_SENTENCES: dict[str, Callable[[Rule, Observation, ZoneInfo], str]] = {
    "success_rate_low": _success_low,
    "success_rate_dropped": _success_dropped,
    "decline_code_rising": _code,
    "issuer_country_rising": _country,
    "webhook_backlog": _backlog,
    "webhook_silence": _silence,
    "webhook_handling_slow": _p95("event"),
    "assignment_slow": _p95("assignment"),
    "assignment_failing": _assignment_failing,
    "waiting_too_long": _waiting,
    "evidence_due_soon": _evidence,
    "evidence_due_now": _evidence,
    "network_headroom": _headroom,
    "licence_expiring": _licence,
    "payout_late": _payout,
    "reconciliation_mismatch": _mismatch,
    "mirror_inaccurate": _mirror,
    "incident": _incident,
}
