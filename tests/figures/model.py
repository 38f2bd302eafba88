"""The figures once more, slowly: plain Python over Stripe's objects, by
their definitions, with nothing of the code under test.

A history is what Stripe holds (objects by type) and what only its events
tell (failed confirmations, captures, closings),
beside what we recorded ourselves: webhooks received and calls made. Times are Stripe's seconds.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from math import ceil, floor
from typing import Any
from zoneinfo import ZoneInfo

Json = dict[str, Any]
DAY_SECONDS = 24 * 3600
CATEGORIES = {
    "insufficient_funds": "retry_later",
    "do_not_honor": "retry_once_or_twice",
    "generic_decline": "retry_once_or_twice",
    "processing_error": "retry_soon",
    "expired_card": "needs_new_card",
    "lost_card": "needs_new_card",
    "fraudulent": "stop_and_review",
    "transaction_not_allowed": "stop",
    "rule": "blocked_before_network",
    "elevated_risk_level": "blocked_before_network",
    "previously_declined_do_not_retry": "blocked_before_network",
    "bank_account_closed": "needs_new_bank_details",
    "debit_not_authorized": "needs_new_bank_details",
    "payment_intent_authentication_failure": "customer_must_authenticate",
}
ADVISED = {"confirm_card_data": "fix_the_data", "try_again_later": "retry_later"}
GROSS = {"charge", "partial_capture_reversal", "charge_failure"}
REFUNDED = {"refund", "refund_failure"}
FEES = {"fee", "network_cost"}
NET = GROSS | REFUNDED | FEES | {"dispute", "dispute_reversal", "tax"}


@dataclass
class History:
    number: int = 0
    objects: dict[str, list[Json]] = field(default_factory=lambda: defaultdict(list))
    events: list[Json] = field(default_factory=list)
    webhooks: list[tuple[float, float]] = field(default_factory=list)  # when an event was received, and made
    api_calls: list[tuple[float, float]] = field(default_factory=list)  # when, and our own milliseconds
    stripe_calls: list[tuple[float, str, float]] = field(default_factory=list)  # when, what, milliseconds


@dataclass(frozen=True)
class Attempt:
    at: int
    order: str
    result: str  # succeeded, failed or pending
    reached: bool
    code: str | None
    advice: str | None
    card: bool
    debit: bool


class Model:
    """The figures of one history from `since` to `until`, both included, in one currency."""

    def __init__(self, history: History, since: date, until: date, zone: ZoneInfo, currency: str, now: float):
        self.history, self.since, self.until, self.zone, self.currency, self.now = (
            history,
            since,
            until,
            zone,
            currency,
            now,
        )
        self.attempts = {intent["id"]: self._attempts(intent) for intent in history.objects["payment_intent"]}
        self.intents = [each for each in history.objects["payment_intent"] if each["currency"] == currency]

    def day(self, moment: float) -> date:
        return day_of(moment, self.zone)

    def within(self, moment: float) -> bool:
        return self.since <= self.day(moment) <= self.until

    def figures(self) -> Json:
        return {
            **self._payments(),
            **self._attempt_rates(),
            **self._balance(),
            **self._disputes(),
            **self._times(),
            "drop_off_rate": self._drop_off(),
            "recovery_rate": self._recovery(),
            "vamp_ratio": self._vamp(),
        }

    def _attempts(self, intent: Json) -> list[Attempt]:
        charges = [each for each in self.history.objects["charge"] if each["payment_intent"] == intent["id"]]
        found = [self._charge_attempt(each) for each in charges]
        failures = [
            each
            for each in self.history.events
            if each["type"] == "payment_intent.payment_failed" and each["data"]["object"]["id"] == intent["id"]
        ]
        told = [each for each in failures if not each["data"]["object"]["last_payment_error"].get("charge")]
        for each in told:
            found.append(
                _failed_confirmation(each["created"], each["id"], each["data"]["object"]["last_payment_error"])
            )
        error = intent["last_payment_error"]
        if error and not error.get("charge") and not told:
            at = max([intent["created"], *(each["created"] for each in charges)])
            found.append(_failed_confirmation(at, "~", error))
        return sorted(found, key=lambda each: (each.at, each.order))

    def _charge_attempt(self, charge: Json) -> Attempt:
        outcome = charge["outcome"]
        return Attempt(
            charge["created"],
            charge["id"],
            charge["status"],
            outcome["network_status"] != "not_sent_to_network",
            outcome["reason"] or charge["failure_code"],
            outcome.get("advice_code"),
            charge["payment_method_details"]["type"] == "card",
            charge["payment_method_details"]["type"] == "us_bank_account",
        )

    def _state(self, intent: Json) -> str:
        attempts = self.attempts[intent["id"]]
        if not attempts:
            return "none"
        if intent["status"] == "succeeded":
            return "succeeded"
        if intent["status"] in ("processing", "requires_capture") or all(each.result == "pending" for each in attempts):
            return "undecided"
        authorized = any(each.result == "succeeded" for each in attempts)
        return "voided" if intent["status"] == "canceled" and authorized else "failed"

    def _payments(self) -> Json:
        tried = [each for each in self.intents if self.attempts[each["id"]]]
        tried = [each for each in tried if self.within(self.attempts[each["id"]][0].at)]
        failed = [each for each in tried if self._state(each) == "failed"]
        succeeded = [each for each in tried if self._state(each) == "succeeded"]
        last = {each["id"]: [a for a in self.attempts[each["id"]] if a.result == "failed"][-1] for each in failed}
        return {
            "payment_success_rate": rate(len(succeeded), len(succeeded) + len(failed)),
            "failures_by_code": breakdown((last[each["id"]].code, each["amount"]) for each in failed),
            "failures_by_category": breakdown((category(last[each["id"]]), each["amount"]) for each in failed),
            "processing_time_payment": times(self._customers_waits(succeeded)),
        }

    def _customers_waits(self, succeeded: Iterable[Json]) -> list[float]:
        renewals = {
            each["id"] for each in self.history.objects["invoice"] if each["billing_reason"] == "subscription_cycle"
        }
        paid_by_itself = {
            each["payment"]["payment_intent"]
            for each in self.history.objects["invoice_payment"]
            if each["invoice"] in renewals
        }
        waits = []
        for intent in succeeded:
            by_card = [each.at for each in self.attempts[intent["id"]] if each.result == "succeeded" and each.card]
            if by_card and intent["id"] not in paid_by_itself:
                waits.append((by_card[0] - intent["created"]) * 1000.0)
        return waits

    def _attempt_rates(self) -> Json:
        made = [each for intent in self.intents for each in self.attempts[intent["id"]]]
        decided = [each for each in made if each.result != "pending" and self.within(each.at)]
        succeeded = sum(each.result == "succeeded" for each in decided)
        return {
            "attempt_success_rate": rate(succeeded, len(decided)),
            "authorization_rate": rate(succeeded, sum(each.reached for each in decided)),
        }

    def _drop_off(self) -> Json:
        old = [
            each for each in self.intents if self.within(each["created"]) and each["created"] <= self.now - DAY_SECONDS
        ]
        dropped = [
            each
            for each in old
            if not self.attempts[each["id"]] or self.attempts[each["id"]][0].at > each["created"] + DAY_SECONDS
        ]
        return rate(len(dropped), len(old))

    def _balance(self) -> Json:
        moved = [
            each
            for each in self.history.objects["balance_transaction"]
            if each["currency"] == self.currency and self.within(each["created"]) and each["reporting_category"] in NET
        ]
        if not moved:
            return dict.fromkeys(("gross", "refunded", "fees", "net"), {"value": None})
        booked = [each["amount"] for each in moved if each["reporting_category"] in FEES]
        values = {
            "gross": sum(each["amount"] for each in moved if each["reporting_category"] in GROSS),
            "refunded": -sum(each["amount"] for each in moved if each["reporting_category"] in REFUNDED),
            "fees": sum(each["fee"] for each in moved) - sum(booked),
            "net": sum(each["net"] for each in moved),
        }
        return {name: {"value": value} for name, value in values.items()}

    def _captured_at(self, charge: Json) -> int | None:
        if not charge["captured"] or charge["status"] != "succeeded":
            return None
        booked = [
            each["created"]
            for each in self.history.objects["balance_transaction"]
            if each["id"] == charge["balance_transaction"]
        ]
        told = [
            each["created"]
            for each in self.history.events
            if each["type"] == "charge.captured" and each["data"]["object"]["id"] == charge["id"]
        ]
        return max([charge["created"], *(booked or told)])

    def _captured(self, wanted: Callable[[float], bool], **fits: str) -> list[Json]:
        found = []
        for charge in self.history.objects["charge"]:
            at = self._captured_at(charge)
            if at is not None and wanted(at) and all(charge[name] == value for name, value in fits.items()):
                found.append(charge)
        return found

    def _disputes(self) -> Json:
        disputes = [each for each in self.history.objects["dispute"] if each["currency"] == self.currency]
        opened = [each for each in disputes if self.within(each["created"])]
        closed = [each for each in disputes if each["status"] in ("won", "lost") and self.within(self._closed_at(each))]
        captured = self._captured(self.within, currency=self.currency)
        disputed = {each["charge"] for each in self.history.objects["dispute"]}
        return {
            "dispute_activity": rate(len(opened), len(captured)),
            "dispute_rate": rate(sum(each["id"] in disputed for each in captured), len(captured)),
            "chargeback_rate": rate(sum(map(took_money, opened)), len(captured)),
            "dispute_win_rate": rate(sum(each["status"] == "won" for each in closed), len(closed)),
        }

    def _closed_at(self, dispute: Json) -> int:
        told = [
            each["created"]
            for each in self.history.events
            if each["type"] == "charge.dispute.closed" and each["data"]["object"]["id"] == dispute["id"]
        ]
        return max(told, default=dispute["created"])

    def _vamp(self) -> Json:
        def this_month(moment: float) -> bool:
            return self.until.replace(day=1) <= self.day(moment) <= self.until

        on_visa = {
            each["id"]
            for each in self.history.objects["charge"]
            if each["payment_method_details"].get("card", {}).get("brand") == "visa"
        }
        events = [
            each
            for each in [
                *filter(took_money, self.history.objects["dispute"]),
                *self.history.objects["early_fraud_warning"],
            ]
            if each["charge"] in on_visa and this_month(each["created"])
        ]
        payments = [each for each in self._captured(this_month) if each["id"] in on_visa]
        return rate(len(events), len(payments))

    def _recovery(self) -> Json:
        intents = defaultdict(list)
        for each in self.history.objects["invoice_payment"]:
            intents[each["invoice"]].append(each["payment"]["payment_intent"])
        failed = []
        for invoice in self.history.objects["invoice"]:
            moments = [
                each.at
                for intent in intents[invoice["id"]]
                for each in self.attempts[intent]
                if each.result == "failed"
            ]
            if invoice["currency"] == self.currency and moments and self.within(min(moments)):
                failed.append(invoice)
        recovered = sum(each["amount_due"] for each in failed if each["status"] == "paid")
        return rate(recovered, sum(each["amount_due"] for each in failed))

    def _times(self) -> Json:
        delays = [max(at - created, 0) * 1000 for at, created in self.history.webhooks if self.within(at)]
        made = [
            ms for at, operation, ms in self.history.stripe_calls if self.within(at) and operation.split()[0] != "get"
        ]
        return {
            "webhook_delay": times(delays),
            "processing_time_own": times([ms for at, ms in self.history.api_calls if self.within(at)]),
            "processing_time_stripe": times(made),
        }


@cache
def day_of(moment: float, zone: ZoneInfo) -> date:
    return datetime.fromtimestamp(moment, zone).date()


def category(attempt: Attempt) -> str:
    own = CATEGORIES[attempt.code or "generic_decline"]
    if attempt.debit and attempt.code != "insufficient_funds":
        return "needs_new_bank_details"
    if attempt.advice == "do_not_try_again":
        return own if own in ("needs_new_card", "stop_and_review") else "stop"
    return ADVISED.get(attempt.advice or "", own)


def took_money(dispute: Json) -> bool:
    return not dispute["status"].startswith("warning_") and dispute["status"] != "prevented"


def rate(numerator: int, denominator: int) -> Json:
    return {
        "value": numerator / denominator if denominator else None,
        "numerator": numerator,
        "denominator": denominator,
    }


def breakdown(pairs: Iterable[tuple[str | None, int]]) -> list[Json]:
    counts: Counter[str] = Counter()
    amounts: Counter[str] = Counter()
    for key, amount in pairs:
        counts[key or "generic_decline"] += 1
        amounts[key or "generic_decline"] += amount
    found = [{"key": key, "count": count, "amount": amounts[key]} for key, count in counts.items()]
    return sorted(found, key=lambda each: (-each["count"], each["key"]))


def times(several: list[float]) -> Json:
    return {"p50_ms": percentile(several, 0.5), "p95_ms": percentile(several, 0.95), "n": len(several)}


def percentile(several: list[float], share: float) -> float | None:
    """Between the two nearest values, as far along as the share says."""
    if not several:
        return None
    ordered, place = sorted(several), share * (len(several) - 1)
    low, high = ordered[floor(place)], ordered[ceil(place)]
    return low + (high - low) * (place - floor(place))


def _failed_confirmation(at: int, order: str, error: Json) -> Attempt:
    # It never reached the network, but nobody says so: only a charge has a network status.
    return Attempt(at, order, "failed", False, error.get("decline_code") or error.get("code"), None, False, False)
