"""The evidence of a dispute and of its appeal."""

from core.sandbox.engine.errors import Json, invalid
from core.sandbox.engine.params import Params
from core.sandbox.engine.unit_of_work import UnitOfWork

EVIDENCE_FIELDS = (
    "access_activity_log",
    "billing_address",
    "cancellation_policy",
    "cancellation_policy_disclosure",
    "cancellation_rebuttal",
    "customer_communication",
    "customer_email_address",
    "customer_name",
    "customer_purchase_ip",
    "customer_signature",
    "duplicate_charge_documentation",
    "duplicate_charge_explanation",
    "duplicate_charge_id",
    "product_description",
    "receipt",
    "refund_policy",
    "refund_policy_disclosure",
    "refund_refusal_explanation",
    "service_date",
    "service_documentation",
    "shipping_address",
    "shipping_carrier",
    "shipping_date",
    "shipping_documentation",
    "shipping_tracking_number",
    "uncategorized_file",
    "uncategorized_text",
)
NO_EVIDENCE: Json = {**dict.fromkeys(EVIDENCE_FIELDS), "appeal": None, "enhanced_evidence": {}}
TEST_EVIDENCE = ("winning_evidence", "losing_evidence", "escalate_inquiry_evidence")


def take_evidence(uow: UnitOfWork, dispute: Json, evidence: Params) -> None:
    appealing = dispute["status"] == "appeal_needs_response"
    if evidence.has("appeal"):
        _take_appeal(uow, dispute, evidence.under("appeal").under("card"), appealing)
    for name in evidence.raw:
        if name == "appeal":
            continue
        if appealing:
            raise invalid("Only appeal evidence can be changed while a dispute is appealed.", evidence.named(name))
        if name not in EVIDENCE_FIELDS:
            raise invalid(f"The sandbox does not support evidence[{name}].", evidence.named(name))
        value = evidence.text(name, longest=20_000)
        if value and value.startswith("file_"):
            uow.get("file", value, evidence.named(name))
        dispute["evidence"][name] = value
    has = any(dispute["evidence"][name] for name in (*EVIDENCE_FIELDS, "appeal"))
    dispute["evidence_details"]["has_evidence"] = has


def _take_appeal(uow: UnitOfWork, dispute: Json, card: Params, appealing: bool) -> None:
    """Take the seller's reason for the appeal, and the files that support it."""
    if not appealing:
        raise invalid(
            "Appeal evidence can only be submitted for a dispute with a status of appeal_needs_response. This one "
            f"has a status of {dispute['status']}.",
            "evidence[appeal]",
        )
    files = card.strings("supporting_files")
    for file_id in files:
        uow.get("file", file_id, card.named("supporting_files"))
    staged = (dispute["evidence"]["appeal"] or {}).get("card") or {"reason_for_filing": None, "supporting_files": None}
    reason = card.text("reason_for_filing") if card.has("reason_for_filing") else staged["reason_for_filing"]
    kept = (files or None) if card.has("supporting_files") else staged["supporting_files"]
    dispute["evidence"]["appeal"] = {"card": {"reason_for_filing": reason, "supporting_files": kept}}


def decisive_words(dispute: Json) -> str:
    """The text that may hold Stripe's test evidence: during an appeal its reason for filing."""
    if dispute["status"].startswith("appeal"):
        return str(((dispute["evidence"]["appeal"] or {}).get("card") or {}).get("reason_for_filing") or "")
    return str(dispute["evidence"]["uncategorized_text"] or "")
