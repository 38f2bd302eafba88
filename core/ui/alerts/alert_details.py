"""One alert in a drawer: its text, how long it fired, who was notified, and a link to its cause."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial

import streamlit as st

from core.monitoring.alerts import rules
from core.monitoring.alerts.board import Alert
from core.monitoring.alerts.targets import targets_of
from core.staff import audit_words
from core.ui import navigation, session
from core.ui.incidents.incident_list import SEVERITIES
from core.ui.kit import detail_view, drawer, rows
from core.ui.kit.rows import Column
from core.ui.text import ago, in_zone, literal

KINDS = {"firing": "Message", "reminder": "Reminder", "resolved": "End", "test": "Test"}
STATES = {"sent": "Delivered", "due": "Waiting", "given_up": "Given up"}
TOLD = (
    Column("written_at", "Written", "moment"),
    Column("kind", "Message", read=lambda one: KINDS[one["kind"]]),
    Column("target", "Target"),
    Column("state", "Delivery", read=lambda one: STATES[one["state"]]),
    Column("attempts", "Attempts", "count"),
    Column("sent_at", "Delivered", "moment"),
    Column("problem", "Problem", width="medium"),
)


def title_of(rule: str) -> str:
    found = rules.RULES.get(rule)
    return found.title if found else rule.replace("_", " ").capitalize()


def show(found: Sequence[Alert]) -> None:
    """Show the alert that the URL names (`?alert=12`), if it is among those found."""
    drawer.show("Alert", "alert", partial(_details, found))


def has_object(rule: str) -> bool:
    """Whether the rule's alerts can link to the page of an object, or to the list of a day."""
    known = rules.RULES.get(rule)
    return rule in ("incident", "licence_expiring") or bool(known and known.subject == "dispute")


def link(alert: Alert) -> None:
    """A link to the incident, dispute or licences that the alert is about, otherwise to the rule's page."""
    known, role = rules.RULES.get(alert["rule"]), session.actor().role
    if alert["rule"] == "incident":
        incident = alert["key"].partition(":")[0]
        navigation.link("errors", "Open", role, {"tab": "Incidents", "incident": incident})
    elif alert["rule"] == "licence_expiring":
        navigation.link("providers", "Open", role, {"licences": alert["key"]})
    elif has_object(alert["rule"]):
        navigation.link("disputes", "Open", role, {"dispute": alert["key"]})
    elif known:
        navigation.link(known.page, "Look at it", role)


def _details(found: Sequence[Alert], alert_id: str) -> None:
    alert = next((each for each in found if str(each["id"]) == alert_id), None)
    if alert is None:
        st.info("This alert ended more than 30 days ago, or does not exist.")
        return
    now, zone = session.services().clock(), session.settings().business_zone
    since = datetime.fromisoformat(alert["firing_since"])
    ended = datetime.fromisoformat(alert["resolved_at"]) if alert["resolved_at"] else None
    st.subheader(literal(title_of(alert["rule"])))
    st.markdown(literal(alert["sentence"]))
    detail_view.facts(
        [
            ("State", "Resolved" if ended else "Firing"),
            ("Severity", SEVERITIES.get(alert["severity"], alert["severity"].capitalize())),
            ("Fired", f"{in_zone(since, zone)}, {ago(since, now)}"),
            ("Resolved", f"{in_zone(ended, zone)}, {ago(ended, now)}" if ended else None),
            ("Acknowledged by", audit_words.actor_name(alert["acknowledged_by"]) if alert["acknowledged_by"] else None),
        ]
    )
    link(alert)
    st.markdown("**Notified**")
    names = {target.fingerprint: target.name for target in targets_of(session.settings().alert_urls)}
    told = [
        {
            **delivery,
            "kind": message["kind"],
            "written_at": message["written_at"],
            "target": names.get(delivery["target"], "a target that is no longer set"),
        }
        for message in alert["messages"]
        for delivery in message["deliveries"]
    ]
    if told:
        rows.show(told, TOLD, key="told", file="alert-deliveries")
    else:
        st.caption("Nobody: ALERT_URLS had no target when it fired.")
