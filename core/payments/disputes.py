"""Disputes: which wait for an answer and until when, and answering them with evidence or by giving in."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, cast
from zoneinfo import ZoneInfo

from core.db import Database
from core.errors import Refused
from core.money import Money
from core.payments import actions, evidence
from core.payments.actions import Action
from core.payments.context import PaymentContext
from core.periods import Period
from core.staff import audit, roles
from core.staff.roles import Actor

PAGE = "disputes"
TO_ANSWER = ("needs_response", "warning_needs_response")
STATUSES = {
    "needs_response": "Waits for evidence",
    "warning_needs_response": "Bank asks",
    "under_review": "With the bank",
    "warning_under_review": "With the bank",
    "won": "Won",
    "lost": "Lost",
    "warning_closed": "Closed, no dispute",
    "prevented": "Prevented",
}

Row = dict[str, Any]


class Shown(StrEnum):
    """The parts of the list; the words stand in the address."""

    TO_ANSWER = "to answer"
    WITH_BANK = "with the bank"
    CLOSED = "closed"
    WARNINGS = "fraud warnings"


_STATUSES_OF = {
    Shown.TO_ANSWER: TO_ANSWER,
    Shown.WITH_BANK: ("under_review", "warning_under_review"),
    Shown.CLOSED: ("won", "lost", "warning_closed", "prevented"),
}


@dataclass(frozen=True)
class Case:
    """One dispute with what may speak for it; `facts` is what the mirror knows, `known` what Stripe holds of evidence.

    `receipt_url` is the receipt that Stripe sent the customer, which somebody may save and attach.
    """

    facts: Row
    known: Mapping[str, str]
    suggested: Mapping[str, str]
    receipt_url: str | None

    def text(self, field: str) -> str:
        """What a field of the form begins with: what is staged, else what can be filled in."""
        return str(self.known.get(field) or self.suggested.get(field) or "")

    @property
    def missing(self) -> list[str]:
        """The titles of the fields that this reason needs and that are not staged."""
        needed, _ = evidence.fields_of(self.facts["dispute"]["reason"])
        return [field.title for field in needed if not self.known.get(field.name)]


def new_id() -> str:
    """For a form when it is drawn: sent twice, it is one answer."""
    return "ans_" + secrets.token_hex(12)


def listed(db: Database, shown: Shown, *, period: Period | None = None, reason: str | None = None) -> list[Row]:
    """The disputes of this part: those to answer by their deadline, others newest first; closed ones of the period."""
    since, until = period.bounds() if period and shown is Shown.CLOSED else (None, None)
    found = db.call("list_disputes", statuses=list(_STATUSES_OF[shown]), since=since, until=until, reason=reason)
    return cast(list[Row], found)


def by_reason(db: Database, period: Period, currency: str) -> list[Row]:
    """The disputes opened in the period, a row a reason, with how they ended and the share won of those decided."""
    since, until = period.bounds()
    found = db.call("disputes_by_reason", since=since, until=until, currency=currency)
    return [
        each
        | {
            "title": evidence.reason_of(each["reason"]).title,
            "win_rate": _share(each["won"], each["won"] + each["lost"]),
        }
        for each in found
    ]


def facts_of(db: Database, dispute_id: str) -> Row | None:
    """One dispute, its payment and what may speak for it; None where there is no such dispute."""
    return cast(Row | None, db.call("dispute_facts", dispute_id=dispute_id))


def case_of(context: PaymentContext, actor: Actor, facts: Row, zone: ZoneInfo) -> Case:
    """What is staged at Stripe and what can be filled in. Name and address come from Stripe and are kept nowhere."""
    roles.require(actor, PAGE)
    at_stripe = context.mirror(context.stripe.retrieve(f"disputes/{facts['dispute']['id']}"))
    charge = context.stripe.retrieve(f"charges/{facts['dispute']['charge_id']}")
    known = {name: text for name, text in (at_stripe.get("evidence") or {}).items() if isinstance(text, str)}
    return Case(facts, known, evidence.suggested(facts, charge, zone), charge.get("receipt_url"))


def stage(context: PaymentContext, actor: Actor, dispute_id: str, fields: Mapping[str, str]) -> None:
    """Keep this evidence at Stripe without sending it to the bank; an empty text takes a field back.

    We keep no word of it; which fields were staged is on record. Raises `Refused`, also where Stripe refuses it.
    """
    roles.require(actor, PAGE)
    unknown = set(fields) - set(evidence.FIELDS)
    if unknown:
        raise Refused("unknown_field", f"{', '.join(sorted(unknown))} is no field of evidence.")
    _check_lengths(fields)
    _check_waits(context.db, dispute_id)
    # A key of its own each time: the same words again may follow others.
    answer = context.stripe.write(f"disputes/{dispute_id}", key=new_id(), evidence=dict(fields), submit=False)
    context.mirror(answer)
    audit.record(
        context.db,
        actor,
        "payments:evidence:staged",
        f"{dispute_id.split('_')[0]}:{dispute_id}",
        context.clock(),
        after={"fields": sorted(fields)},
    )


def attach(context: PaymentContext, actor: Actor, dispute_id: str, field: str, content: bytes) -> None:
    """Upload a file to Stripe and stage it as this field. Raises `Refused` for what banks take not."""
    roles.require(actor, PAGE)
    if field not in evidence.FIELDS or not evidence.FIELDS[field].is_file:
        raise Refused("unknown_field", "This field takes no file.")
    kind = evidence.file_kind(content)
    if kind is None:
        raise Refused("bad_file", "Banks take PDF, PNG and JPEG files.")
    if len(content) > evidence.MAX_FILE_BYTES:
        raise Refused("file_too_large", "All files of a dispute together may have 4.5 MB.")
    _check_waits(context.db, dispute_id)
    # What a file is called may name a patient, so it goes by its field.
    made = context.stripe.upload(f"{field}.{kind}", content, purpose="dispute_evidence", key=new_id())
    stage(context, actor, dispute_id, {field: made["id"]})


def submit(
    context: PaymentContext, actor: Actor, action_id: str, dispute_id: str, *, reason: str | None = None
) -> Action:
    """Send what is staged to the bank, which is possible once; the same `action_id` is one submission."""
    return _answer(context, actor, "submit_evidence", action_id, dispute_id, reason)


def accept(context: PaymentContext, actor: Actor, action_id: str, dispute_id: str, *, reason: str) -> Action:
    """Give in: the dispute is lost, and nothing can be said against it any more."""
    return _answer(context, actor, "accept_dispute", action_id, dispute_id, reason)


def sentence(waiting: list[Row], now: datetime) -> str:
    """How many wait for an answer, what is at stake, and when the first is due."""
    if not waiting:
        return "No dispute waits for an answer."
    sums: dict[str, int] = {}
    for each in waiting:
        sums[each["currency"]] = sums.get(each["currency"], 0) + each["amount_minor"]
    stake = " and ".join(str(Money(minor, currency)) for currency, minor in sums.items())
    many = "1 dispute waits" if len(waiting) == 1 else f"{len(waiting):,} disputes wait"
    due = next((each for each in waiting if not is_past_due(each, now)), None)
    first = f"; the first is due in {time_left(due, now)}" if due and due["evidence_due_by"] else ""
    return f"{many} for an answer, {stake} at stake{first}."


def is_past_due(dispute: Mapping[str, Any], now: datetime) -> bool:
    return bool(dispute["evidence_due_by"]) and datetime.fromisoformat(dispute["evidence_due_by"]) <= now


def is_answerable(dispute: Row, now: datetime) -> bool:
    """Whether somebody may still answer it: it waits for that, in time, and no answer is on its way."""
    return dispute["status"] in TO_ANSWER and not is_past_due(dispute, now) and not dispute["in_flight"]


def time_left(dispute: Mapping[str, Any], now: datetime) -> str:
    """`3 days`, `5 hours`, `over` for a deadline that has passed, nothing where none is known or nothing is awaited."""
    if dispute["status"] not in TO_ANSWER or not dispute["evidence_due_by"]:
        return ""
    if is_past_due(dispute, now):
        return "over"
    hours = int((datetime.fromisoformat(dispute["evidence_due_by"]) - now).total_seconds() // 3600)
    count, unit = (hours // 24, "day") if hours >= 48 else (hours, "hour")
    return f"{count} {unit}{'' if count == 1 else 's'}"


def consequences(case: Case, kind: str) -> list[str]:
    """What submitting the evidence or accepting the dispute brings with it, the most important first."""
    facts, dispute = case.facts, case.facts["dispute"]
    amount = Money(dispute["amount_minor"], dispute["currency"])
    fee = Money(facts["fee_minor"], dispute["currency"]) if facts["fee_minor"] else None
    inquiry = dispute["status"].startswith("warning")
    visit = facts["consultation"]
    if kind == "accept_dispute":
        told = [f"{amount} is lost for good" + (f", and so is the fee of {fee}." if fee and not inquiry else ".")]
        told.append("It cannot be taken back, and for the card networks it counts as any other dispute.")
        if visit:
            told.append(
                f"The consultation {visit['id']} is {visit['status']}, with {visit['provider'] or 'no provider'}."
            )
        return told
    told = ["Banks take evidence once: nothing can be added or changed afterwards."]
    if case.missing:
        told.append(f"Not staged, though this reason asks for it: {', '.join(case.missing)}.")
    if not inquiry:
        told.append(f"{amount} stays withheld until the bank decides, which takes up to three months.")
    decided = facts["decided"]["won"] + facts["decided"]["lost"]
    if decided:
        told.append(f"Of {decided:,} decided disputes with this reason {facts['decided']['won']:,} were won.")
    return told


def in_words(action: Action) -> str:
    """What became of an answer, in a sentence for whoever clicked."""
    amount = Money(action.amount_minor or 0, action.currency or "usd")
    accepting = action.kind == "accept_dispute"
    done = f"The dispute over {amount} is accepted." if accepting else f"The evidence over {amount} is with the bank."
    return {"done": done, "refused": f"Stripe refused it: {action.problem}"}.get(
        action.state, "Stripe has not answered yet. It will be settled by itself, once; do not send it again."
    )


def set_text(db: Database, actor: Actor, kind: str, text: str, now: datetime) -> None:
    """What evidence says about our service or policies from now on."""
    roles.require(actor, PAGE)
    db.call("set_policy_text", kind=kind, text=text, actor=actor.name, role=str(actor.role), now=now)


def texts(db: Database) -> dict[str, Row]:
    """Our texts by their kind, with who changed each and when."""
    return cast(dict[str, Row], db.call("policy_texts"))


def _answer(
    context: PaymentContext, actor: Actor, kind: str, action_id: str, dispute_id: str, reason: str | None
) -> Action:
    roles.require(actor, PAGE)
    roles.require_confirmed(actor)
    return actions.begun(
        context,
        "begin_dispute_answer",
        id=action_id,
        kind=kind,
        dispute_id=dispute_id,
        actor=actor.name,
        role=str(actor.role),
        reason=reason,
    )


def _check_waits(db: Database, dispute_id: str) -> None:
    facts = facts_of(db, dispute_id)
    if facts is None:
        raise Refused("not_found", "There is no such dispute.")
    if facts["dispute"]["status"] not in TO_ANSWER:
        raise Refused("not_answerable", "This dispute takes no answer any more.")


def _check_lengths(fields: Mapping[str, str]) -> None:
    for name, text in fields.items():
        if len(text) > evidence.MAX_CHARACTERS:
            raise Refused("text_too_long", f"{evidence.FIELDS[name].title} has more than 20,000 characters.")
    if sum(map(len, fields.values())) > evidence.MAX_CHARACTERS_TOGETHER:
        raise Refused("text_too_long", "All texts together may have 150,000 characters.")


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
