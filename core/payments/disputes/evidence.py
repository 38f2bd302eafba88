"""Evidence for disputes: the fields that banks read, which ones each reason needs, and the limits of texts and files.

Fields and limits: https://docs.stripe.com/api/disputes/evidence_object; what each reason needs:
https://docs.stripe.com/disputes/categories; files: https://docs.stripe.com/disputes/best-practices.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from core.errors import Refused
from core.stripe_gateway import Json

if TYPE_CHECKING:
    from core.stripe_gateway import DisputeUpdateParamsEvidence

MAX_CHARACTERS, MAX_CHARACTERS_TOGETHER = 20_000, 150_000
MAX_FILE_BYTES = 4_500_000
_STARTS = {b"%PDF-": "pdf", b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "jpg"}


@dataclass(frozen=True)
class Field:
    """One field of the evidence: its name at Stripe, its title, and what belongs in it."""

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
        Field("customer_purchase_ip", "IP address of the purchase"),
        Field("service_date", "Date of the service", "When the visit took place or the plan began."),
        Field(
            "access_activity_log",
            "Activity log",
            "When the customer signed in, joined a visit or used the plan.",
            lines=4,
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
        Field("cancellation_rebuttal", "Why the subscription was not canceled", lines=3),
        Field("duplicate_charge_id", "The other charge", "The ID of the charge that looks like a duplicate."),
        Field("duplicate_charge_explanation", "How the two charges differ", lines=3),
        Field("uncategorized_text", "Summary", "What happened, in order. Banks read this first.", lines=6),
        _file("receipt", "Receipt", "What the customer was sent about the payment."),
        _file("customer_communication", "Messages with the customer", "Without anything about health."),
        _file("customer_signature", "Signed agreement"),
        _file("service_documentation", "Proof of the service", "Shows that the visit took place, without its content."),
        _file("refund_policy", "Refund policy", "As the customer saw it."),
        _file("cancellation_policy", "Cancellation policy", "As the customer saw it."),
        _file("duplicate_charge_documentation", "Documents for the other charge"),
        _file("uncategorized_file", "Other file"),
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
    """A reason for disputes: its title, what to show, and the fields that show it, the most important first."""

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
        "Not recognized",
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
        "Subscription canceled",
        "Show that it was not canceled before this payment, and that the customer knew how to.",
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
    """The reason in words; an unknown one needs the same fields as `general`."""
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


def known_at_stripe(dispute: Json) -> dict[str, str]:
    """The evidence saved at Stripe by our field names; the IDs of several files are separated by spaces."""
    saved = dispute.get("evidence") or {}
    known = {name: text for name, text in saved.items() if isinstance(text, str)}
    appeal = (saved.get("appeal") or {}).get("card") or {}
    files = " ".join(appeal.get("supporting_files") or [])
    return known | {
        name: text
        for name, text in (("appeal_reason", appeal.get("reason_for_filing")), ("appeal_files", files))
        if text
    }


def for_stripe(fields: Mapping[str, str]) -> "DisputeUpdateParamsEvidence":
    """The same fields as Stripe's parameters."""
    card: Json = {}
    if "appeal_reason" in fields:
        card["reason_for_filing"] = fields["appeal_reason"]
    if "appeal_files" in fields:
        card["supporting_files"] = fields["appeal_files"].split() or ""
    params = {name: text for name, text in fields.items() if name in FIELDS}
    return cast("DisputeUpdateParamsEvidence", params | ({"appeal": {"card": card}} if card else {}))


def check(fields: Mapping[str, str]) -> None:
    """Raises `Refused` for an unknown field, and for text longer than banks accept."""
    known = FIELDS | APPEAL_FIELDS
    if unknown := sorted(set(fields) - set(known)):
        raise Refused("unknown_field", f"Evidence has no field {', '.join(unknown)}.")
    for name, text in fields.items():
        if len(text) > MAX_CHARACTERS:
            raise Refused("text_too_long", f"{known[name].title} has more than 20,000 characters.")
    if sum(map(len, fields.values())) > MAX_CHARACTERS_TOGETHER:
        raise Refused("text_too_long", "All texts together can have at most 150,000 characters.")


def file_kind(content: bytes) -> str | None:
    """`pdf`, `png` or `jpg` by the first bytes; None for a file that banks do not accept."""
    return next((kind for start, kind in _STARTS.items() if content.startswith(start)), None)
