"""The rules: what each one measures, its numbers, which admins can change, and a dry run over the last 30 days."""

from dataclasses import replace
from datetime import datetime
from functools import partial

import streamlit as st

from core.errors import Refused
from core.figures.wording import counted
from core.monitoring.alerts import dry_run, rule_changes, sentences
from core.monitoring.alerts.decisions import Episode
from core.monitoring.alerts.dry_run import DryRun
from core.monitoring.alerts.rule import Rule
from core.periods import span_in_words
from core.staff import audit_words
from core.staff.roles import Actor, Right, right
from core.ui import session
from core.ui.alerts import alert_charts
from core.ui.kit import actions, charts, rows, shared_cache
from core.ui.kit.rows import Column
from core.ui.text import in_zone, literal

DRY_RUN_SECONDS = 300
LEAST_THRESHOLD, MOST, LONGEST_WINDOW_MINUTES = 0.01, 1_000_000, 7 * 24 * 60
OUT_OF_RANGE = "A number is missing or out of range, so nothing can be tried or saved."
RULES = (
    Column("title", "Rule", width="medium"),
    Column("enabled", "State", read=lambda one: "on" if one["enabled"] else "off", width="small"),
    Column("threshold", "Threshold", read=lambda one: sentences.in_unit(one["threshold"], one["unit"])),
    Column("window", "Window", read=lambda one: _window(one["window_minutes"])),
    Column("minimum", "At least", "count", help="The rule is evaluated only with at least this many observations."),
    Column("severity", "Severity", read=lambda one: one["severity"].capitalize()),
    Column("changed_by", "Changed by", read=lambda one: audit_words.actor_name(one["changed_by"])),
)
EPISODES = (
    Column("since", "Would fire", "moment"),
    Column("lasted", "For"),
    Column("sentence", "What it would say", width="large"),
)


def show() -> None:
    """Show all rules in a table, and the selected one below it."""
    st.subheader("Rules", anchor=False)
    found = rule_changes.load(session.db())
    table = [vars(rule) | {"id": rule.name} for rule in found.values()]
    chosen = rows.show(table, RULES, key="rules", choose="rule", file="alert-rules")
    if chosen not in found:
        st.caption("Select a rule to see when it fires and what it would have sent in the last 30 days.")
        return
    with st.container(border=True, key=f"guarded-rule-{chosen}"):
        _rule(found[chosen])


def _rule(rule: Rule) -> None:
    st.markdown(f"## {literal(rule.title)}")
    st.markdown(literal(rule.definition))
    if rule.changed_at:
        st.caption(literal(_changed(rule)))
    _fields(rule)
    tried = _typed(rule)
    if tried is None:
        st.error(OUT_OF_RANGE)
        return
    if right(session.actor().role, "settings") >= Right.ACT:
        why, save = st.columns([3, 1], vertical_alignment="bottom")
        why.text_input("Reason", key=f"why-{rule.name}", max_chars=300, placeholder="For the audit log")
        save.button(
            "Save rule", type="primary", disabled=tried == rule, on_click=actions.attempt, args=(partial(_save, rule),)
        )
    else:
        st.caption("Try other numbers here; admins save them.")
    _dry_run(tried)


def _fields(rule: Rule) -> None:
    """Fields for the rule's numbers. They have no limits: Streamlit would not send us a number beyond them."""
    unit = {"share": "%", "points": "points", "factor": "times"}.get(rule.unit, rule.unit)
    on, threshold, window, minimum = st.columns(4, vertical_alignment="bottom")
    on.toggle("On", rule.enabled, key=f"on-{rule.name}")
    threshold.number_input(
        f"Threshold ({unit})", value=float(rule.threshold * _by(rule)), step=1.0, key=f"threshold-{rule.name}"
    )
    if rule.has_window:
        window.number_input("Window (minutes)", value=rule.window_minutes, step=1, key=f"window-{rule.name}")
    if rule.minimum > 1:
        minimum.number_input("At least (observations)", value=rule.minimum, step=1, key=f"minimum-{rule.name}")


def _by(rule: Rule) -> int:
    return 100 if rule.unit in ("share", "points") else 1


def _typed(rule: Rule) -> Rule | None:
    """The rule with the numbers that are now in the fields; None if one is missing or out of range."""
    state = st.session_state
    limit = state[f"threshold-{rule.name}"]
    minutes = state[f"window-{rule.name}"] if rule.has_window else rule.window_minutes
    least = state[f"minimum-{rule.name}"] if rule.minimum > 1 else rule.minimum
    for number, low, high in (
        (limit, LEAST_THRESHOLD, MOST),
        (minutes, 1, LONGEST_WINDOW_MINUTES),
        (least, min(rule.minimum, 1), MOST),
    ):
        if number is None or not low <= number <= high:
            return None
    return replace(
        rule,
        enabled=state[f"on-{rule.name}"],
        threshold=round(limit / _by(rule), 6),
        window_minutes=minutes,
        minimum=least,
    )


def _save(rule: Rule, actor: Actor) -> str:
    wanted = _typed(rule)
    if wanted is None:
        raise Refused("bad_number", OUT_OF_RANGE)
    reason = st.session_state.get(f"why-{rule.name}") or ""
    rule_changes.change(session.db(), actor, wanted, reason, session.services().clock())
    return f"Saved. {rule.title}: {'on' if wanted.enabled else 'off'}, from the next evaluation on."


def _dry_run(rule: Rule) -> None:
    running = session.services()
    key = ("dry-run", rule.name, rule.threshold, rule.window_minutes, rule.minimum)
    with st.spinner("Measuring the last 30 days…"):
        found = shared_cache.answers().get(
            key, partial(dry_run.dry_run, running.db, rule, running.clock), ttl_seconds=DRY_RUN_SECONDS
        )
    run: DryRun = found.answer
    st.markdown(f"**{literal(in_words(run))}**")
    if not any(each.value is not None for each in run.observed):
        st.caption("There was nothing to measure in the last 30 days.")
        return
    charts.show(alert_charts.dry_run(run))
    if run.episodes:
        rows.show([_row(run, each) for each in run.episodes], EPISODES, key="episodes", file="dry-run")
    st.caption(
        "Measured every 15 minutes over the last 30 days with the numbers above, by the same measure as live. "
        "Payments and disputes count by their final outcome."
    )


def in_words(run: DryRun) -> str:
    """A sentence on how often the rule would have fired, and how many messages that would have sent."""
    if not run.episodes:
        return "In the last 30 days it would not have fired."
    times = counted(len(run.episodes), "time")
    messages = counted(run.messages, "message")
    return f"In the last 30 days it would have fired {times}: {messages} to each target, without reminders."


def _row(run: DryRun, episode: Episode) -> dict[str, object]:
    zone = session.settings().business_zone
    lasted = span_in_words(episode.until - episode.first.at) if episode.until else "still firing"
    return {
        "since": episode.first.at.isoformat(),
        "lasted": lasted,
        "sentence": sentences.sentence(run.rule, episode.worst, zone),
    }


def _window(minutes: int) -> str:
    return "—" if minutes == 1 else sentences.in_unit(minutes, "minutes")


def _changed(rule: Rule) -> str:
    at = in_zone(datetime.fromisoformat(rule.changed_at or ""), session.settings().business_zone)
    return f"Changed by {audit_words.actor_name(rule.changed_by)} on {at}."
