"""Disputes: the list, one dispute with what is known for its defense, and answering or accepting it."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from core.db import Database
from core.errors import Refused
from core.money import Money
from core.payments import actions, private_text
from core.payments.actions import Action
from core.payments.context import PaymentContext
from core.payments.disputes import evidence, evidence_suggestions
from core.payments.disputes.dispute_statuses import OF_A_PERIOD, STATUSES_OF, Shown, is_inquiry, is_past_due, time_left
from core.payments.disputes.rows import DisputeFacts, DisputeRow, PolicyText, ReasonCount, ReasonRow
from core.periods import Period
from core.staff import audit, roles
from core.staff.roles import Actor

if TYPE_CHECKING:
    from core.stripe_gateway import DisputeUpdateParams

PAGE = "disputes"


@dataclass(frozen=True)
class Case:
    """One dispute: `facts` from our database, `known` the evidence saved at Stripe, `suggested` what we can fill in.

    `receipt_url` is the receipt that Stripe sent to the customer.
    """

    facts: DisputeFacts
    known: Mapping[str, str]
    suggested: Mapping[str, str]
    receipt_url: str | None

    def text(self, field: str) -> str:
        """A field's initial value in the form: what is saved at Stripe, else our suggestion."""
        return str(self.known.get(field) or self.suggested.get(field) or "")

    @property
    def fields(self) -> tuple[list[evidence.Field], list[evidence.Field]]:
        """The fields that this dispute needs, and the others; an appeal has fields of its own."""
        dispute = self.facts["dispute"]
        return evidence.fields_of(dispute["reason"], appeal=dispute["status"] == evidence.APPEALABLE)

    @property
    def missing(self) -> list[str]:
        """The titles of the fields that this dispute needs and that are not saved yet."""
        needed, _ = self.fields
        return [field.title for field in needed if not self.known.get(field.name)]


def new_id() -> str:
    """A new id for a form: submitting the same form several times makes one answer."""
    return "ans_" + secrets.token_hex(12)


def listed(
    db: Database,
    shown: Shown,
    *,
    period: Period | None = None,
    reason: str | None = None,
    currency: str | None = None,
    limit: int = 500,
) -> list[DisputeRow]:
    """The disputes in this part of the list: by deadline where they need a response, else newest first.

    `limit` of them, 100,000 at most. `period` and `currency` narrow those closed, opened or decided: to those opened
    in it, and those won or lost to those closed in it.
    """
    of_period = period is not None and shown in OF_A_PERIOD
    since, until = period.bounds() if period and of_period else (None, None)
    found: list[DisputeRow] = db.call(
        "list_disputes",
        statuses=list(STATUSES_OF[shown]),
        since=since,
        until=until,
        reason=reason,
        limit=limit,
        currency=currency if of_period else None,
        by_closing=shown is Shown.DECIDED,
    )
    return found


def by_reason(db: Database, period: Period, currency: str) -> list[ReasonRow]:
    """One row per reason: the disputes opened in the period, how they ended, and the win rate of those decided."""
    since, until = period.bounds()
    found: list[ReasonCount] = db.call("disputes_by_reason", since=since, until=until, currency=currency)
    return [
        {
            **each,
            "title": evidence.reason_of(each["reason"]).title,
            "win_rate": _share(each["won"], each["won"] + each["lost"]),
        }
        for each in found
    ]


def facts_of(db: Database, dispute_id: str) -> DisputeFacts | None:
    """One dispute with its payment and what is known for its defense; None if there is no such dispute."""
    found: DisputeFacts | None = db.call("dispute_facts", dispute_id=dispute_id)
    return found


def case_of(context: PaymentContext, actor: Actor, facts: DisputeFacts, zone: ZoneInfo) -> Case:
    """The evidence saved at Stripe and what we can fill in. Names and addresses come from Stripe and are not stored."""
    roles.require(actor, PAGE)
    at_stripe = context.mirror(context.stripe.retrieve(f"disputes/{facts['dispute']['id']}"))
    charge = context.stripe.retrieve(f"charges/{facts['dispute']['charge_id']}")
    known = evidence.known_at_stripe(at_stripe)
    return Case(facts, known, evidence_suggestions.suggested(facts, charge, zone), charge.get("receipt_url"))


def stage(context: PaymentContext, actor: Actor, dispute_id: str, fields: Mapping[str, str]) -> None:
    """Save this evidence at Stripe without submitting it to the bank; an empty text clears a field.

    We do not store the text; the audit log says which fields were saved. Raises `Refused`, also if Stripe refuses.
    """
    roles.require(actor, PAGE)
    evidence.check(fields)
    for text in fields.values():
        private_text.refuse(text, "The evidence")
    status = _check_needs_response(context.db, dispute_id)
    appeal_fields = set(fields) & set(evidence.APPEAL_FIELDS)
    if appeal_fields != (set(fields) if status == evidence.APPEALABLE else set()):
        raise Refused("unknown_field", "Only an appeal has a reason and supporting files, and no other fields.")
    # A new key each time: the same text may be saved again after another one.
    answer = context.stripe.write(
        f"disputes/{dispute_id}", key=new_id(), evidence=evidence.for_stripe(fields), submit=False
    )
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
    """Upload a file to Stripe and save it as this field. Raises `Refused` for files that banks do not accept."""
    roles.require(actor, PAGE)
    known_field = evidence.FIELDS.get(field) or evidence.APPEAL_FIELDS.get(field)
    if known_field is None or not known_field.is_file:
        raise Refused("unknown_field", "This field does not take a file.")
    kind = evidence.file_kind(content)
    if kind is None:
        raise Refused("bad_file", "Banks accept PDF, PNG and JPEG files.")
    if len(content) > evidence.MAX_FILE_BYTES:
        raise Refused("file_too_large", "All files of a dispute together can have at most 4.5 MB.")
    _check_needs_response(context.db, dispute_id)
    # A file's name may contain a patient's name, so the file is named after its field.
    made = context.stripe.upload(f"{field}.{kind}", content, purpose="dispute_evidence", key=new_id())
    before = ""
    if field in evidence.APPEAL_FIELDS:  # an appeal takes several files
        before = evidence.known_at_stripe(context.stripe.retrieve(f"disputes/{dispute_id}")).get(field, "")
    stage(context, actor, dispute_id, {field: " ".join([*before.split(), made["id"]])})


def submit(
    context: PaymentContext, actor: Actor, action_id: str, dispute_id: str, *, reason: str | None = None
) -> Action:
    """Submit the saved evidence to the bank, which is possible once; the same `action_id` is one submission."""
    roles.require(actor, PAGE)
    roles.require_confirmed(actor)
    facts = facts_of(context.db, dispute_id)
    if facts is not None and facts["dispute"]["status"] == evidence.APPEALABLE:
        saved = evidence.known_at_stripe(context.stripe.retrieve(f"disputes/{dispute_id}"))
        if not any(saved.get(name) for name in evidence.APPEAL_FIELDS):
            raise Refused("no_evidence", "The reason for the appeal is not saved. Save it first.")
    return _answer(context, actor, "submit_evidence", action_id, dispute_id, reason)


def accept(context: PaymentContext, actor: Actor, action_id: str, dispute_id: str, *, reason: str) -> Action:
    """Accept the dispute: it is lost and cannot be answered anymore."""
    return _answer(context, actor, "accept_dispute", action_id, dispute_id, reason)


def sentence(waiting: list[DisputeRow], now: datetime) -> str:
    """How many need a response, what is at stake, and when the first is due."""
    if not waiting:
        return "No dispute needs a response."
    sums: dict[str, int] = {}
    for each in waiting:
        sums[each["currency"]] = sums.get(each["currency"], 0) + each["amount_minor"]
    stake = " and ".join(str(Money(minor, currency)) for currency, minor in sums.items())
    many = "1 dispute needs" if len(waiting) == 1 else f"{len(waiting):,} disputes need"
    due = next((each for each in waiting if not is_past_due(each, now)), None)
    first = f"; the first is due in {time_left(due, now)}" if due and due["evidence_due_by"] else ""
    return f"{many} a response, {stake} at stake{first}."


def consequences(case: Case, kind: str) -> list[str]:
    """The consequences of submitting the evidence or accepting the dispute, the most important first."""
    facts, dispute = case.facts, case.facts["dispute"]
    amount = Money(dispute["amount_minor"], dispute["currency"])
    fee = Money(facts["fee_minor"], facts["fee_currency"]) if facts["fee_minor"] else None
    inquiry = is_inquiry(dispute["status"])
    visit = facts["consultation"]
    if kind == "accept_dispute":
        fee_too = f" So is the fee of {fee}." if fee and not inquiry else ""
        told = [f"{amount} is lost for good.{fee_too}"]
        told.append("This cannot be undone, and card networks count it like any other dispute.")
        if visit:
            told.append(
                f"The consultation {visit['id']} is {visit['status']}, with {visit['provider'] or 'no provider'}."
            )
        return told
    told = ["Banks accept evidence once. Nothing can be added or changed afterwards."]
    if case.missing:
        told.append(f"This reason asks for more that is not saved: {', '.join(case.missing)}.")
    if not inquiry:
        told.append(f"{amount} stays withheld until the bank decides, which can take up to three months.")
    decided = facts["decided"]["won"] + facts["decided"]["lost"]
    if decided:
        told.append(f"We won {facts['decided']['won']:,} of {decided:,} decided disputes with this reason.")
    return told


def in_words(action: Action) -> str:
    """The result of an answer, in a sentence."""
    amount = Money(action.amount_minor or 0, action.currency or "usd")
    accepting = action.kind == "accept_dispute"
    done = f"The dispute over {amount} is accepted." if accepting else f"The evidence for {amount} is with the bank."
    return {"done": done, "refused": f"Stripe refused it: {action.problem}"}.get(
        action.state, "Stripe has not answered yet. This is settled automatically, once. Do not send it again."
    )


def set_text(db: Database, actor: Actor, kind: str, text: str, now: datetime) -> None:
    """Set a text about our service or policies that new evidence is filled in with."""
    roles.require(actor, PAGE)
    private_text.refuse(text, "The text")
    db.call("set_policy_text", kind=kind, text=text, actor=actor.name, role=str(actor.role), now=now)


def texts(db: Database) -> dict[str, PolicyText]:
    """Our texts for evidence by kind, with who changed each and when."""
    found: dict[str, PolicyText] = db.call("policy_texts")
    return found


def _answer(
    context: PaymentContext, actor: Actor, kind: str, action_id: str, dispute_id: str, reason: str | None
) -> Action:
    roles.require(actor, PAGE)
    roles.require_confirmed(actor)
    private_text.refuse(reason, "The reason")
    accepting = kind == "accept_dispute"
    submitting: DisputeUpdateParams = {"submit": True, "metadata": {actions.MARK: action_id}}
    return actions.begun(
        context,
        "begin_dispute_answer",
        id=action_id,
        kind=kind,
        dispute_id=dispute_id,
        path=f"disputes/{dispute_id}/close" if accepting else f"disputes/{dispute_id}",
        params={} if accepting else submitting,
        actor=actor.name,
        role=str(actor.role),
        reason=reason,
    )


def _check_needs_response(db: Database, dispute_id: str) -> str:
    """The dispute's status, where it can still be answered."""
    found: DisputeRow = db.call("check_dispute_answerable", dispute_id=dispute_id)
    return found["status"]


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
