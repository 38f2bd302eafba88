"""Planned pauses of flows, pauses triggered by alerts (guards), the stop of all new payments, and a flow's history."""

from datetime import datetime
from typing import TypedDict

from core.db import Database
from core.staff import roles
from core.staff.flags import Flow, check_length
from core.staff.roles import Actor

PAGE = "settings"


class Plan(TypedDict):
    """A planned switch: at `at` the flow resumes (if `open`) or pauses, unless the plan is withdrawn."""

    id: int
    flow: str
    at: str
    open: bool
    sentence: str
    reason: str
    planned_by: str
    planned_at: str


class Guard(TypedDict):
    """Pauses the flow when the alert rule fires; a rule that is switched off never fires."""

    flow: str
    rule: str
    sentence: str
    reason: str
    set_by: str
    set_at: str
    rule_is_on: bool


class PlansAndGuards(TypedDict):
    plans: list[Plan]
    guards: list[Guard]


class Change(TypedDict):
    """A change of a flow's switch, plan or guard; `action` is its name in the audit log."""

    at: str
    actor: str
    action: str
    reason: str | None
    sentence: str | None


def read(db: Database) -> PlansAndGuards:
    """All plans, soonest first, and all guards."""
    plans: PlansAndGuards = db.call("flag_plans_and_guards")
    return plans


def history(db: Database, flow: Flow) -> list[Change]:
    """The newest changes of the flow, newest first."""
    rows: list[Change] = db.call("flag_history", flow=str(flow))
    return rows


def plan(
    db: Database,
    actor: Actor,
    flow: Flow,
    *,
    pause_at: datetime | None = None,
    resume_at: datetime | None = None,
    sentence: str = "",
    reason: str,
    now: datetime,
) -> None:
    """Pause the flow at one time and resume it at another, or only one of both.

    Raises `Refused` for a time in the past, and for a contradiction with another plan of this flow.
    """
    _check(actor, sentence)
    times = {"pause_at": pause_at, "resume_at": resume_at}
    db.call(
        "plan_switches",
        flow=str(flow),
        sentence=sentence.strip(),
        reason=reason.strip(),
        **_by(actor),
        now=now,
        **{name: at for name, at in times.items() if at is not None},
    )


def withdraw(db: Database, actor: Actor, plan_id: int, now: datetime) -> None:
    """Cancel a plan, and with a pause also its planned end; raises `Refused` if it is not pending."""
    roles.require(actor, PAGE)
    db.call("withdraw_plan", plan=plan_id, **_by(actor), now=now)


def guard(db: Database, actor: Actor, flow: Flow, rule: str, *, sentence: str, reason: str, now: datetime) -> None:
    """From now on, pause the flow when this alert rule fires."""
    _check(actor, sentence)
    _set_guard(db, actor, flow, rule, sentence.strip(), reason, now)


def remove_guard(db: Database, actor: Actor, flow: Flow, rule: str, *, reason: str, now: datetime) -> None:
    """From now on, do not pause the flow when the rule fires."""
    roles.require(actor, PAGE)
    _set_guard(db, actor, flow, rule, None, reason, now)


def stop_new_money(db: Database, actor: Actor, *, sentence: str, reason: str, now: datetime) -> list[Flow]:
    """Pause every flow that takes money; returns those that were running before."""
    _check(actor, sentence)
    stopped = db.call("stop_new_money", sentence=sentence.strip(), reason=reason.strip(), **_by(actor), now=now)
    return [Flow(flow) for flow in stopped]


def _set_guard(
    db: Database, actor: Actor, flow: Flow, rule: str, sentence: str | None, reason: str, now: datetime
) -> None:
    db.call(
        "set_flag_guard",
        flow=str(flow),
        rule=rule,
        sentence=sentence,
        reason=reason.strip(),
        **_by(actor),
        now=now,
    )


def _check(actor: Actor, sentence: str) -> None:
    roles.require(actor, PAGE)
    check_length(sentence)


def _by(actor: Actor) -> dict[str, str]:
    return {"actor": actor.name, "actor_role": str(actor.role)}
