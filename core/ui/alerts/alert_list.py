"""Alerts that are firing, with their messages, and the alerts of the last 30 days."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import streamlit as st

from core.figures.wording import counted
from core.monitoring.alerts import board
from core.monitoring.alerts.board import Alert, Message
from core.monitoring.alerts.targets import Target, targets_of
from core.staff import audit_words
from core.staff.roles import Right, right
from core.ui import session
from core.ui.alerts import alert_charts, alert_details, alert_dialogs, rule_list
from core.ui.alerts.alert_details import title_of
from core.ui.kit import actions, charts, rows
from core.ui.kit.rows import Column
from core.ui.text import ago, in_zone, literal

KINDS = {"firing": "Message", "reminder": "reminder", "resolved": "end", "test": "test"}
PAST = (
    Column("rule", "Rule", read=lambda one: title_of(one["rule"]), width=220),
    Column("sentence", "What it said", width="large"),
    Column("firing_since", "Fired", "moment"),
    Column("resolved_at", "Resolved", "moment"),
    Column("acknowledged_by", "Acknowledged by", read=lambda one: audit_words.actor_name(one["acknowledged_by"])),
    Column("sent", "Deliveries", read=lambda one: deliveries_in_words(one["messages"])),
)
TARGETS = (
    Column("name", "Target"),
    Column("sent", "Delivered", "count"),
    Column("due", "Waiting", "count"),
    Column("given_up", "Given up", "count"),
    Column("attempts", "Attempts", "count", help="Attempts in the last 30 days, failed ones included."),
    Column("last_sent_at", "Last delivered", "moment"),
    Column("problem", "Problem", width="medium"),
)


def show() -> None:
    """Show the firing alerts, those of the last 30 days, the targets and the rules."""
    running = session.services()
    now = running.clock()
    found = board.newest(running.db, now)
    alert_details.show(found)
    firing = [alert for alert in found if alert["resolved_at"] is None]
    st.markdown(f"## {literal(sentence(firing, now))}")
    by_rule: dict[str, list[Alert]] = {}
    for alert in firing:
        by_rule.setdefault(alert["rule"], []).append(alert)
    for rule, alerts in by_rule.items():
        _firing(rule, alerts, now)
    st.subheader("Last 30 days", anchor=False)
    if found:
        charts.show(alert_charts.history(found, now), on_pick=partial(_open, found))
        with st.expander(f"All {counted(len(found), 'alert')}"):
            rows.show(found, PAST, key="past-alerts", choose="alert", file="alerts")
    else:
        st.caption("No alert has fired in the last 30 days.")
    _targets(now)
    rule_list.show()


def _open(found: Sequence[Alert], point: Mapping[str, Any]) -> None:
    st.query_params["alert"] = str(found[point["point_index"]]["id"])


def sentence(firing: Sequence[Alert], now: datetime) -> str:
    """A sentence on how many alerts are firing, and since when."""
    if not firing:
        return "No alert fires"
    first = min(datetime.fromisoformat(alert["firing_since"]) for alert in firing)
    return f"{counted(len(firing), 'alert')} firing, the first fired {ago(first, now)}"


def deliveries_in_words(messages: Sequence[Message]) -> str:
    """`delivered to 3 of 4, 6 attempts`, or that there was no target."""
    deliveries = [each for message in messages for each in message["deliveries"]]
    if not deliveries:
        return "to nobody"
    sent = sum(each["state"] == "sent" for each in deliveries)
    attempts = sum(each["attempts"] for each in deliveries)
    tries = f", {counted(attempts, 'attempt')}" if attempts > len(deliveries) else ""
    return f"delivered to {sent} of {len(deliveries)}{tries}"


def _firing(rule: str, alerts: Sequence[Alert], now: datetime) -> None:
    """The firing alerts of one rule, one line with buttons for each subject."""
    with st.container(border=True, key=f"firing-{rule}"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            icon = ":material/warning:" if alerts[0]["severity"] == "warning" else ":material/error:"
            number = f" ({len(alerts)})" if len(alerts) > 1 else ""
            st.markdown(f"{icon} **{literal(title_of(rule) + number)}**", width="content")
            if not alert_details.has_object(rule):
                alert_details.link(alerts[0])
        for alert in alerts:
            what, act = st.columns([11, 9], vertical_alignment="center")
            what.markdown(literal(alert["sentence"]))
            what.caption(literal(_story(alert, now)))
            with act, st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="right"):
                if alert_details.has_object(rule):
                    alert_details.link(alert)
                if alert_dialogs.may_act():
                    _buttons(alert)


def _story(alert: Alert, now: datetime) -> str:
    """Text on how long the alert has been firing, what staff did about it, and the delivery of its last messages."""
    since = datetime.fromisoformat(alert["firing_since"])
    told = "; ".join(
        f"{KINDS[each['kind']]} {deliveries_in_words([each])}" for each in alert["messages"][-3:] if each["deliveries"]
    )
    parts = [f"Since {in_zone(since, session.settings().business_zone)}, {ago(since, now)}.", _state(alert)]
    return " ".join(filter(None, [*parts, f"{told}." if told else ""]))


def _state(alert: Alert) -> str:
    zone = session.settings().business_zone
    parts = []
    if alert["acknowledged_by"]:
        parts.append(f"Acknowledged by {audit_words.actor_name(alert['acknowledged_by'])}: no reminders.")
    if alert["silenced"] and alert["silenced_until"]:
        until = in_zone(datetime.fromisoformat(alert["silenced_until"]), zone)
        parts.append(f"Silenced until {until}: {str(alert['silence_reason']).rstrip('.')}.")
    return " ".join(parts)


def _buttons(alert: Alert) -> None:
    if not alert["acknowledged_by"]:
        st.button(
            "Acknowledge",
            key=f"acknowledge-{alert['id']}",
            icon=":material/done:",
            on_click=actions.attempt,
            args=(partial(alert_dialogs.acknowledge, alert["id"]),),
        )
    if alert["silenced"]:
        st.button(
            "End the silence",
            key=f"unsilence-{alert['id']}",
            icon=":material/notifications:",
            on_click=actions.attempt,
            args=(partial(alert_dialogs.end_silence, alert["id"]),),
        )
    else:
        st.button(
            "Silence",
            key=f"silence-{alert['id']}",
            icon=":material/notifications_off:",
            on_click=alert_dialogs.ask_to_silence,
            args=(alert["id"], title_of(alert["rule"])),
        )


def _targets(now: datetime) -> None:
    st.subheader("Where alerts are sent", anchor=False)
    targets: list[Target] = targets_of(session.settings().alert_urls)
    if not targets:
        st.info("ALERT_URLS names no target, so alerts are only shown here. Set it to notify people elsewhere.")
        return
    found = board.target_figures(session.db(), targets, now)
    rows.show([vars(each) | {"name": each.target.name} for each in found], TARGETS, key="targets", file="alert-targets")
    if right(session.actor().role, "settings") >= Right.ACT:
        st.button(
            "Send a test",
            icon=":material/send:",
            on_click=actions.attempt,
            args=(partial(alert_dialogs.send_test, targets),),
        )
