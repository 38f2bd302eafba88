"""Evidence for disputes: the fields that banks read, which ones each reason needs, and what we can fill in.

Fields and limits: https://docs.stripe.com/api/disputes/evidence_object; what each reason needs:
https://docs.stripe.com/disputes/categories; files: https://docs.stripe.com/disputes/best-practices.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from core.errors import Refused
from core.money import Money
from core.payments.payment_methods import paid_with

MAX_CHARACTERS, MAX_CHARACTERS_TOGETHER = 20_000, 150_000
MAX_FILE_BYTES = 4_500_000
_STARTS = {b"%PDF-": "pdf", b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "jpg"}


@dataclass(frozen=True)
class Field:
    """One field of the evidence: its name at Stripe, what people call it, what belongs in it."""

    name: str
    title: str
    help: str = ""
    is_file: bool = False
    lines: int = 1


def _file(name: str, title: str, help: str = "") -> Field:
    return Field(name, title, help, is_file=True)


FIELDS = {
    each.name: each
    for each in (
        Field(
            "product_description", "What was sold", "The service in a sentence, without anything about health.", lines=2
        ),
        Field("customer_name", "Customer's name"),
        Field("customer_email_address", "Customer's e-mail address"),
        Field("billing_address", "Billing address", lines=2),
        Field("customer_purchase_ip", "Internet address of the purchase"),
        Field("service_date", "Date of the service", "When the visit took place or the plan began."),
        Field(
            "access_activity_log", "Activity", "When the customer signed in, joined a visit or used the plan.", lines=4
        ),
        Field(
            "refund_policy_disclosure",
            "How the refund policy was shown",
            "Where the customer saw it before paying.",
            lines=3,
        ),
        Field("refund_refusal_explanation", "Why no refund is due", lines=3),
        Field(
            "cancellation_policy_disclosure",
            "How the cancellation policy was shown",
            "Where the customer saw it before paying.",
            lines=3,
        ),
        Field("cancellation_rebuttal", "Why the subscription was not cancelled", lines=3),
        Field("duplicate_charge_id", "The other charge", "The id of the charge that looks like the same."),
        Field("duplicate_charge_explanation", "How the two charges differ", lines=3),
        Field("uncategorized_text", "Summary", "The story in the order it happened; banks read this first.", lines=6),
        _file("receipt", "Receipt", "What the customer was sent about the payment."),
        _file("customer_communication", "Messages with the customer", "Without anything about health."),
        _file("customer_signature", "Signed agreement"),
        _file("service_documentation", "Proof of the service", "That the visit took place, not what was said in it."),
        _file("refund_policy", "Refund policy", "As the customer saw it."),
        _file("cancellation_policy", "Cancellation policy", "As the customer saw it."),
        _file("duplicate_charge_documentation", "Papers of the other charge"),
        _file("uncategorized_file", "Anything else"),
    )
}

# Banks take an appeal with fields of its own: https://docs.stripe.com/api/disputes/evidence_object.
APPEAL_FIELDS = {
    each.name: each
    for each in (
        Field("appeal_reason", "Reason for the appeal", "Why the bank's decision is wrong.", lines=6),
        _file("appeal_files", "Supporting files", "What supports the appeal. Several files are possible."),
    )
}


@dataclass(frozen=True)
class Reason:
    """Why the customer disputes, in words; what has to be shown; the fields that show it, the weightiest first."""

    title: str
    show: str
    needs: tuple[str, ...]


_WHO = ("customer_name", "customer_email_address", "billing_address")
_SERVICE = ("service_date", "access_activity_log", "service_documentation")
REASONS = {
    "fraudulent": Reason(
        "Fraud",
        "Show that the cardholder made this payment: who paid, from where, and that they used the service.",
        (
            "uncategorized_text",
            *_WHO,
            "customer_purchase_ip",
            *_SERVICE,
            "receipt",
            "customer_communication",
            "product_description",
        ),
    ),
    "unrecognized": Reason(
        "Not recognised",
        "Show what the payment was for and that this customer made it.",
        ("uncategorized_text", *_WHO, "product_description", *_SERVICE, "receipt", "customer_communication"),
    ),
    "product_not_received": Reason(
        "Service not received",
        "Show that the service was provided, to whom, and when.",
        ("uncategorized_text", *_SERVICE, "product_description", "customer_communication", *_WHO),
    ),
    "product_unacceptable": Reason(
        "Service not as described",
        "Show that it was as described, and that a complaint had a fair answer.",
        (
            "uncategorized_text",
            "product_description",
            *_SERVICE,
            "customer_communication",
            "refund_policy",
            "refund_policy_disclosure",
        ),
    ),
    "credit_not_processed": Reason(
        "Refund not received",
        "Show that no refund was due, or that it was made.",
        (
            "uncategorized_text",
            "refund_policy",
            "refund_policy_disclosure",
            "refund_refusal_explanation",
            "customer_communication",
        ),
    ),
    "subscription_canceled": Reason(
        "Subscription cancelled",
        "Show that it was not cancelled before this payment, and that the customer knew how to.",
        (
            "uncategorized_text",
            "cancellation_policy",
            "cancellation_policy_disclosure",
            "cancellation_rebuttal",
            "access_activity_log",
            "customer_communication",
        ),
    ),
    "duplicate": Reason(
        "Charged twice",
        "Show that the two charges were for different things.",
        (
            "uncategorized_text",
            "duplicate_charge_id",
            "duplicate_charge_explanation",
            "duplicate_charge_documentation",
            "receipt",
            "service_date",
        ),
    ),
    "noncompliant": Reason(
        "Rules of the network not followed",
        "Show which rule the bank means, and that the payment followed it.",
        ("uncategorized_text", *_WHO, "product_description", *_SERVICE, "receipt"),
    ),
    "customer_initiated": Reason(
        "Debit disputed by the customer",
        "Show that the customer agreed to this debit and used the service.",
        ("uncategorized_text", *_WHO, "customer_signature", *_SERVICE, "customer_communication"),
    ),
    "debit_not_authorized": Reason(
        "Debit not authorized",
        "Show the mandate that the customer agreed to. Ask for a new one before the next debit.",
        ("uncategorized_text", *_WHO, "customer_signature", *_SERVICE, "customer_communication"),
    ),
    "insufficient_funds": Reason(
        "Not enough money in the account",
        "The bank returned the debit for lack of funds; evidence rarely changes that. Ask for another way to pay.",
        ("uncategorized_text", "customer_signature", "receipt"),
    ),
    "incorrect_account_details": Reason(
        "Wrong account details",
        "The bank could not find the account; evidence rarely changes that. Ask for the right details.",
        ("uncategorized_text", "customer_signature", "receipt"),
    ),
    "bank_cannot_process": Reason(
        "The bank could not process the debit",
        "The bank returned the debit; evidence rarely changes that. Ask for another way to pay.",
        ("uncategorized_text", "customer_signature", "receipt"),
    ),
    "check_returned": Reason(
        "Check returned",
        "The bank returned the check; evidence rarely changes that. Ask for another way to pay.",
        ("uncategorized_text", "receipt"),
    ),
    "general": Reason(
        "Other",
        "Say what happened, and show what speaks for it.",
        ("uncategorized_text", *_WHO, "product_description", *_SERVICE, "receipt", "customer_communication"),
    ),
}


APPEALABLE = "appeal_needs_response"
APPEAL = Reason(
    "Appeal", "Say why the decision is wrong, and attach what supports it.", ("appeal_reason", "appeal_files")
)


def reason_of(code: str | None) -> Reason:
    """The reason in words; an unknown one needs what `general` needs, under its own name."""
    if code in REASONS:
        return REASONS[code]
    general = REASONS["general"]
    return general if not code else Reason(code.replace("_", " ").capitalize(), general.show, general.needs)


def fields_of(code: str | None, *, appeal: bool = False) -> tuple[list[Field], list[Field]]:
    """The fields that this reason needs, and the others; an appeal has its own fields only."""
    if appeal:
        return [APPEAL_FIELDS[name] for name in APPEAL.needs], []
    needed = reason_of(code).needs
    return [FIELDS[name] for name in needed], [each for name, each in FIELDS.items() if name not in needed]


def known_at_stripe(dispute: Mapping[str, Any]) -> dict[str, str]:
    """The evidence that is saved at Stripe, by our names of the fields; ids of several files with blanks between."""
    saved = dispute.get("evidence") or {}
    known = {name: text for name, text in saved.items() if isinstance(text, str)}
    appeal = (saved.get("appeal") or {}).get("card") or {}
    files = " ".join(appeal.get("supporting_files") or [])
    return known | {
        name: text
        for name, text in (("appeal_reason", appeal.get("reason_for_filing")), ("appeal_files", files))
        if text
    }


def for_stripe(fields: Mapping[str, str]) -> dict[str, Any]:
    """The same fields as Stripe's parameters."""
    params: dict[str, Any] = {name: text for name, text in fields.items() if name in FIELDS}
    card: dict[str, Any] = {}
    if "appeal_reason" in fields:
        card["reason_for_filing"] = fields["appeal_reason"]
    if "appeal_files" in fields:
        card["supporting_files"] = fields["appeal_files"].split() or ""
    return params | ({"appeal": {"card": card}} if card else {})


def check(fields: Mapping[str, str]) -> None:
    """Raises `Refused` for a field that there is not, and for texts that are longer than banks accept."""
    known = FIELDS | APPEAL_FIELDS
    if unknown := sorted(set(fields) - set(known)):
        raise Refused("unknown_field", f"Evidence has no field {', '.join(unknown)}.")
    for name, text in fields.items():
        if len(text) > MAX_CHARACTERS:
            raise Refused("text_too_long", f"{known[name].title} has more than 20,000 characters.")
    if sum(map(len, fields.values())) > MAX_CHARACTERS_TOGETHER:
        raise Refused("text_too_long", "All texts together can have at most 150,000 characters.")


def file_kind(content: bytes) -> str | None:
    """`pdf`, `png` or `jpg` by how the content begins; None for files that banks do not accept."""
    return next((kind for start, kind in _STARTS.items() if content.startswith(start)), None)


def suggested(facts: Mapping[str, Any], at_stripe: Mapping[str, Any], zone: ZoneInfo) -> dict[str, str]:
    """What can be filled in from what is known: the facts of the mirror, and the charge as Stripe gives it.

    Nothing about anybody's health is among it, not even what kind of visit it was, which the charge's description says.
    """
    billing = at_stripe.get("billing_details") or {}
    visit = facts["consultation"] or {}
    texts = facts["texts"]
    address = billing.get("address") or {}
    parts = [address.get(name) for name in ("line1", "line2", "city", "state", "postal_code", "country")]
    seen = visit.get("ended_at") or visit.get("assigned_at")
    filled = {
        "product_description": texts.get("product_description"),
        "customer_name": billing.get("name"),
        "customer_email_address": billing.get("email") or at_stripe.get("receipt_email"),
        "billing_address": ", ".join(part for part in parts if part),
        "service_date": _day(seen, zone) if seen else None,
        "access_activity_log": _activity(visit, zone),
        "refund_policy_disclosure": texts.get("refund_policy_disclosure"),
        "cancellation_policy_disclosure": texts.get("cancellation_policy_disclosure"),
        "cancellation_rebuttal": _not_cancelled(facts, zone),
        "duplicate_charge_id": facts["twin_charge_id"] if facts["dispute"]["reason"] == "duplicate" else None,
        "uncategorized_text": _summary(facts, at_stripe, zone),
    }
    return {name: text for name, text in filled.items() if text}


def _summary(facts: Mapping[str, Any], at_stripe: Mapping[str, Any], zone: ZoneInfo) -> str:
    payment, visit = facts["payment"] or {}, facts["consultation"] or {}
    amount = Money(facts["captured_minor"] or facts["dispute"]["amount_minor"], facts["dispute"]["currency"])
    when = f" on {_day(facts['charged_at'], zone)}" if facts["charged_at"] else ""
    order = f" for order {payment['order_id']}" if payment.get("order_id") else ""
    told = [f"The customer paid {amount}{when} with {paid_with(payment)}{order}."]
    if number := at_stripe.get("receipt_number"):
        told.append(f"Receipt {number} was sent for it.")
    if before := facts["undisputed_before"]:
        times = "once" if before == 1 else f"{before:,} times"
        told.append(f"The same customer had paid us {times} before without a dispute.")
    if visit.get("status") == "completed" and visit.get("ended_at"):
        told.append(f"The visit paid for was completed on {_day(visit['ended_at'], zone)}.")
    for refund in facts["refunds"]:
        sent_back = Money(refund["amount_minor"], refund["currency"])
        told.append(f"We refunded {sent_back} on {_day(refund['created'], zone)}.")
    return " ".join(told)


def _activity(visit: Mapping[str, Any], zone: ZoneInfo) -> str:
    steps = (
        ("received_at", "The customer's request for a visit came in"),
        ("assigned_at", "A licensed provider took the request"),
        ("ended_at", f"The visit was {visit.get('status')}"),
    )
    return "\n".join(f"{_moment(visit[name], zone)}: {words}." for name, words in steps if visit.get(name))


def _not_cancelled(facts: Mapping[str, Any], zone: ZoneInfo) -> str | None:
    plan = facts["subscription"]
    if plan is None or facts["charged_at"] is None:
        return None
    began = f"The subscription began on {_day(plan['start_date'], zone)}" if plan["start_date"] else "It"
    if plan["canceled_at"] is None:
        return f"{began} and was not cancelled."
    if datetime.fromisoformat(plan["canceled_at"]) > datetime.fromisoformat(facts["charged_at"]):
        return f"{began} and was cancelled on {_day(plan['canceled_at'], zone)}, after this payment."
    return None


def _day(moment: str, zone: ZoneInfo) -> str:
    return f"{datetime.fromisoformat(moment).astimezone(zone):%-d %B %Y}"


def _moment(moment: str, zone: ZoneInfo) -> str:
    return f"{datetime.fromisoformat(moment).astimezone(zone):%-d %B %Y %H:%M %Z}"
