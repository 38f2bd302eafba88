"""The timeline of one payment: everything known about it, in order, in sentences."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

from core.money import Money
from core.payments.declines import Category, advice
from core.payments.disputes.dispute_statuses import in_words, is_inquiry
from core.payments.disputes.fraud_warnings import reported_as
from core.payments.payment_life import Life, Mirrored
from core.payments.payment_methods import paid_with
from core.staff.audit_words import actor_name

Tone = Literal["plain", "good", "bad"]
BALANCE = {
    "charge": "Charge",
    "refund": "Refund",
    "refund_failure": "Failed refund returned",
    "partial_capture_reversal": "Uncaptured part released",
    "charge_failure": "Returned debit",
    "dispute": "Dispute withdrawal",
    "dispute_reversal": "Dispute reversal",
    "fee": "Fee",
}
FETCHED = "fetch"  # mirrored by a request to Stripe, so no event says when it happened


class Side(StrEnum):
    """The part of the timeline that an entry belongs to; entries of the same second are in this order."""

    PAYMENT = "Payment"
    SUBSCRIPTION = "Subscription"
    RETURNS = "Refunds and disputes"
    BALANCE = "Balance"
    CARE = "Care"
    STAFF = "Staff"
    EVENTS = "Events"
    CALLS = "Calls"


@dataclass(frozen=True)
class Moment:
    """One entry of the timeline: its time, title, details, and the object's ID."""

    at: datetime
    side: Side
    title: str
    details: str = ""
    id: str = ""
    tone: Tone = "plain"


def timeline(life: Life) -> list[Moment]:
    """The moments of `core.payments.payment_life.life`, oldest first."""
    order = list(Side)
    told = [
        *_intent(life),
        *_attempts(life),
        *_paid(life),
        *_refunds(life),
        *_disputes(life),
        *_balance(life),
        *_care(life),
        *_staff(life),
        *_events(life),
        *_calls(life),
    ]
    return sorted(told, key=lambda moment: (moment.at, order.index(moment.side)))


def _intent(life: Life) -> Iterator[Moment]:
    intent = life["intent"]
    for session in life["sessions"]:
        yield _payment(session["created"], "Checkout opened", id=session["id"])
        paid = session["payment_status"] == "paid"
        if session["event_id"] == FETCHED:  # only its event says when it ended
            continue
        yield _payment(
            session["as_of"],
            f"Checkout {session['status']}, {session['payment_status']}",
            id=session["id"],
            tone="good" if paid else "plain",
        )
    for invoice in life["invoices"]:
        why = (invoice["billing_reason"] or "").replace("_", " ")
        due = Money(invoice["amount_due_minor"], invoice["currency"])
        yield _payment(invoice["finalized_at"] or invoice["created"], f"Invoiced {due}", why, invoice["id"])
    amount = Money(intent["amount_minor"], intent["currency"])
    yield _payment(intent["created"], f"Payment of {amount} created", id=intent["id"])
    if intent["canceled_at"]:
        why = (intent["cancellation_reason"] or "").replace("_", " ")
        yield _payment(intent["canceled_at"], "Payment canceled", why, intent["id"], "bad")


def _attempts(life: Life) -> Iterator[Moment]:
    captured_later = life["intent"]["capture_method"] == "manual"
    moved = {each["source_id"]: each for each in life["balance_transactions"] if each["type"] == "charge"}
    for charge in life["charges"]:
        amount, card = Money(charge["amount_minor"], charge["currency"]), paid_with(charge)
        if charge["status"] == "failed":
            code = charge["decline_code"] or charge["failure_code"]
            method = charge.get("method_type")
            yield _declined(charge["created"], f"{amount} on {card}", code, charge["advice_code"], charge["id"], method)
            continue
        done = "authorized" if captured_later else "charged"
        tone: Tone = "good" if charge["status"] == "succeeded" else "plain"
        said = f"{amount} {done} on {card}" if tone == "good" else f"{amount} on {card}: {charge['status']}"
        yield _payment(charge["created"], said, id=charge["id"], tone=tone)
        if captured_later and charge["captured"] and charge["id"] in moved:
            captured = Money(charge["amount_captured_minor"], charge["currency"])
            yield _payment(moved[charge["id"]]["created"], f"{captured} captured", id=charge["id"], tone="good")
    for failed in life["failed_confirmations"]:
        yield _declined(
            failed["created"], "Authentication", failed["decline_code"] or failed["code"], None, failed["id"]
        )


def _paid(life: Life) -> Iterator[Moment]:
    for invoice in life["invoices"]:
        if invoice["paid_at"]:
            yield _payment(invoice["paid_at"], "Invoice paid", id=invoice["id"], tone="good")


def _declined(
    at: str, what: str, code: str | None, advice_code: str | None, attempt_id: str, method: str | None = None
) -> Moment:
    found = advice(code, advice_code=advice_code, method=method)
    network = f" The network's advice: {advice_code.replace('_', ' ')}." if advice_code else ""
    failed = "blocked" if found.category is Category.BLOCKED else "failed" if what == "Authentication" else "declined"
    reason = found.title.removeprefix("Blocked: ")
    return _payment(at, f"{what} {failed}: {reason}", f"{found.staff_advice}{network}", attempt_id, "bad")


def _refunds(life: Life) -> Iterator[Moment]:
    for refund in life["refunds"]:
        amount = Money(refund["amount_minor"], refund["currency"])
        why = (refund["reason"] or "").replace("_", " ")
        settled = refund["status"] == "succeeded"
        said = f"Refund of {amount}" + ("" if settled else f", {refund['status'].replace('_', ' ')}")
        yield Moment(_at(refund["created"]), Side.RETURNS, said, why, refund["id"])
        if refund["status"] in ("failed", "canceled"):
            reason = (refund["failure_reason"] or "").replace("_", " ")
            said = f"Refund of {amount} {refund['status']}"
            at, known = _ended(life, refund, "refund_failure")
            yield Moment(at, Side.RETURNS, said, " ".join((reason, known)).strip(), refund["id"], "bad")


def _disputes(life: Life) -> Iterator[Moment]:
    for warning in life["warnings"]:
        why = reported_as(warning["fraud_type"] or "").lower()
        yield Moment(
            _at(warning["created"]), Side.RETURNS, "Reported as fraud by the issuer", why, warning["id"], "bad"
        )
    for dispute in life["disputes"]:
        amount = Money(dispute["amount_minor"], dispute["currency"])
        inquiry = is_inquiry(dispute["status"])
        said = f"Inquiry about {amount} opened" if inquiry else f"{amount} disputed"
        code = f", network code {dispute['network_reason_code']}" if dispute["network_reason_code"] else ""
        why = f"{(dispute['reason'] or 'no reason given').replace('_', ' ')}{code}"
        yield Moment(_at(dispute["created"]), Side.RETURNS, said, why, dispute["id"], "bad")
        if dispute["status"] not in ("needs_response", "warning_needs_response"):
            tone: Tone = "good" if dispute["status"] == "won" else "bad" if dispute["status"] == "lost" else "plain"
            at, known = _ended(life, dispute, "dispute_reversal")
            yield Moment(
                at, Side.RETURNS, f"Dispute: {in_words(dispute['status']).lower()}", known, dispute["id"], tone
            )


def _ended(life: Life, row: Mirrored, category: str) -> tuple[datetime, str]:
    """When it ended, by its balance transaction, else by its event; the text says if neither is known."""
    for moved in life["balance_transactions"]:
        if moved["source_id"] == row["id"] and moved["reporting_category"] == category:
            return _at(moved["created"]), ""
    return _at(row["as_of"]), "" if row["event_id"] != FETCHED else "first seen then; the exact time is not known"


def _balance(life: Life) -> Iterator[Moment]:
    for moved in life["balance_transactions"]:
        minors = (moved["amount_minor"], moved["fee_minor"], moved["net_minor"])
        amount, fee, net = (Money(minor, moved["currency"]) for minor in minors)
        said = BALANCE.get(moved["reporting_category"], moved["reporting_category"].replace("_", " "))
        out = f"paid out with {moved['payout_id']}" if moved["payout_id"] else "not paid out yet"
        rate = moved.get("exchange_rate")
        converted = f", converted at {rate:.4f}" if rate else ""
        details = f"fee {fee}, net {net}{converted}, {out}"
        yield Moment(_at(moved["created"]), Side.BALANCE, f"{said}: {amount}", details, moved["id"])


def _care(life: Life) -> Iterator[Moment]:
    for visit in life["consultations"]:
        yield Moment(_at(visit["received_at"]), Side.CARE, "Consultation requested", "", visit["id"])
        if visit["assigned_at"]:
            yield Moment(
                _at(visit["assigned_at"]),
                Side.CARE,
                f"Assigned to {visit['provider'] or 'a provider'}",
                "",
                visit["id"],
            )
        if visit["ended_at"]:
            yield Moment(_at(visit["ended_at"]), Side.CARE, f"Consultation {visit['status']}", "", visit["id"])


def _staff(life: Life) -> Iterator[Moment]:
    for note in life["notes"]:
        if note["note"] is None:
            yield Moment(
                _at(note["at"]),
                Side.STAFF,
                f"Note by {actor_name(note['written_by'])}",
                f"removed by {actor_name(note['withdrawn_by'])}",
            )
        else:
            yield Moment(_at(note["at"]), Side.STAFF, f"Note by {actor_name(note['written_by'])}", note["note"])
    for entry in life["audit"]:
        if entry["action"].startswith("payments:note:"):
            continue
        said = " ".join(part.replace("-", " ") for part in entry["action"].split(":")[1:])
        refused = " (refused)" if entry["outcome"] == "refused" else ""
        problem = (entry["after"] or {}).get("problem")
        more = " ".join(part for part in (entry["reason"], problem) if part)
        tone: Tone = "bad" if refused or problem else "plain"
        title = f"{said[:1].upper()}{said[1:]} by {actor_name(entry['actor'])}{refused}"
        yield Moment(_at(entry["at"]), Side.STAFF, title, more, tone=tone)


def _events(life: Life) -> Iterator[Moment]:
    for event in life["events"]:
        late = (_at(event["received_at"]) - _at(event["created"])).total_seconds()
        how = "found by a sweep" if event["came_by"] == "sweep" else "received"
        outcome = event["outcome"] or "not handled"
        said = f"{how} {max(late, 0):,.0f} s later, {outcome}" + (f": {event['reason']}" if event["reason"] else "")
        tone: Tone = "bad" if outcome in ("failed", "dead", "quarantined") else "plain"
        yield Moment(_at(event["created"]), Side.EVENTS, event["type"], said, event["id"], tone)


def _calls(life: Life) -> Iterator[Moment]:
    for call in life["calls"]:
        verb, _, path = call["operation"].partition(" ")
        took = f"took {call['duration_ms']:,.0f} ms" + (f", {call['error']}" if call["error"] else "")
        yield Moment(
            _at(call["at"]),
            Side.CALLS,
            f"Call to Stripe: {verb.upper()} {path}",
            took,
            call["request_id"] or "",
            "bad" if call["error"] else "plain",
        )
    for request in life["requests"]:
        took_ms = (_at(request["answered_at"]) - _at(request["at"])).total_seconds() * 1000
        yield Moment(
            _at(request["at"]),
            Side.CALLS,
            f"Payment API answered {request['status']}",
            f"in {took_ms:,.0f} ms to {request['caller']}",
        )


def _payment(at: str, title: str, details: str = "", id: str = "", tone: Tone = "plain") -> Moment:
    return Moment(_at(at), Side.PAYMENT, title, details, id, tone)


def _at(moment: str) -> datetime:
    return datetime.fromisoformat(moment)
